"""When pipelines are moved and what was missed: the decisions, without a clock; and what two planes say, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.dedupe import Seen, identity, millis, spoken
from capture.generations import GenerationClock, Hole
from capture.holes import record_message
from capture.journal import Journal
from capture.lifecycle import lifecycle_message, status_of, unsaid
from capture.recall import recall
from capture.timing import Timing

TIMING = Timing(rebind_after_s=5, rebind_every_s=60)


def test_the_first_connection_is_used_at_once() -> None:
    clock = GenerationClock(TIMING)
    clock.greeted("a", 1_000)
    assert clock.due_ms == 1_000
    assert clock.moved("a", 1_200) is None
    assert clock.due_ms is None


def test_a_later_one_must_hold_and_moves_are_rare() -> None:
    clock = GenerationClock(TIMING)
    clock.greeted("a", 0)
    clock.moved("a", 10)
    clock.heard(100_000)
    clock.ended("lost", 99.0)
    assert (clock.connection_id, clock.due_ms, clock.hole) == (None, None, Hole(100_000, "lost"))
    clock.greeted("b", 101_000)
    assert clock.due_ms == 106_000
    assert clock.moved("b", 106_500) == Hole(100_000, "lost")
    clock.ended("lost", 6.0)
    clock.greeted("c", 108_000)
    assert clock.due_ms == 166_500, "a minute after the last move"


def test_flaps_are_one_hole() -> None:
    clock = GenerationClock(TIMING)
    clock.greeted("a", 0)
    clock.moved("a", 0)
    clock.ended("first", 50.0)
    for at_ms in (51_000, 53_000, 55_000):
        clock.greeted(f"flap-{at_ms}", at_ms)
        clock.ended("again", 0.5)
    clock.greeted("b", 60_000)
    assert clock.due_ms == 65_000
    assert clock.moved("b", 65_000) == Hole(50_000, "first")


def test_a_connection_that_goes_while_pipelines_move_closes_nothing() -> None:
    clock = GenerationClock(TIMING)
    clock.greeted("a", 0)
    clock.moved("a", 0)
    clock.ended("first", 50.0)
    clock.greeted("b", 60_000)
    clock.ended("second", 4.0)
    assert clock.moved("b", 65_000) is None
    assert clock.hole == Hole(50_000, "first")
    clock.greeted("c", 66_000)
    assert clock.due_ms == 125_000


def test_a_ping_that_was_not_answered_tells_from_when_on() -> None:
    clock = GenerationClock(TIMING)
    clock.greeted("a", 0)
    clock.moved("a", 0)
    clock.heard(20_000)
    clock.ended("pings were not answered", 60.0)
    assert clock.hole == Hole(60_000, "pings were not answered")


@given(st.lists(st.tuples(st.sampled_from(["greet", "end", "move"]), st.integers(1, 90_000)), max_size=30))
def test_nothing_is_due_without_a_connection_and_a_hole_is_closed_once(steps: list[tuple[str, int]]) -> None:
    clock = GenerationClock(TIMING)
    now_ms, number = 0, 0
    opened: list[Hole] = []
    closed: list[Hole] = []
    for step, wait_ms in steps:
        now_ms += wait_ms
        if step == "greet" and clock.connection_id is None:
            number += 1
            clock.greeted(f"c{number}", now_ms)
        elif step == "end" and clock.connection_id is not None:
            before = clock.hole
            clock.ended("lost", 0.0)
            if before is None and clock.hole is not None:
                opened.append(clock.hole)
        elif step == "move" and clock.connection_id is not None and (hole := clock.moved(clock.connection_id, now_ms)):
            closed.append(hole)
        if clock.connection_id is None:
            assert clock.due_ms is None
    assert closed == opened[: len(closed)]
    assert len(opened) - len(closed) == (clock.hole is not None)


# What two planes say


def visual(start: float, end: float, text: str = "a thread", stream: str = "r1") -> dict[str, Any]:
    return {"channel": "visual_index", "rtstream_id": stream, "data": {"text": text, "start": start, "end": end}}


MOMENT = 1_710_000_001_234


@given(st.integers(1_600_000_000_000, 1_900_000_000_000), st.integers(0, 60_000), st.text(max_size=20))
def test_a_polled_record_is_the_message_it_was(start: int, length: int, text: str) -> None:
    """Seconds and milliseconds, `description` and `text`, spaces and case: one identity."""
    live = visual(start, start + length, text)
    record = {"start": start / 1000, "end": (start + length) / 1000, "description": f"  {text.upper()}  ".lower()}
    polled = record_message(record, "visual", "r1", "display:1")
    assert polled is not None
    if text.lower() == text.upper().lower():
        seen = Seen()
        assert seen.fresh(live)
        assert not seen.fresh(polled)


@given(st.integers(-9, 9))
def test_rounding_to_ten_milliseconds_makes_no_second_event(shift: int) -> None:
    seen = Seen()
    assert seen.fresh(visual(MOMENT, MOMENT + 3000))
    assert not seen.fresh(visual(MOMENT + shift, MOMENT + 3000))
    assert seen.fresh(visual(MOMENT + 30, MOMENT + 3000))


@pytest.mark.parametrize(
    "other",
    [
        visual(MOMENT, MOMENT + 9, "another"),
        visual(MOMENT, MOMENT + 9, stream="r2"),
        {**visual(MOMENT, MOMENT + 9), "channel": "audio_index"},
        {**visual(MOMENT, MOMENT + 9), "channel": "transcript"},
    ],
)
def test_what_differs_is_another_event(other: dict[str, Any]) -> None:
    seen = Seen()
    assert seen.fresh(visual(MOMENT, MOMENT + 9))
    assert seen.fresh(other)


def test_both_names_of_a_channel_are_one() -> None:
    seen = Seen()
    assert seen.fresh(visual(MOMENT, MOMENT + 9))
    assert not seen.fresh({**visual(MOMENT, MOMENT + 9), "channel": "scene_index"})


def test_partials_and_finals_differ() -> None:
    def said(final: bool) -> dict[str, Any]:
        return {"channel": "transcript", "rtstream_id": "r", "data": {"text": "so", "start": MOMENT, "is_final": final}}

    seen = Seen()
    assert seen.fresh(said(False)) and seen.fresh(said(True))
    assert not seen.fresh(said(False)) and not seen.fresh(said(True))


def test_what_cannot_be_told_is_always_news() -> None:
    seen = Seen()
    for message in ({"channel": "alert", "data": {}}, {"channel": "transcript", "data": {"text": "x"}}, {"data": None}):
        assert identity(message) is None
        assert seen.fresh(message) and seen.fresh(message)


@pytest.mark.parametrize(
    ("spans", "covered"),
    [
        ([], False),
        ([(0, 4)], False),
        ([(0, 5)], True),
        ([(0, 3), (2, 4)], False),
        ([(-5, 2), (7, 20)], True),
        ([(20, 30)], False),
    ],
)
def test_a_span_is_covered_by_half(spans: list[tuple[int, int]], covered: bool) -> None:
    seen = Seen()
    for start, end in spans:
        seen.fresh(visual(MOMENT + start * 1000, MOMENT + end * 1000, "kept"))
    assert seen.covered(visual(MOMENT, MOMENT + 10_000, "the same moment in other words")) is covered


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=8), st.integers(0, 50), st.integers(1, 20))
def test_coverage_counts_every_moment_once(kept: list[tuple[int, int]], start: int, length: int) -> None:
    seen = Seen()
    for number, (begin, size) in enumerate(kept):
        seen.fresh(visual(MOMENT + begin * 1000, MOMENT + (begin + size) * 1000, str(number)))
    moments = {second for begin, size in kept for second in range(begin, begin + size)}
    hit = sum(second in moments for second in range(start, start + length))
    asked = visual(MOMENT + start * 1000, MOMENT + (start + length) * 1000, "asked")
    assert seen.covered(asked) is (hit * 2 >= length)


def test_a_lifecycle_message_comes_once_and_once_more_with_more_in_it() -> None:
    def exported(**data: str) -> dict[str, Any]:
        return lifecycle_message("cap-1", "exported", "u", "2026-01-01T00:00:00Z", data)

    seen = Seen()
    assert seen.fresh(exported(exported_video_id="m-1"))
    assert not seen.fresh(exported(exported_video_id="m-1"))
    assert seen.fresh(exported(exported_video_id="m-1", player_url="https://x"))
    assert not seen.fresh(exported(exported_video_id="m-1"))


@pytest.mark.parametrize(
    ("said", "status", "missing"),
    [
        ([], "created", ("created",)),
        (["created"], "stopped", ("starting", "active", "stopping", "stopped")),
        (["created", "starting", "active"], "active", ()),
        (["created", "active"], "starting", ()),
        (["created", "starting"], "stop_requested", ("active", "stopping")),
        (["created"], "failed", ("failed",)),
        (["created", "failed"], "stopped", ()),
        (["exported"], "stopped", ()),
        (["created"], "paused", ("paused",)),
        (["created", "paused"], "paused", ()),
    ],
)
def test_what_polling_has_to_say(said: list[str], status: str, missing: tuple[str, ...]) -> None:
    assert unsaid(said, status) == missing


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ({"event": "capture_session.active"}, "active"),
        ({"channel": "capture_session", "status": "stopped"}, "stopped"),
        ({"channel": "capture_session", "data": {"status": "stopped"}}, "stopped"),
        ({"channel": "capture_session", "data": None}, None),
        ({"channel": "transcript", "status": "stopped"}, None),
        ({"event": None}, None),
    ],
)
def test_where_the_status_stands(message: dict[str, Any], status: str | None) -> None:
    assert status_of(message) == status


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1710000001.5, 1710000001500), (1710000001234, 1710000001234), (0, None), (12.5, None), (True, None), ("1", None)],
)
def test_seconds_and_milliseconds(value: object, expected: int | None) -> None:
    assert millis(value) == expected


@pytest.mark.parametrize(
    "record", [{}, {"start": 1.0, "text": "x"}, {"start": 1710000001.0}, {"start": 1e9, "text": 3}]
)
def test_records_without_text_or_time_are_no_messages(record: dict[str, Any]) -> None:
    assert record_message(record, "visual", "r", "n") is None


def test_the_journal_is_remembered_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "videodb_events.jsonl"
    with Journal.open(path, run="r", now_ns=lambda: 1_795_000_000_000_000_000) as journal:
        journal.append(visual(MOMENT, MOMENT + 9), "ws", 1)
        journal.append({"channel": "capture", "event": "capture.heartbeat", "data": {}}, "runner")
        journal.append_line(b"not JSON")
    seen = Seen()
    assert recall(path, seen) == 1_795_000_000_000
    assert not seen.fresh(visual(MOMENT, MOMENT + 9))
    assert spoken({"channel": "capture"}) is None
