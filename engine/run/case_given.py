"""`given:` of a rule test to what arrives, and when: lines as in a journal, and what people do meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from engine.core.decode import decode
from engine.core.lines import split
from engine.core.moment import DAY_MS, instant_ms, iso_ms, iso_text
from engine.model.errors import Problem, RecordingError, RulebookError, Span
from engine.model.event import Chunk, Line, Malformed
from engine.model.rule import RuleTest
from engine.rulebook.scalars import offset_ms
from engine.source.recording import Recording

__all__ = ["MOST_EVENTS", "Arrival", "arrivals_of", "restamped", "start_of"]

B = TypeVar("B")

START_MS = iso_ms("2026-01-05T09:00:00Z") or 0
MOST_EVENTS = 20_000
"""A test of more is a backtest."""
SESSION = "cap-test"
STREAMS = {
    "transcript": ("rts-mic", "mic:default"),
    "visual_index": ("rts-display", "display:1"),
    "audio_index": ("rts-mic", "mic:default"),
    "alert": ("rts-display", "display:1"),
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """One line of the test's journal, or an act. Units: `at_ms` epoch instant of arrival; `late_ms` behind its time.

    Shape: `act` is empty for a line, which has a `body`; else one of restart, reload, ack, snooze, mock, route, tick,
    with its `value`. `path` and `line_no` say where in a recording a line stands.
    """

    at_ms: int
    body: dict[str, Any] | None = None
    act: str = ""
    value: Any = None
    late_ms: int = 0
    path: str = "test"
    line_no: int = 0


def start_of(test: RuleTest) -> int:
    """Return the instant at which the test's clock begins: a Monday at 09:00 UTC unless it says otherwise."""
    return (iso_ms(test.start) if test.start is not None else None) or START_MS


def arrivals_of(test: RuleTest) -> list[Arrival]:
    """Return everything in the order of its time; what has one time keeps the order of the file.

    Errors: `RulebookError` for a recording that cannot be used, with the place where the test names it.
    """
    start_ms = start_of(test)
    found: list[Arrival] = []
    for entry in test.given:
        found += _arrivals(entry, start_ms)
    return sorted(found, key=lambda arrival: arrival.at_ms)


def restamped(arrival: Arrival, at_ms: int) -> Arrival:
    """Return the line as if it had arrived at another time, with the stamps that a listener would give it then."""
    body = {**(arrival.body or {}), "ts": iso_text(at_ms), "unix_ts": at_ms / 1000}
    late_ms = arrival.late_ms + at_ms - arrival.at_ms
    return Arrival(at_ms, body, late_ms=late_ms, path=arrival.path, line_no=arrival.line_no)


def _arrivals(entry: dict[str, Any], start_ms: int) -> list[Arrival]:
    at_ms = start_ms + int(entry["at_ms"])
    if "recording" in entry:
        return _recorded(entry["recording"], at_ms)
    if "engine" in entry:
        return [Arrival(at_ms, act=entry["engine"])]
    for act in ("ack", "snooze_ms", "mock", "route"):
        if act in entry:
            return [Arrival(at_ms, act=act.removesuffix("_ms"), value=entry[act])]
    late_ms = int(entry.get("late_ms", 0))
    came_ms = at_ms + late_ms
    body = _body(entry, at_ms, start_ms, came_ms)
    return [Arrival(came_ms, body, late_ms=late_ms)] * (2 if entry.get("dup") else 1)


def _body(entry: dict[str, Any], at_ms: int, start_ms: int, came_ms: int) -> dict[str, Any]:
    stamps = {"ts": iso_text(came_ms), "unix_ts": came_ms / 1000}
    if "raw" in entry:
        return {**stamps, **entry["raw"]}
    kind, data = entry["kind"], dict(entry.get("data", {}))
    if kind == "session":
        return {
            **stamps, "channel": "capture_session", "event": f"capture_session.{entry['status']}",
            "capture_session_id": SESSION, "status": entry["status"], "data": data,
        }  # fmt: skip
    stream_id, stream = STREAMS[kind]
    stream_id, stream = (f"rts-{entry['stream']}", entry["stream"]) if "stream" in entry else (stream_id, stream)
    end_ms = start_ms + int(entry["end_ms"]) if "end_ms" in entry else at_ms
    said: dict[str, Any] = {"start": at_ms, "end": end_ms}
    if kind == "alert":
        said |= {"label": entry["label"], "triggered": True}
    else:
        said["text"] = entry["text"]
    if kind == "transcript":
        said["is_final"] = entry.get("final", True)
    return {
        **stamps, "channel": entry["channel"], "rtstream_id": stream_id, "rtstream_name": stream,
        "data": {**said, **data},
    }  # fmt: skip


