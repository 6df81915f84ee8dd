"""One line to one draft of an event: the only place that knows wire names, shapes and aliases.

A draft holds what the line alone says. What needs memory (which clock, which session, seen before?) is
`intake`'s. Invariant: no line raises; a line that is not an event becomes a `Malformed` with a reason.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from engine.core.moment import EARLIEST_MS, LATEST_MS, instant_ms
from engine.model.event import Event, Line, Malformed

__all__ = ["Draft", "alert_label", "decode", "draft", "event_id", "key_bytes", "parse", "stream_source"]

EARLIEST_S, LATEST_S = EARLIEST_MS / 1000, LATEST_MS / 1000
MAX_DEPTH = 64
MAX_NODES = 20_000

_KINDS = {
    "transcript": "transcript",
    "visual_index": "visual_index",
    "scene_index": "visual_index",
    "audio_index": "audio_index",
    "spoken_index": "audio_index",
    "alert": "alert",
    "capture_session": "session",
    "capture": "capture",
    "rule": "rule",
    "engine": "engine",
}
_PLAIN = {
    "transcript": "transcript",
    "visual_index": "visual_index",
    "scene_index": "visual_index",
    "audio_index": "audio_index",
    "alert": "alert",
}
_INDEX_TYPES = {"visual": "visual_index", "scene": "visual_index", "audio": "audio_index", "spoken": "audio_index"}
_EVENT_FAMILIES = {"capture_session": "session", "capture": "capture", "rule": "rule", "engine": "engine"}
# The vendor's samples name streams "Capture mic - cap-83e6" as well as "mic:default".
_VENDOR_NAME = re.compile(r"Capture (mic|system_audio|display|screen|camera)\b")
_STRINGS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_SPOKEN_OR_SEEN = frozenset(("transcript", "visual_index", "audio_index"))
# Where the text of a kind may be when there is no `text`: polled records, webhooks and summaries.
_OTHER_TEXT = {"visual_index": "description", "audio_index": "summary", "alert": "explanation"}
# What a listener or our own runner stamps on anew: never part of an event's identity.
_STAMPS = frozenset(("ts", "unix_ts", "_capture"))


class Draft(NamedTuple):
    """What one line says by itself. Units: epoch milliseconds, None where the line has no usable time.

    `start_ms` and `end_ms` are the event's own (media) times, `seen_ms` its arrival. `key` is its identity
    (RULES 7): equal for the same event written twice, whatever a listener stamped on it.
    """

    body: dict[str, Any]
    kind: str
    status: str | None
    text: str | None
    start_ms: int | None
    end_ms: int | None
    seen_ms: int | None
    final: bool
    stream_id: str | None
    stream: str | None
    session: str | None
    key: tuple[Any, ...]


def decode(line: Line) -> Draft | Malformed:
    """Return what the line says. Errors: none; what cannot be an event is `Malformed`."""
    text = line.text
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        body = None
    # The short way for nearly every line; `parse` looks closer at the others.
    if body.__class__ is dict and len(text) <= MAX_NODES and text.count(b"{") + text.count(b"[") <= MAX_DEPTH:
        return _plain(body) or _any_shape(body)
    body = parse(text)
    return body if isinstance(body, Malformed) else draft(body)


def parse(text: bytes) -> dict[str, Any] | Malformed:
    """Return the JSON object of a line, strictly: UTF-8, no NaN, bounded depth and size.

    A lone surrogate escape is replaced by U+FFFD, so that no later encoder fails on it.
    """
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        body = _parse_odd(text)
        if isinstance(body, Malformed):
            return body
    if not isinstance(body, dict):
        return Malformed("not-object", f"a {type(body).__name__}, not an object")
    # Counting is cheap; the walk is only for the rare line that may be over a limit.
    if text.count(b"{") + text.count(b"[") > MAX_DEPTH or (len(text) > MAX_NODES and text.count(b",") > MAX_NODES):
        fault = _over_limit(body)
        if fault is not None:
            return fault
    return body


def _parse_odd(text: bytes) -> Any:
    """Parse what orjson refuses: repair lone surrogates, name the fault of everything else."""
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        return Malformed("not-utf8", f"byte {error.start}")
    # Before the parser: how deep that can go differs from one Python to the next.
    if _depth(decoded) > MAX_DEPTH:
        return Malformed("too-deep", f"more than {MAX_DEPTH} levels")
    try:
        body = json.loads(decoded, parse_constant=_refuse_constant, parse_int=_whole_number)
    except ValueError as error:
        return Malformed("not-json", str(error)[:80])
    fault = _over_limit(body)
    return fault if fault is not None else _without_surrogates(body)


def _depth(text: str) -> int:
    """Return how deep brackets stand within one another, those in strings left out; for broken JSON an estimate."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _whole_number(digits: str) -> int | float:
    """Return a number of 64 bits as it is and a longer one rounded, as orjson does: it could not write it either."""
    if len(digits) <= 20 and -(2**63) <= (number := int(digits)) < 2**64:
        return number
    return float(digits)


