"""Recordings replayed: the same as feeding the lines to an evaluator by hand, whole or in part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.core.evaluator import Evaluator
from engine.core.lines import split
from engine.model.errors import RecordingError
from engine.model.event import Event
from engine.run.clock import zone_offset
from engine.run.replay import Replay, Span, first_event, replay
from engine.run.rewind import at_line
from engine.source.recording import Recording
from tests.core.running import AT, program_of, said, seen

PROGRAM = program_of("""
rules:
  - {name: words, when: transcript, contains: x, cooldown: 30s, by: _.session}
  - {name: screen, when: visual_index, quiet: 09:00-18:00}
  - {name: live, when: transcript, filter: "_.session == 'cap-1'"}
  - {name: ends, when: session.stopped, emit: true}
  - {name: after, when: rule.ends}
""")
BODIES: list[Any] = [
    {"channel": "capture_session", "capture_session_id": "cap-1", "status": "active", "unix_ts": AT / 1000},
    *(said(number * 7, f"x {number}") for number in range(20)),
    said(0, "x 0"),
    *(seen(number * 9, f"y {number}") for number in range(5)),
    {"channel": "capture_session", "capture_session_id": "cap-1", "status": "stopped", "unix_ts": AT / 1000 + 200},
]


@pytest.fixture
def recording(tmp_path: Path) -> str:
    lines = [orjson.dumps(body) for body in BODIES]
    path = tmp_path / "day.jsonl"
    path.write_bytes(b"\n".join([*lines[:5], b"not json", b"", *lines[5:]]))
    return str(path)


def _replay(path: str, since_s: float | None = None, until_s: float | None = None) -> tuple[Replay, list[Event]]:
    watched: list[Event] = []
    since_ms, until_ms = (None if at_s is None else AT + round(at_s * 1000) for at_s in (since_s, until_s))
    span = Span(since_ms, until_ms)
    return replay(Evaluator(PROGRAM, {}, zone_offset("UTC")), [path], span, watched.append), watched


def _by_hand(path: str) -> Replay:
    evaluator, result = Evaluator(PROGRAM, {}, zone_offset("UTC")), Replay()
    with Recording(path) as recording:
        for chunk in recording:
            for line in split(chunk):  # type: ignore[arg-type]
                result.lines += 1
                result.events += evaluator.on_line(line, 0) is not None
    evaluator.finish(AT + 200_000, release=True)
    result.add(evaluator.take())
    return result


def test_a_replay_is_the_evaluator_fed_by_hand(recording: str) -> None:
    for result in (_replay(recording)[0], replay(Evaluator(PROGRAM, {}, zone_offset("UTC")), [recording])):
        other = _by_hand(recording)
        assert result.firings == other.firings and len(result.firings) > 20
        assert result.notifications == other.notifications
        assert result.counters == other.counters
        assert (result.lines, result.events) == (other.lines, other.events) == (len(BODIES) + 1, len(BODIES) - 1)
        assert [line.reason.partition(":")[0] for line in result.bad_lines] == ["not-json"]
        assert (result.first_ms, result.last_ms) == (AT, AT + 200_000)


def test_what_waited_for_the_end_of_quiet_is_released_at_the_end(recording: str) -> None:
    (digest,) = [note for note in _replay(recording)[0].notifications if note.rule == "screen"]
    assert digest.body.count("y ") == 5


def test_a_span_shows_rules_only_its_events_but_keeps_what_came_before(recording: str) -> None:
    result, watched = _replay(recording, 14, 28)
    assert [event.text for event in watched if event.kind == "transcript"] == ["x 2", "x 3"]
    assert {event.session for event in watched} == {"cap-1"}  # the session began before the span
    assert {firing.match.rule for firing in result.firings} == {"words", "live", "screen"}
    assert (result.first_ms, result.last_ms) == (AT + 14_000, AT + 27_000)
    assert all(AT + 14_000 <= firing.match.at_ms < AT + 28_000 for firing in result.firings)


def test_a_span_without_events_comes_to_nothing(recording: str) -> None:
    result, watched = _replay(recording, 10_000)
    assert not watched and not result.firings and not result.notifications and result.events == 0


def test_several_recordings_are_one_journal(recording: str, tmp_path: Path) -> None:
    later = tmp_path / "later.jsonl"
    later.write_bytes(orjson.dumps(said(133, "x 19")) + b"\n" + orjson.dumps(said(140, "x 20")))
    result = replay(Evaluator(PROGRAM, {}, zone_offset("UTC")), [recording, str(later)])
    assert result.events == len(BODIES)  # one more: the other came in the first recording
    assert result.counters["events.repeated"] == 2


def test_one_line_is_found_with_the_memory_of_those_before_it(recording: str) -> None:
    event, evaluator, _ = at_line(PROGRAM, {}, zone_offset("UTC"), recording, 3)
    assert (event.text, event.session, event.line_no) == ("x 1", "cap-1", 3)
    assert evaluator.intake.is_active("active")
    first = first_event([recording])
    assert first is not None and first.kind == "session"


@pytest.mark.parametrize(
    ("line_no", "why"), [(6, "not-json"), (7, "blank"), (24, "same event came before"), (99, "no line 99")]
)
def test_a_line_that_is_no_event_says_why(recording: str, line_no: int, why: str) -> None:
    with pytest.raises(RecordingError, match=why):
        at_line(PROGRAM, {}, zone_offset("UTC"), recording, line_no)


def test_a_recording_without_events_has_no_first(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_bytes(b"[]\n\n")
    assert first_event([str(path)]) is None
