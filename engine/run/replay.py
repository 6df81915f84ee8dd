"""Recordings through the same evaluator as `engine run`, without waiting: what would have happened.

Invariant: one rulebook and one recording always give the same firings, and those of `engine run --once`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from engine.core.decode import decode, event_id
from engine.core.evaluator import Evaluator, Output
from engine.core.intake import Intake
from engine.core.lines import split
from engine.model.errors import RecordingError
from engine.model.event import BadLine, Chunk, Event, Gap, Line, Malformed
from engine.model.match import Firing
from engine.model.notification import Notification
from engine.source.recording import Recording

__all__ = ["Replay", "Span", "first_event", "place_of", "replay"]


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a recording that rules see. Units: arrival time, epoch ms, half-open.

    With a `session` they see its events alone. What comes before moves clocks and sessions on, what comes after is
    not read.
    """

    since_ms: int | None = None
    until_ms: int | None = None
    session: str | None = None

    def covers(self, event: Event) -> bool:
        """Tell whether the event arrived within."""
        return (
            (self.since_ms is None or event.seen_ms >= self.since_ms)
            and (self.until_ms is None or event.seen_ms < self.until_ms)
            and (self.session is None or event.session == self.session)
        )

    def is_past(self, line: Line) -> bool:
        """Tell whether the line arrived when all was over."""
        if self.until_ms is None:
            return False
        decoded = decode(line)
        return not isinstance(decoded, Malformed) and (decoded.seen_ms or 0) >= self.until_ms


@dataclass(slots=True)
class Replay:
    """What a replay came to. Shape: `firings` in order, each with its reason; times of the first and last event."""

    firings: list[Firing] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)
    counters: Counter[str] = field(default_factory=Counter)
    bad_lines: list[BadLine] = field(default_factory=list)
    lines: int = 0
    events: int = 0
    first_ms: int = 0
    last_ms: int = 0

    def add(self, output: Output) -> None:
        """Take over what an evaluator handed out."""
        self.firings.extend(output.firings)
        self.notifications.extend(output.notifications)
        self.counters.update(output.counters)
        self.bad_lines.extend(output.bad_lines[: max(0, 100 - len(self.bad_lines))])

    def forget_before(self, since_ms: int) -> None:
        """Drop what timers did before the part that was asked for."""
        self.firings = [firing for firing in self.firings if firing.match.at_ms >= since_ms]
        self.notifications = [note for note in self.notifications if note.at_ms >= since_ms]


def replay(
    evaluator: Evaluator,
    recordings: Sequence[str],
    span: Span | None = None,
    watch: Callable[[Event], None] | None = None,
) -> Replay:
    """Return what a fresh evaluator makes of the recordings, in the order in which they begin, as one journal.

    `watch` sees every event within the span. Errors: `RecordingError` for a recording that cannot be read.
    """
    result = Replay()
    for chunk_or_bad in _items(_in_order(recordings)):
        if isinstance(chunk_or_bad, Chunk):
            if span is None and watch is None:
                _rush(evaluator, chunk_or_bad, result)
            else:
                for line in split(chunk_or_bad):
                    _step(evaluator, line, result, span, watch)
        elif isinstance(chunk_or_bad, BadLine):
            result.bad_lines.append(chunk_or_bad)
            result.counters["lines.bad"] += 1
            result.lines += 1
        result.add(evaluator.take_output())
    # What still waits for a time of day is told now, so that the books are closed.
    evaluator.finish(result.last_ms, release=True)
    result.add(evaluator.take_output())
    if span is not None and span.since_ms is not None:
        result.forget_before(span.since_ms)
    return result


def _in_order(recordings: Sequence[str]) -> list[str]:
    """Return the recordings by their first event: windows cannot go back in time."""
    begins = {path: event.seen_ms for path in recordings if (event := first_event([path])) is not None}
    return sorted(recordings, key=lambda path: begins.get(path, 0))


def first_event(recordings: Sequence[str]) -> Event | None:
    """Return the first event of the first recording that has one."""
    intake = Intake()
    for item in _items(recordings):
        for line in split(item) if isinstance(item, Chunk) else ():
            decoded = decode(line)
            event = None if isinstance(decoded, Malformed) else intake.admit(decoded, line, 0)
            if event is not None:
                return event
    return None


def _items(recordings: Sequence[str]) -> Iterator[Chunk | BadLine | Gap]:
    for path in recordings:
        recording = Recording(path)
        try:
            while items := recording.read(0):
                yield from items
        finally:
            recording.close()


def _rush(evaluator: Evaluator, chunk: Chunk, result: Replay) -> None:
    """Take in a chunk when nobody watches the single events: a backtest's inner loop."""
    intake, on_line = evaluator.intake, evaluator.on_line
    lines = events = first_ms = 0
    for line in split(chunk):
        lines += 1
        if on_line(line, intake.last_seen_ms) is not None:
            events += 1
            first_ms = first_ms or intake.last_seen_ms
    if events:
        # A chunk holds one recording, in order of arrival; the next recording may be an earlier one.
        result.first_ms = min(result.first_ms, first_ms) if result.events else first_ms
        result.last_ms = max(result.last_ms, intake.last_seen_ms)
    result.lines += lines
    result.events += events


def _step(
    evaluator: Evaluator, line: Line, result: Replay, span: Span | None, watch: Callable[[Event], None] | None
) -> None:
    if span is not None and span.is_past(line):
        return
    result.lines += 1
    event = evaluator.on_line(line, evaluator.intake.last_seen_ms, None if span is None else span.covers)
    if event is None or (span is not None and not span.covers(event)):
        return
    result.first_ms = min(result.first_ms, event.seen_ms) if result.events else event.seen_ms
    result.events += 1
    result.last_ms = max(result.last_ms, event.seen_ms)
    if watch is not None:
        watch(event)


def place_of(recordings: Sequence[str], name: str) -> tuple[str, int]:
    """Return the recording and line of the event whose id begins so. Errors: `RecordingError` unless there is one."""
    found: list[tuple[str, int]] = []
    intake = Intake()
    for item in _items(recordings):
        for line in split(item) if isinstance(item, Chunk) else ():
            decoded = decode(line)
            event = None if isinstance(decoded, Malformed) else intake.admit(decoded, line, intake.last_seen_ms)
            if event is not None and event_id(event).startswith(name.lower()):
                found.append((line.path, line.line_no))
    if len(found) != 1:
        raise RecordingError(f"{len(found) or 'no'} events have an id that begins with {name}")
    return found[0]