def _over_limit(body: Any) -> Malformed | None:
    """Name the limit that a parsed line breaks, if any. Depth counts objects and lists within one another."""
    nodes, level, layer = 1, 0, [body]
    while layer := [value for value in layer if isinstance(value, dict | list)]:
        level += 1
        below = [inner for value in layer for inner in (value.values() if isinstance(value, dict) else value)]
        nodes += len(below)
        if level > MAX_DEPTH:
            return Malformed("too-deep", f"more than {MAX_DEPTH} levels")
        if nodes > MAX_NODES:
            return Malformed("too-large", f"more than {MAX_NODES} values")
        if any(isinstance(value, float) and value in (float("inf"), float("-inf")) for value in below):
            return Malformed("not-json", "a number too large for JSON")
        layer = below
    return None


def _without_surrogates(value: Any) -> Any:
    """Replace lone surrogates. The depth was checked, so recursion is bounded."""
    if isinstance(value, str):
        return _SURROGATES.sub("�", value)
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(inner) for inner in value]
    return value


def draft(body: dict[str, Any]) -> Draft:
    """Return the normalised reading of an object that already is one event."""
    return _plain(body) or _any_shape(body)


def _plain(body: dict[str, Any]) -> Draft | None:
    """Read the shape of nine lines in ten, with every field of its usual type; None for anything else.

    Costs a third of `_any_shape`, which gives the same answer (property-tested).
    """
    try:
        data, kind, stamp = body["data"], _PLAIN[body["channel"]], body["unix_ts"]
        stream_id, stream = body["rtstream_id"], body["rtstream_name"]
        text, start, end = data["text"], data["start"], data["end"]
    except (KeyError, TypeError, IndexError):
        return None
    if not (
        text.__class__ is stream_id.__class__ is stream.__class__ is str
        and stream_id
        and stream
        and start.__class__ is end.__class__ is int
        and EARLIEST_MS <= start <= end < LATEST_MS
        and stamp.__class__ is float
        and EARLIEST_S <= stamp < LATEST_S
        and data.__class__ is dict
        and "capture_session_id" not in data
        and "capture_session_id" not in body
        and "event" not in body
    ):
        return None
    final = data.get("is_final", body.get("is_final")) is not False
    seen = round(stamp * 1000)
    key: tuple[Any, ...] = (kind, stream_id, None, start, end, text, final)
    if kind == "alert":
        key = (kind, stream_id, None, start, end, _about(kind, body, data))
    return tuple.__new__(Draft, (body, kind, None, text, start, end, seen, final, stream_id, stream, None, key))


def _any_shape(body: dict[str, Any]) -> Draft:
    data = body.get("data")
    if not isinstance(data, dict):
        data = {}
    kind, status = _kind_and_status(body, data)
    stream_id, stream = body.get("rtstream_id"), body.get("rtstream_name")
    session = body.get("capture_session_id", data.get("capture_session_id"))
    if kind == "session" and session is None:
        session = body.get("session_id", body.get("id"))
    if stream_id.__class__ is not str or stream.__class__ is not str or session is not None:
        stream_id, stream, session = _name(stream_id), _name(stream), _name(session)
    if stream_id is None:
        stream_id = _received_for(body)
    start, end = _span_ms(body, data, kind)
    text = _text(body, data, kind)
    final = data.get("is_final", body.get("is_final")) is not False
    seen = instant_ms(body.get("unix_ts"))
    if seen is None:
        seen = instant_ms(body.get("ts"))
    moment = start if start is not None or seen is None else seen // 1000
    # The key is what tells events apart, not a hash of it: hashing costs 1.5 us, and few are ever asked for one.
    key: tuple[Any, ...]
    if text is not None and kind in _SPOKEN_OR_SEEN:
        key = (kind, stream_id or stream, session, moment, end, text, final)
    elif kind == "session" and status is not None:
        key = (kind, session, status)
    else:
        key = (kind, stream_id or stream, session, moment, end, _about(kind, body, data))
    return Draft(body, kind, status, text, start, end, seen, final, stream_id, stream, session, key)


