"""What a service's answer means: an `Outcome` from a status code or from what apprise wrote to its log.

Reasons are built from the words in this file and digits alone, so no address, token or captured text can be in one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from engine.model.delivery import Outcome, Permanent, Temporary

__all__ = ["from_log", "http", "smtp"]

# "Not now" among the 4xx; every other one is for ever (docs/rules.md, section 7).
_LATER = frozenset({408, 429})
# The address or its credential is no good: the next message would fare no better.
_GONE = frozenset({401, 403, 404, 410})
# Credentials refused (RFC 4954): again the next message would fare no better.
_SMTP_CREDENTIALS = frozenset({530, 534, 535, 538})

_ADVICE = {
    401: "the service refuses the credentials",
    403: "the service refuses the credentials",
    404: "no such address; was the webhook removed?",
    410: "the address is gone; was the webhook removed?",
    413: "the message is too large",
    429: "too many messages",
}

# Slack and its like answer 200 and then say no (https://docs.slack.dev/reference/methods/chat.postMessage).
_WORDS: dict[str, Outcome] = {
    "not_in_channel": Permanent("the bot is not in the channel; invite it there", pause=True),
    "channel_not_found": Permanent("no such channel, or the bot may not see it; invite it there", pause=True),
    "is_archived": Permanent("the channel is archived", pause=True),
    "invalid_auth": Permanent("the service refuses the credentials", pause=True),
    "not_authed": Permanent("the service refuses the credentials", pause=True),
    "token_revoked": Permanent("the token was revoked", pause=True),
    "token_expired": Permanent("the token has expired", pause=True),
    "account_inactive": Permanent("the account is inactive", pause=True),
    "missing_scope": Permanent("the token lacks a permission (scope)", pause=True),
    "msg_too_long": Permanent("the message is too large"),
    "no_text": Permanent("the service found no text in the message"),
    "ratelimited": Temporary("too many messages"),
}

_HTTP_STATUS = re.compile(r"\berror=(\d{3})\b")
# `(451, b'try later')` of smtplib's exceptions, and apprise's own line for one refused recipient.
_SMTP_STATUS = re.compile(r"""\(([2345]\d\d), b['"]|was refused: ([2345]\d\d) """)
# Anchored, because an answer may echo what we sent, and that holds captured text.
_WORD = re.compile(r"""\AResponse Details:\s*(?:b['"])?\{"ok":\s*false,\s*"error":\s*"([a-z_]{3,40})\"""")
# Discord and Telegram count seconds, Matrix milliseconds.
_RETRY_AFTER = re.compile(
    r"""\AResponse Details:.*["']retry_after(_ms)?["']\s*:\s*(\d{1,9}(?:\.\d{1,9})?)""", re.DOTALL
)
_MAX_RETRY_AFTER_MS = 3_600_000

_SOCKET: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"NameResolutionError|getaddrinfo|[Nn]ame or service not known|nodename nor servname", "host name not found"),
        (r"CERTIFICATE_VERIFY_FAILED|certificate verify failed", "the server's TLS certificate is not trusted"),
        (r"SSLError|SSL:|\[SSL", "TLS failed"),
        (r"[Cc]onnection refused|ConnectionRefused", "connection refused"),
        (r"[Tt]imed out|[Tt]imeout", "no answer in time"),
        (r"[Cc]onnection reset|ConnectionReset", "connection reset"),
        (r"unexpectedly closed|RemoteDisconnected|Connection aborted|[Bb]roken pipe|IncompleteRead", "closed early"),
        (r"unreachable|[Nn]o route", "network unreachable"),
    )
)
_SOCKET_LINE = re.compile(r"\A(?:Socket|I/O|Notification) Exception\b")


def http(scheme: str, status: int, retry_after_ms: int | None = None) -> Outcome:
    """Return what an HTTP status other than success means: 3xx and 4xx are final but for 408 and 429."""
    reason = f"{scheme}: HTTP {status}"
    if advice := _ADVICE.get(status):
        reason += f", {advice}"
    if 300 <= status < 400:
        return Permanent(f"{reason}, a redirect; put the final address into engine.yaml")
    if 400 <= status < 500 and status not in _LATER:
        return Permanent(reason, pause=status in _GONE)
    return Temporary(reason, retry_after_ms)


def smtp(scheme: str, status: int) -> Outcome:
    """Return what an SMTP reply code means: 5xx is final, 4xx is not."""
    reason = f"{scheme}: SMTP {status}"
    if status >= 500:
        return Permanent(reason, pause=status in _SMTP_CREDENTIALS)
    return Temporary(reason)


def from_log(scheme: str, entries: Iterable[tuple[str, str]]) -> Outcome:
    """Return the outcome of a send that failed, from apprise's captured log of it; unknown means temporary.

    Shape: entries are (level, message) in the order written. Debug messages hold secrets and our own text, so each
    is matched only in the form that apprise gives to that kind of failure, and the digits alone are kept.
    """
    told = list(entries)
    for _, message in told:
        if (word := _WORD.search(message)) and (known := _WORDS.get(word[1])):
            return _named(scheme, known)
    for level, message in reversed(told):
        if level in ("WARNING", "ERROR") and (statuses := _HTTP_STATUS.findall(message)):
            return http(scheme, int(statuses[-1]), _retry_after_ms(told))
    sockets = [message for _, message in told if _SOCKET_LINE.search(message) or "was refused: " in message]
    for message in reversed(sockets):
        if code := _SMTP_STATUS.search(message):
            return smtp(scheme, int(code[1] or code[2]))
    for pattern, words in _SOCKET:
        if any(map(pattern.search, sockets)):
            return Temporary(f"{scheme}: {words}")
    return Temporary(f"{scheme}: failed, and the service gave no reason")


def _retry_after_ms(entries: Iterable[tuple[str, str]]) -> int | None:
    for _, message in entries:
        if found := _RETRY_AFTER.search(message):
            wish = float(found[2]) * (1 if found[1] else 1000)
            return min(round(wish), _MAX_RETRY_AFTER_MS)
    return None


def _named(scheme: str, outcome: Outcome) -> Outcome:
    match outcome:
        case Permanent(reason, pause):
            return Permanent(f"{scheme}: {reason}", pause)
        case Temporary(reason, retry_after_ms):
            return Temporary(f"{scheme}: {reason}", retry_after_ms)
        case _:
            return outcome
