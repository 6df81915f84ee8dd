"""Send through apprise: one service to one object, exactly one attempt a call, no secret in what is told.

apprise is imported when the first sender is made, never when this module is: that costs 0.9 s and 40 MiB. Its own
retries, pacing, splitting, redirects and worker threads are switched off, because the outbox owns them.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

from engine.model.delivery import Delivery, Outcome, Permanent, Sent
from engine.model.notification import Notification
from engine.model.route import Destination
from engine.sink import neutralize, outcome

__all__ = ["AppriseSender", "check_destination"]

_NOTHING: Mapping[str, object] = MappingProxyType({})
_LOGGERS = ("apprise", "urllib3", "requests", "charset_normalizer")
# Services whose `headers` leave with the message, so that a receiver may know a repeat by its key.
_HEADER_SCHEMES = frozenset({"json", "jsons", "form", "forms", "xml", "xmls", "mailto", "mailtos"})
_HEADER_SAFE = re.compile(r"[A-Za-z0-9._:/-]{1,120}\Z")
_LEVELS = {"info": "info", "warn": "warning", "error": "failure", "critical": "failure"}
# A body is shortened until it fits after escaping (`&` becomes five characters); halving ends this soon.
_LEAST_BODY = 40


def _apprise(part: str = "") -> Any:
    """Import apprise now. Typed as anything, because half of its functions are not typed."""
    return importlib.import_module(f"apprise{part}")


class AppriseSender:
    """A destination's way out through apprise. An unusable URL is told by the first `send`, not raised.

    `overrides` replaces attributes of the service, so that a test can aim Slack at a server of its own.
    """

    def __init__(self, destination: Destination, overrides: Mapping[str, object] = _NOTHING) -> None:
        self._destination = destination
        self._service, self._refusal = _load(destination.url)
        self._apprise = _apprise().Apprise()
        self._scheme = destination.kind
        if self._service is not None:
            self._apprise.add(self._service)
            self._scheme = _scheme(self._service, destination.kind)
        for name, value in overrides.items():
            setattr(self._service, name, value)

    def send(self, delivery: Delivery) -> Outcome:
        """Try once. Blocks for the URL's `cto` and `rto` (4 s each; mail 15 s), unless a server drips bytes."""
        if self._service is None:
            return Permanent(f"{self._scheme}: {self._refusal}", pause=True)
        line, body = self._texts(delivery)
        self._mark(delivery.notification.key)
        with self._apprise.notify(
            body=body,
            title=line,
            notify_type=_LEVELS[delivery.notification.severity],
            body_format="text",
            log_level=logging.DEBUG,
        ) as result:
            if result.status == _apprise().AppriseResultStatus.SUCCESS:
                return Sent()
            if not len(result):
                return Permanent(f"{self._scheme}: apprise refused the message")
            return outcome.from_log(self._scheme, [(entry.level, entry.message) for entry in result.logs()])

    def _texts(self, delivery: Delivery) -> tuple[str, str]:
        """Return title and body as they may leave, the body short enough to go out in one piece."""
        most = int(self._service.body_maxlen)
        # Many services put the title in front of the body; a third is what it may take of a short message.
        line = neutralize.title(delivery.notification.title, self._scheme, most // 3)
        text = neutralize.permitted(delivery.notification.body, self._destination.text, self._destination.excerpt)
        if delivery.crashes:
            text = f"{text}\n{_repeat_mark(delivery.notification)}"
        room = max(_LEAST_BODY, most - len(line) - 2)
        limit = room
        while True:
            body = neutralize.neutralize(text, self._scheme, limit)
            grown = self._grown(body)
            if grown <= room or limit <= _LEAST_BODY:
                return line, body
            limit = max(_LEAST_BODY, limit * room // grown - 1)

    def _grown(self, body: str) -> int:
        """Return the length of a body after apprise's own escaping for this service."""
        form = self._service.resolve_format("text")
        escaped = _apprise(".conversion").convert_between("text", form, body)
        return len(self._service.dialect_convert(escaped, form))

    def _mark(self, key: str) -> None:
        if self._scheme in _HEADER_SCHEMES:
            safe = (
                key
                if _HEADER_SAFE.match(key)
                else hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=16).hexdigest()
            )
            self._service.headers["X-Engine-Key"] = safe


def check_destination(url: str) -> str | None:
    """Return why apprise would refuse this URL, without any part of it; None means it would take it."""
    return _load(url)[1] or None


def _repeat_mark(notification: Notification) -> str:
    """Name the message, so that a reader can tell a repeat after a crash from a second event."""
    short = hashlib.blake2b(notification.key.encode("utf-8", "replace"), digest_size=4).hexdigest()
    return f"[may be a repeat, ref {short}]"


def _load(url: str) -> tuple[Any, str]:
    """Return the service a URL names, tamed, or None and the reason."""
    _silence()
    apprise = _apprise()
    with _heard() as messages:
        parts = apprise.plugins.url_to_dict(url)
        if parts is None:
            return None, _refusal(url, messages)
        # `format=markdown` would let captured text format and call people again.
        parts.pop("format", None)
        asset = apprise.AppriseAsset(
            service_timeout=0, http_redirects=False, allow_templates=False, interpret_emojis=False
        )
        service = apprise.Apprise.instantiate(parts, asset=asset)
    return (_tamed(service), "") if service else (None, _refusal(url, messages))


def _scheme(service: Any, kind: str) -> str:
    """Return the scheme apprise knows a service by: `https://hooks.slack.com/...` is slack."""
    schemes = service.schemas()
    return kind if kind in schemes else min(schemes, default=kind)


def _tamed(service: Any) -> Any:
    """Undo what the URL or the plugin asks for and the outbox already does."""
    service.retry, service.wait = 0, 0.0
    service.redirects = False
    service.optional = False  # An optional service's failure counts as success.
    service.interpret_emojis = False
    service.overflow_mode = "truncate"
    service.request_rate_per_sec = 0  # These are seconds to sleep: 5.5 for mail.
    return service


def _silence() -> None:
    """Keep apprise and below from writing anywhere: at DEBUG they print addresses, bodies and tokens.

    apprise's own level stays at DEBUG, because its captures, which `send` reads, see only what its logger lets pass.
    """
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.setLevel(logging.DEBUG if name == "apprise" else logging.CRITICAL)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


_listener: ContextVar[logging.Handler | None] = ContextVar("listener", default=None)


class _Heard(logging.Handler):
    """Keep what apprise says in this thread; others may be sending meanwhile."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if _listener.get() is self:
            self.messages.append(record.getMessage())


@contextmanager
def _heard() -> Iterator[list[str]]:
    handler = _Heard()
    logging.getLogger("apprise").addHandler(handler)
    token = _listener.set(handler)
    try:
        yield handler.messages
    finally:
        _listener.reset(token)
        logging.getLogger("apprise").removeHandler(handler)


def _refusal(url: str, messages: list[str]) -> str:
    """Build a reason out of apprise's words, with the URL and every part of it taken out."""
    scheme = url.partition("://")[0].lower()
    known = list(_apprise(".manager_plugins").NotificationManager().schemas(include_disabled=True))
    if "://" not in url:
        return "not an apprise URL; it looks like slack://... or mailto://... (apprise's list of services has them all)"
    if scheme in ("http", "https"):
        return "apprise knows no service at this address; for a webhook of your own write json:// or jsons://"
    if scheme not in known:
        near = difflib.get_close_matches(scheme, known, n=1)
        return "apprise has no such service" + (f"; did you mean {near[0]}://?" if near else "")
    if any("disabled on this system" in message for message in messages):
        return "apprise needs one more package on this machine for this service"
    told = [text for message in messages if (text := _without(url, message))]
    return "apprise cannot use this URL: " + ("; ".join(told) or "a part of it is missing or malformed")


def _without(url: str, message: str) -> str:
    """Return a message without the URL, its parts, and what is in brackets or after a colon; perhaps empty."""
    if message.startswith(("Could not load", "Unparseable", "Unsupported")):
        return ""
    text = re.sub(r"\([^)]*\)|\S+://\S*|:.*", "", message, flags=re.DOTALL)
    for part in sorted(set(_parts(url)), key=len, reverse=True):
        text = text.replace(part, "...")
    return neutralize.safe_line(re.sub(r"\s+", " ", text).strip(" .:"), 200)


def _parts(url: str) -> list[str]:
    """Return every piece of a URL after the scheme, as written and with its percent codes read."""
    pieces = re.split(r"[/?&=@:+,#]", url.partition("://")[2])
    return [form for piece in pieces for form in (piece, unquote(piece)) if len(form) >= 3]
