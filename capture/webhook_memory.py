"""Which webhooks say nothing new: the same event came before, by webhook or over the websocket.

The memory is the journals themselves, read again at start: the last 24 hours of the webhooks' own, and what the
listener's has. So there is nothing to keep in step, and a crash between a line and its memory cannot happen.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from capture.dedupe import Seen, identity, millis
from capture.journal import wire_message

__all__ = ["About", "Memory", "Tail"]

DAY_MS = 24 * 3600 * 1000
_SAME_ALERT_MS = 5_000
_TIMELESS_MS = 30_000
_TAIL_BYTES = 32 << 20
_MANY = 50_000
_TIMES = ("timestamp", "start", "start_time", "end", "end_time")


class About(NamedTuple):
    """What the address of a webhook says of it: alert bodies name no stream."""

    kind: str
    stream: str | None = None
    alert: str | None = None


class _Alert(NamedTuple):
    label: str
    stream: str | None
    at_ms: int


class Memory:
    """What either plane has told. Units: `now_ms` is epoch milliseconds."""

    def __init__(self) -> None:
        self._seen = Seen()
        self._told: dict[Hashable, int] = {}
        self._heard_alerts: list[_Alert] = []

    def fresh(self, message: Mapping[str, Any], about: About, now_ms: int) -> bool:
        """Remember a webhook; return whether it says anything new."""
        placed = {"rtstream_id": about.stream, **message}
        alert = _alert_of(message, about)
        if alert is None and _is_known_shape(placed):
            return self._seen.fresh(placed)
        window_ms = DAY_MS if _has_time(message) else _TIMELESS_MS
        name = (*about, _alert_name(message) if alert else _digest(message))
        before_ms = self._told.get(name)
        if before_ms is not None and now_ms - before_ms < window_ms:
            return False
        self._told[name] = now_ms
        if len(self._told) > _MANY:
            del self._told[next(iter(self._told))]
        return alert is None or not self._was_heard(alert)

    def heard(self, line: Mapping[str, Any]) -> None:
        """Remember a line of the listener's journal."""
        message = wire_message(line)
        if message.get("channel") == "alert":
            alert = _alert_of(message, About("alert", message.get("rtstream_id")))
            if alert:
                self._heard_alerts = [*self._heard_alerts[-1000:], alert]
        elif _is_known_shape(message):
            self._seen.fresh(message)

    def recall(self, line: Mapping[str, Any]) -> None:
        """Remember a line of the webhooks' own journal, written by an earlier run."""
        about, at_s = line.get("_capture"), line.get("unix_ts")
        if isinstance(about, dict) and isinstance(at_s, int | float):
            where = About(str(about.get("kind")), about.get("stream"), about.get("alert"))
            self.fresh(wire_message(line), where, round(at_s * 1000))

    def _was_heard(self, alert: _Alert) -> bool:
        """Take one alert of the other plane for this one, so that two webhooks never count as one event."""
        for heard in self._heard_alerts:
            same_stream = None in (heard.stream, alert.stream) or heard.stream == alert.stream
            if heard.label == alert.label and same_stream and abs(heard.at_ms - alert.at_ms) <= _SAME_ALERT_MS:
                self._heard_alerts.remove(heard)
                return True
        return False


class Tail:
    """Reads what was appended to a journal since the last time, at most its last 32 MiB at first."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file_id: tuple[int, int] | None = None
        self._offset = 0

    def new_lines(self) -> Iterator[dict[str, Any]]:
        """Yield the objects of the complete lines that are new. A journal that is not there has none."""
        try:
            info = self._path.stat()
            if not self._path.is_file():
                return
            if self._file_id != (info.st_dev, info.st_ino) or info.st_size < self._offset:
                self._file_id, self._offset = (info.st_dev, info.st_ino), max(0, info.st_size - _TAIL_BYTES)
            if info.st_size == self._offset:
                return
            with self._path.open("rb") as file:
                file.seek(self._offset)
                for line in file:
                    if not line.endswith(b"\n"):
                        return
                    self._offset += len(line)
                    value = _object(line)
                    if value is not None:
                        yield value
        except OSError:
            return


def _is_known_shape(message: Mapping[str, Any]) -> bool:
    """Tell whether it has an identity; a session id that is a list makes none."""
    name = identity(message)
    try:
        hash(name)
    except TypeError:
        return False
    return name is not None


def _alert_of(message: Mapping[str, Any], about: About) -> _Alert | None:
    """Return the alert this is, or None. The label in the address counts when the body has none."""
    data = message.get("data")
    inner: Mapping[str, Any] = data if isinstance(data, dict) else {}
    named = [holder.get(key) for holder in (message, inner) for key in ("label", "event_label")]
    label = next((name for name in (*named, about.alert) if isinstance(name, str) and name), None)
    if label is None or not (about.kind == "alert" or "alert" in (message.get("channel"), message.get("type"))):
        return None
    times = [_ms(holder.get(key)) for holder in (message, inner) for key in ("timestamp", "start")]
    at_ms = next((at for at in times if at is not None), 0)
    return _Alert(label, message.get("rtstream_id") or about.stream, at_ms)


def _alert_name(message: Mapping[str, Any]) -> Hashable:
    """Return the identity the vendor names, event and time; a body without them is known by all of itself."""
    event_id, timestamp = message.get("event_id"), message.get("timestamp")
    named = isinstance(event_id, str) and isinstance(timestamp, str | int | float)
    return (event_id, timestamp) if named else _digest(message)


def _has_time(message: Mapping[str, Any]) -> bool:
    data = message.get("data")
    return any(name in holder for holder in (message, data) if isinstance(holder, dict) for name in _TIMES)


def _ms(value: Any) -> int | None:
    if not isinstance(value, str):
        return millis(value)
    try:
        return round(datetime.fromisoformat(value).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _digest(message: Mapping[str, Any]) -> bytes:
    try:
        text = orjson.dumps(message, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # surrogates, integers over 64 bits
        text = repr(sorted(message.items(), key=lambda item: item[0])).encode("utf-8", "replace")
    return blake2b(text, digest_size=12).digest()


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