def _recorded(part: dict[str, Any], at_ms: int) -> list[Arrival]:
    """Return a part of a recording, moved so that its beginning arrives at `at_ms`."""
    span: Span = part["span"]
    path = str(Path(span.file).parent / Path(part["file"]).expanduser())
    first_ms = last_ms = begin_ms = None
    end_ms: int | None = None
    found: list[Arrival] = []
    try:
        for seen_ms, body, line in _lines(path):
            if first_ms is None or begin_ms is None:
                first_ms = seen_ms
                begin_ms, end_ms = _bound(part["since"], first_ms, first_ms), _bound(part["until"], first_ms, None)
            last_ms = seen_ms
            if begin_ms <= seen_ms and (end_ms is None or seen_ms < end_ms):
                by_ms = at_ms - begin_ms
                found.append(Arrival(seen_ms + by_ms, _moved(body, by_ms), path=line.path, line_no=line.line_no))
            if len(found) > MOST_EVENTS:
                raise _unusable(span, "too-big", f"more than {MOST_EVENTS:,} events", "name a shorter part of it")
    except RecordingError as error:
        raise _unusable(span, "no-recording", str(error), "the path counts from the rule file's folder") from error
    if first_ms is None or last_ms is None:
        raise _unusable(span, "empty-recording", f"no event in {part['file']}", "name another recording")
    if not found:
        held = f"it goes from {iso_text(first_ms)} to {iso_text(last_ms)}"
        raise _unusable(span, "empty-recording", f"no event of {part['file']} lies in this part", held)
    return found


def _lines(path: str) -> Iterator[tuple[int, dict[str, Any], Line]]:
    """Yield (arrival, body, line) of every event of a recording; a line that is none tells no rule anything."""
    seen_ms = 0
    with Recording(path) as recording:
        for item in recording:
            for line in split(item) if isinstance(item, Chunk) else ():
                decoded = decode(line)
                if not isinstance(decoded, Malformed):
                    seen_ms = decoded.seen_ms or decoded.end_ms or seen_ms
                    yield seen_ms, decoded.body, line


def _bound(text: str | None, first_ms: int, otherwise: B) -> int | B:
    """Return the instant that `10:15:00` (UTC, on the recording's first day) or `90s` (from its first event) means."""
    if text is None:
        return otherwise
    return (first_ms // DAY_MS * DAY_MS if ":" in text else first_ms) + offset_ms(text)


def _moved(body: dict[str, Any], by_ms: int) -> dict[str, Any]:
    """Return the event as if all of it had happened that much later."""
    moved = {name: _shifted(value, by_ms) if name in _TIMES else value for name, value in body.items()}
    data = moved.get("data")
    if isinstance(data, dict):
        moved["data"] = {name: _shifted(value, by_ms) if name in _TIMES else value for name, value in data.items()}
    return moved


_TIMES = frozenset(("ts", "unix_ts", "start", "end", "timestamp"))


def _shifted(value: Any, by_ms: int) -> Any:
    """Return an instant moved, in its own unit (RULES 7); whatever is no instant stays as it is."""
    at_ms = instant_ms(value)
    if at_ms is None:
        return value
    if isinstance(value, str):
        return iso_text(at_ms + by_ms)
    if value >= 1e14:
        return value + by_ms * 1000
    if value >= 1e11:
        return value + by_ms
    return value + by_ms / 1000 if isinstance(value, float) or by_ms % 1000 else value + by_ms // 1000


def _unusable(span: Span, code: str, message: str, hint: str) -> RulebookError:
    return RulebookError((Problem(span, code, f"recording: {message}", hint),))
