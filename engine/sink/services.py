"""What each kind of destination is like: how it reads text, how much it takes, how fast it may be fed.

Facts about services only, as data; what follows from them is in neutralize.py, apprise.py and run/deliver.py.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from engine.model.route import Destination

__all__ = ["Reading", "Service", "pace_ms", "service"]

Reading: TypeAlias = Literal["literal", "chat", "markdown"]
"""literal: text is only shown. chat: `@name` calls people. markdown: that, and raw text is formatted too."""


class Service(NamedTuple):
    """One kind of destination. Units: `limit` characters of body, `pace_ms` between two sends."""

    reading: Reading
    limit: int
    pace_ms: int


_UNKNOWN = Service("chat", 4_000, 1_000)

_WEBHOOK = Service("literal", 20_000, 0)
_MAIL = Service("literal", 20_000, 2_000)
_LOCAL = Service("literal", 1_000, 0)
_PUSH = Service("literal", 3_800, 1_000)
_SMS = Service("literal", 160, 1_000)

_GROUPS: tuple[tuple[str, Service], ...] = (
    ("json jsons xml xmls form forms apprise apprises", _WEBHOOK),
    ("console record", _WEBHOOK),
    ("mailto mailtos mailgun sendgrid postmark resend ses smtp2go sparkpost brevo mailersend o365 azure", _MAIL),
    ("dbus kde qt glib gio gnome macosx windows growl syslog rsyslog", _LOCAL),
    ("ntfy ntfys gotify gotifys hassio hassios mqtt mqtts ifttt pagerduty opsgenie signal signals", _PUSH),
    ("pover pbul prowl bark barks join simplepush spush pushy onesignal", Service("literal", 1_000, 1_000)),
    ("twilio vonage nexmo clickatell msgbird plivo sns bulksms clicksend sinch 46elks voipms", _SMS),
    # Slack reads `<!here>` but not `@here`, and apprise sends `&lt;!here&gt;` for declared plain text.
    # One message a second is Slack's own limit for a webhook.
    ("slack", Service("literal", 7_000, 1_000)),
    # Discord refuses more than 2,000 characters, and counts 5 posts in 2 seconds a webhook.
    ("discord guilded fluxer fluxers revolt", Service("markdown", 2_000, 500)),
    ("mmost mmosts zulip lark feishu wecombot dingtalk nctalk nctalks", Service("markdown", 4_000, 1_000)),
    ("tgram", Service("chat", 4_000, 1_000)),
)

_BY_SCHEME = {scheme: known for schemes, known in _GROUPS for scheme in schemes.split()}


def service(scheme: str) -> Service:
    """Return what is known of a URL scheme; an unknown one counts as a chat that calls people by `@`."""
    return _BY_SCHEME.get(scheme, _UNKNOWN)


def pace_ms(destination: Destination) -> int:
    """Return the least time between two sends: what `engine.yaml` says, else the service's own limit."""
    return 60_000 // destination.per_min if destination.per_min else service(destination.kind).pace_ms
