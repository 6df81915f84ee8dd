"""Clocks, sessions and repeats: each decision, and that a restart anywhere shows in none of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import intake as module
from engine.core import repeats
from engine.core.decode import Draft, decode
from engine.core.intake import Intake
from engine.core.streams import SAMPLES, StreamClock
from engine.model.checkpoint import StateKey
from engine.model.event import Event
from tests.core.generate import BODIES, START_MS, line_of

MINUTE_MS = 60_000


def _admit(intake: Intake, body: dict[str, Any], number: int = 1, now_ms: int = START_MS) -> Event | None:
    draft = decode(line_of(body, number))
    assert isinstance(draft, Draft)
    return intake.admit(draft, line_of(body, number), now_ms)


def _at(seen_ms: int, **fields: Any) -> dict[str, Any]:
    return {"channel": "transcript", "rtstream_name": "mic:default", "unix_ts": seen_ms / 1000, **fields}


def _said(seen_ms: int, start: float | None = None, text: str = "x", **fields: Any) -> dict[str, Any]:
    times = {} if start is None else {"start": start, "end": start + 1000}
    return _at(seen_ms, data={"text": text, **times, **fields})


def _session(status: str, session: str | None = "cap-1", seen_ms: int = START_MS, **data: Any) -> dict[str, Any]:
    return {"channel": "capture_session", "capture_session_id": session, "status": status, "data": data,
            "unix_ts": seen_ms / 1000}  # fmt: skip


def _events(intake: Intake, bodies: list[dict[str, Any]]) -> list[Event]:
    found = [_admit(intake, body, number) for number, body in enumerate(bodies, 1)]
    assert all(found)
    return [event for event in found if event is not None]


def test_a_stream_near_the_arrival_clock_keeps_its_own_times() -> None:
    events = _events(Intake(), [_said(START_MS + n * 1000 + 700, START_MS + n * 1000) for n in range(7)])
    assert {event.clock for event in events} == {"media"}
    assert [event.at_ms for event in events] == [START_MS + n * 1000 for n in range(7)]


def test_a_replayed_stream_is_moved_to_its_arrival_by_one_constant() -> None:
    day = 24 * 60 * MINUTE_MS
    late = [2_000 + 100 * (n % 3) for n in range(30)]
    bodies = [_said(START_MS + n * 1000 + 1000 + late[n], START_MS - day + n * 1000) for n in range(30)]
    events = _events(Intake(), bodies)
    assert {event.clock for event in events} == {"arrival"}
    assert {event.end_ms - event.at_ms for event in events} == {1000}
    assert {event.at_ms - event.body["data"]["start"] for event in events[SAMPLES:]} == {day + 2_100}


def test_one_stray_time_neither_turns_a_stream_nor_makes_the_rest_late() -> None:
    bodies = [_said(START_MS + n * 1000, START_MS + n * 1000) for n in range(5)]
    stray = _said(START_MS + 5_000, START_MS + 10**9)
    after = [_said(START_MS + n * 1000, START_MS + n * 1000) for n in range(6, 12)]
    events = _events(Intake(), [*bodies, stray, *after])
    assert {event.clock for event in events} == {"media"}
    assert not any(event.late_ms for event in events)


def test_a_clock_is_decided_by_five_votes_and_changed_by_five_in_a_row() -> None:
    clock = StreamClock()

    def names(*near: bool) -> list[str]:
        for one in near:
            clock.shift_ms(START_MS if one else 5, START_MS if one else 5, START_MS)
        return [clock.name]

    assert names(True, False, True, False, True) == ["media"]
    assert names(False, False, False, False) == ["media"]
    assert names(True, False, False, False, False) == ["media"]  # one in between, and the count begins anew
    assert names(False) == ["arrival"]
    assert names(True, True, True, True) == ["arrival"]
    assert names(True) == ["media"]
    assert StreamClock.load(clock.dump()).dump() == clock.dump()


def test_an_event_without_times_happened_when_it_came() -> None:
    (event,) = _events(Intake(), [_said(START_MS)])
    assert (event.at_ms, event.end_ms, event.clock) == (START_MS, START_MS, "arrival")
    assert _admit(Intake(), {"channel": "transcript", "data": {"text": "x"}}, now_ms=42) is not None


def test_late_is_how_far_below_the_watermark() -> None:
    events = _events(
        Intake(), [_said(START_MS, START_MS), _said(START_MS, START_MS - 11_000), _said(START_MS, START_MS - 15_000)]
    )
    assert [event.late_ms for event in events] == [0, 0, 4_000]


def test_a_copy_within_ten_minutes_is_dropped() -> None:
    intake = Intake()
    first = _said(START_MS, START_MS)
    assert _admit(intake, first)
    assert not _admit(intake, {**first, "unix_ts": START_MS / 1000 + 42, "ts": "2026-03-04T10:00:42Z"})
    assert not _admit(intake, {**first, "unix_ts": START_MS / 1000 + 600})
    assert _admit(intake, {**first, "unix_ts": START_MS / 1000 + 600.001})


def test_a_partial_and_its_final_with_the_same_text_both_pass() -> None:
    intake = Intake()
    assert _admit(intake, _said(START_MS, START_MS, is_final=False))
    assert _admit(intake, _said(START_MS, START_MS, is_final=True))


def test_a_session_reports_each_status_once() -> None:
    intake = Intake()
    bodies = [_session("active"), _session("stopped"), _session("active", "cap-2"), _session("active", error="new")]
    assert [_admit(intake, body) is not None for body in bodies] == [True, True, True, False]


def test_a_stream_is_known_by_what_the_active_event_told() -> None:
    intake = Intake()
    streams = [{"rtstream_id": "rts-1", "name": "mic:default"}, {"rtstream_id": "rts-2"}, {"name": "x"}, None]
    _events(intake, [_session("active", rtstreams=streams), _session("active", "cap-2")])
    event = _admit(intake, {"channel": "transcript", "rtstream_id": "rts-1", "data": {"text": "x"}})
    other = _admit(intake, {"channel": "transcript", "rtstream_id": "rts-2", "data": {"text": "x"}})
    assert event is not None and other is not None
    assert (event.stream, event.source, event.session) == ("mic:default", "mic", "cap-1")
    assert (other.stream, other.session) == ("rts-2", "cap-1")


@pytest.mark.parametrize(
    ("statuses", "session"),
    [
        ({}, None),
        ({"a": "active"}, "a"),
        ({"a": "active", "b": "active"}, None),
        ({"a": "active", "b": "stopped"}, "a"),
        ({"a": "created", "b": "active"}, "b"),
        ({"a": "stopping"}, "a"),
        ({"a": "failed", "b": "exported"}, None),
        ({"a": "created", "b": "starting"}, None),
    ],
)
def test_without_a_name_the_only_active_session_is_meant(statuses: dict[str, str], session: str | None) -> None:
    intake = Intake()
    _events(intake, [_session(status, name) for name, status in statuses.items()])
    event = _admit(intake, _said(START_MS))
    assert event is not None and event.session == session


def test_a_session_event_without_a_name_is_about_the_only_session() -> None:
    intake = Intake()
    _events(intake, [_session("active"), _session("stopped", None)])
    assert intake.sessions == {"cap-1": "stopped"} and not intake.is_active("active")


def test_memory_is_bounded() -> None:
    intake = Intake()
    for number in range(module.MAX_STREAMS + 50):
        _admit(
            intake, _session("active", f"cap-{number}", rtstreams=[{"rtstream_id": f"rts-{number}", "name": "mic:1"}])
        )
        _admit(intake, {**_said(START_MS, START_MS), "rtstream_name": f"mic:{number}"})
    assert len(intake.sessions) == module.MAX_SESSIONS
    assert len(intake.stream_names) == len(intake.clocks) == module.MAX_STREAMS
    assert f"rts-{module.MAX_STREAMS + 49}" in intake.stream_names  # the newest, not the first ones
    memory = repeats.Repeats("x", {})
    assert not any(memory.is_repeat((number,), START_MS) for number in range(repeats.MAX_KEYS + 10))
    assert sum(len(blob or b"") for blob in memory.changes().values()) <= repeats.MAX_KEYS * repeats.ENTRY_BYTES


def test_what_is_out_of_reach_leaves_the_checkpoint() -> None:
    intake = Intake()
    stored: dict[StateKey, bytes] = {}
    for minute in range(60):
        _admit(intake, _said(START_MS + minute * MINUTE_MS, text=f"{minute}"))
        _store(intake, stored)
    assert 10 <= sum(name.startswith("seen/") for _, name in stored) <= 12


def _store(intake: Intake, stored: dict[StateKey, bytes]) -> None:
    for key, blob in intake.changes().items():
        if blob is None:
            del stored[key]
        else:
            stored[key] = blob


_seen = st.lists(st.sampled_from((0, 1, 400, 9_000, 10_000, 590_000, 600_000, 610_000, 3_600_000, -5_000, -700_000)),
                 min_size=1, max_size=25)  # fmt: skip
_spoken = st.builds(
    lambda text, start, final: {"channel": "transcript", "rtstream_name": "mic:default",
                                "data": {"text": text, "start": start, "end": start + 2, "is_final": final}},
    st.sampled_from("ab"), st.sampled_from((START_MS, START_MS - 10**8, START_MS + 5_000)), st.booleans(),
)  # fmt: skip
_lifecycle = st.builds(
    lambda status, session, streams: _session(status, session, rtstreams=streams),
    st.sampled_from(("active", "stopped", "created")), st.sampled_from(("cap-1", "cap-2", None)),
    st.sampled_from(([], [{"rtstream_id": "rts-1", "name": "display:1"}])),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(_seen, st.data())
def test_a_restart_at_any_point_shows_nowhere(steps: list[int], data: st.DataObject) -> None:
    lasting, restarted = Intake(), Intake()
    stored: dict[StateKey, bytes] = {}
    seen_ms = START_MS
    for number, step in enumerate(steps):
        seen_ms += step
        body = data.draw(st.one_of(_spoken, _spoken, _lifecycle, BODIES)) | {"unix_ts": seen_ms / 1000}
        if data.draw(st.booleans()):
            _store(restarted, stored)
            restarted = Intake(stored) if data.draw(st.booleans()) else restarted
        assert _admit(restarted, body, number) == _admit(lasting, body, number)
    assert restarted.sessions == lasting.sessions and restarted.newest_ms == lasting.newest_ms
