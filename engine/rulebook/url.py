"""Destination URLs by their text alone: the scheme, and which parts of them are secrets.

The senders' library is not asked: loading it takes longer than `engine check` may (docs/adr, start-up).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, unquote_plus

__all__ = ["LOCAL_KINDS", "kind_of", "secrets_of"]

LOCAL_KINDS = frozenset(
    {"blink1", "dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"},
)
"""Schemes that act on this machine itself."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30})://(.*)", re.DOTALL)
# The addresses that these services hand out for pasting.
_PASTED = {
    "hooks.slack.com": "slack",
    "discord.com": "discord",
    "discordapp.com": "discord",
    "api.telegram.org": "tgram",
    "chat.googleapis.com": "gchat",
}
_HOST = re.compile(
    r"(?:localhost|\[[0-9a-f:.]+\]|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|(?:[\w-]{1,63}\.)+[a-z]{2,24})(?::[0-9]*)?"
    r"|[\w.-]+:[0-9]{2,5}",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
# Words of paths and names of options that are the service's own and tell nothing.
_OPEN_WORDS = frozenset({
    "basic", "bearer", "channel", "channels", "default", "events", "incoming", "message", "messages", "notification",
    "notifications", "notify", "push", "send", "services", "spaces", "token", "webhook", "webhooks", "workflows",
})  # fmt: skip
_OPEN_OPTIONS = frozenset({
    "bcc", "cc", "cto", "emojis", "footer", "format", "from", "image", "mode", "name", "overflow", "priority", "reply",
    "rto", "smtp", "sound", "thumbnail", "title", "to", "tz", "verify",
})  # fmt: skip


def kind_of(url: str) -> str | None:
    """Return the scheme in lower case, the service for an address pasted from it, or None for no URL."""
    found = _SCHEME.fullmatch(url)
    if found is None:
        return None
    scheme = found[1].lower()
    host = re.split(r"[/?#:]", found[2], maxsplit=1)[0].lower()
    return _PASTED.get(host, scheme) if scheme == "https" else scheme


def secrets_of(url: str) -> frozenset[str]:
    """Return every part of a URL that may be a credential, as written and decoded, and the URL itself.

    In doubt a part is one: services put tokens in the user, the host, the path and the query alike. Not counted are
    host names, mail addresses, channel names and the words and options that belong to the service.
    """
    found = _SCHEME.fullmatch(url)
    if found is None:
        return frozenset()
    parts = {part for part in _parts(found[2]) if part}
    if not parts:
        return frozenset()
    decoded = {decode(part) for part in parts for decode in (unquote, unquote_plus)}
    return frozenset({url, found[2], *parts, *decoded})


def _parts(rest: str) -> Iterator[str]:
    address, _, query = rest.partition("?")
    authority, _, path = address.partition("/")
    user_info, _, host = authority.rpartition("@")
    user, _, password = user_info.partition(":")
    yield password
    if not _ADDRESS.fullmatch(unquote(user)):
        yield user
    if not _HOST.fullmatch(host):
        yield host
        yield from host.split(":")
    for segment in path.split("/"):
        if not _is_open(unquote(segment)):
            yield segment
    for option in query.split("&"):
        name, _, value = option.partition("=")
        if name.lower() not in _OPEN_OPTIONS:
            yield value
            yield from (word for word in unquote_plus(value).split() if not _is_open(word))


def _is_open(word: str) -> bool:
    return word.lower() in _OPEN_WORDS or word.startswith("#") or bool(_ADDRESS.fullmatch(word))