def _received_for(body: dict[str, Any]) -> str | None:
    """Return the stream a webhook came for: its body names none, so the receiver notes it from the address."""
    noted = body.get("_capture")
    return _name(noted.get("stream")) if isinstance(noted, dict) else None


def alert_label(body: dict[str, Any]) -> str | None:
    """Return an alert's label under either of its wire names."""
    data = body.get("data")
    for holder in (data, body):
        if isinstance(holder, dict):
            label = holder.get("label", holder.get("event_label"))
            if isinstance(label, str):
                return label
    return None


def _kind_and_status(body: dict[str, Any], data: dict[str, Any]) -> tuple[str, str | None]:
    event = body.get("event")
    channel = body.get("channel")
    kind = _KINDS.get(channel) if isinstance(channel, str) else None
    family, _, suffix = event.partition(".") if isinstance(event, str) else ("", "", "")
    if kind is None and suffix:
        kind = _EVENT_FAMILIES.get(family)
    if kind is None:
        kind = _flat_kind(body)
    if kind == "session":
        return kind, _name(body.get("status")) or _name(data.get("status")) or suffix or None
    return kind, (suffix or None) if kind in ("rule", "engine", "capture") else None


def _flat_kind(body: dict[str, Any]) -> str:
    """Return the kind of the shapes without a channel: flat webhooks, and alerts without a type."""
    named = body.get("type", body.get("event_type"))
    if named == "index":
        index_type = body.get("index_type")
        return _INDEX_TYPES.get(index_type, "other") if isinstance(index_type, str) else "other"
    if isinstance(named, str) and named in _KINDS:
        return _KINDS[named]
    return "alert" if "event_label" in body or ("event_id" in body and "label" in body) else "other"


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _text(body: dict[str, Any], data: dict[str, Any], kind: str) -> str | None:
    """Return what the event says. A null counts as absent; the first field that is there decides."""
    value = data.get("text")
    if value is None:
        value = body.get("text")
    if value is None:
        other = _OTHER_TEXT.get(kind)
        names = ("label", "event_label") if other is None else (other, "label", "event_label")
        value = next((holder[name] for name in names for holder in (data, body) if holder.get(name) is not None), None)
    return _as_text(value)


def _as_text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return "\n".join(value)
    return None


def _span_ms(body: dict[str, Any], data: dict[str, Any], kind: str) -> tuple[int | None, int | None]:
    if kind == "session":
        start = instant_ms(body.get("timestamp"))
        return start, start
    start = instant_ms(data["start"] if "start" in data else body.get("start"))
    if start is None:
        start = instant_ms(data.get("timestamp", body.get("timestamp")))
        if start is None:
            return None, None
    end = instant_ms(data["end"] if "end" in data else body.get("end"))
    return start, end if end is not None and end >= start else start


@lru_cache(maxsize=1024)
def stream_source(stream: str | None) -> str | None:
    """Return the kind of device behind a stream name: the part before `:`, or the vendor's `Capture mic - ...`."""
    if stream is None:
        return None
    found = _VENDOR_NAME.match(stream)
    source = found[1] if found else stream.partition(":")[0]
    return "display" if source == "screen" else source


def _about(kind: str, body: dict[str, Any], data: dict[str, Any]) -> str:
    """Return what makes an alert, or an event of no known kind, itself: all of it but the stamps."""
    if kind == "alert":
        return f"{alert_label(body)!r}\x1f{_text(body, data, kind)}"
    return repr({name: value for name, value in body.items() if name not in _STAMPS})


def event_id(event: Event) -> str:
    """Return the event's identity as 24 hex digits: equal for the same event written twice."""
    return blake2b(key_bytes(event.key), digest_size=12).hexdigest()


def key_bytes(key: tuple[Any, ...]) -> bytes:
    """Return a key as bytes: the same in every run, different for different keys."""
    return repr(key).encode("utf-8", "replace")
