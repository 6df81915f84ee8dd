"""A recording up to one line, through the real evaluator: what every window held just then, and what that line did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from engine.core.compile import Program
from engine.core.decode import decode
from engine.core.evaluator import Evaluator, ZoneOffset
from engine.core.lines import split
from engine.model.errors import RecordingError
from engine.model.event import Chunk, Event, Line, Malformed
from engine.model.match import Firing
from engine.source.recording import Recording

__all__ = ["AtLine", "at_line"]


# What the lines before did is not asked for, and a long recording's would fill memory.
_FORGET_LINES = 1_000


class AtLine(NamedTuple):
    """The event on a line, the evaluator just after it, and the firings that rest on it as their newest line."""

    event: Event
    evaluator: Evaluator
    firings: tuple[Firing, ...]


def at_line(
    program: Program, routes: dict[str, tuple[str, ...]], zone_offset: ZoneOffset, path: str, line_no: int
) -> AtLine:
    """Replay a recording up to a line and stop. No line counts as late: what arrived by then is in its place.

    Errors: `RecordingError` when the line does not exist, is malformed, or repeats an earlier event.
    """
    evaluator = Evaluator(program, routes, zone_offset)
    for line in _lines(path):
        if line.line_no < line_no:
            evaluator.on_line(line, evaluator.intake.last_seen_ms)
            if not line.line_no % _FORGET_LINES:
                evaluator.take_output()
            continue
        if line.line_no > line_no:
            raise RecordingError(f"{path}:{line_no} is blank")
        event = evaluator.on_line(line, evaluator.intake.last_seen_ms)
        if event is None:
            decoded = decode(line)
            why = decoded.reason if isinstance(decoded, Malformed) else "the same event came before; it is dropped"
            raise RecordingError(f"{path}:{line_no} is no event: {why}")
        evaluator.finish(event.seen_ms)
        told = evaluator.take_output().firings
        return AtLine(event, evaluator, tuple(one for one in told if _newest(one).position == event.position))
    raise RecordingError(f"{path} has no line {line_no}")


def _newest(firing: Firing) -> Event:
    return max(firing.match.events, key=lambda event: event.line_no)


def _lines(path: str) -> Iterator[Line]:
    with Recording(path) as recording:
        for item in recording:
            if isinstance(item, Chunk):
                yield from split(item)
