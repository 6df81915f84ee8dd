"""Incidents: who is called when, what ends them, and who hears of that."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.incident import EMPTY, Call, OpenIncident, ack, dump, load, next_call, on_time, told_to
from engine.model.condition import Kinds, Selector
from engine.model.config import Limits
from engine.model.match import Reason
from engine.model.rule import Escalation, Incident
from engine.model.window import Absent
from tests.core.dispatching import Desk, happened

DOWN = """
name: down
when: session.failed
notify: me
escalate:
  - {after: 5m, notify: oncall}
  - {after: 15m, notify: phone, repeat: 15m, max: 4}
until: [acked, session.active]
resolve: "Back after {{ dur(duration) }}: {{ _.status }}"
"""
UNTIL = DOWN.replace("acked, ", "")
SILENT = """
name: silent
absent: {when: transcript}
for: 10m
notify: me
resolve: "Back after {{ dur(duration) }}: {{ _.text }}"
"""


def _told(desk: Desk) -> list[tuple[float, str]]:
    return [(minute, note.destination) for minute, note in zip(desk.told_at, desk.notes, strict=True)]


def test_others_are_told_while_it_is_open() -> None:
    desk = Desk(DOWN)
    desk.fire(0, "the recorder is down")
    desk.on_time(500)
    assert _told(desk) == [
        (0, "me"), (5, "oncall"), (15, "phone"), (30, "phone"), (45, "phone"), (60, "phone"),
    ]  # fmt: skip
    assert desk.dispatcher.wake_at_ms is None
    assert desk.notes[1].title == "Still open after 5m: down"
    assert desk.notes[1].body == "the recorder is down\n(open since 10:00:00)"
    assert len({note.key for note in desk.notes}) == len(desk.notes)
    assert desk.reasons == ["fired"] + ["escalated"] * 5


def test_more_of_the_same_is_held_and_told_of() -> None:
    desk = Desk(DOWN)
    for minute in (0, 1, 2):
        desk.fire(minute)
    desk.on_time(5)
    assert desk.reasons == ["fired", "open", "open", "escalated"]
    assert desk.notes[-1].body.endswith("(open since 10:00:00; 2 more since)")
    desk.until(6)
    assert desk.notes[-1].body == "Back after 6m: active\n(and 2 more since the last message)"
    desk.fire(7)
    assert desk.notes[-1].suppressed == 0 and desk.reasons[-1] == "fired"


def test_everybody_who_was_told_hears_that_it_is_over() -> None:
    desk = Desk(DOWN, {"me": ("a", "b"), "phone": ("b", "c")})
    desk.fire(0)
    desk.restart()
    desk.until(16)
    over = [note for note in desk.notes if note.title == "Resolved: down"]
    assert [note.destination for note in over] == ["a", "b", "oncall", "c"]
    assert {note.body for note in over} == {"Back after 16m: active"}
    desk.on_time(500)
    desk.restart()
    assert desk.stored == {} and desk.notes[-1] in over


def test_an_ack_that_ends_it_says_nothing_more() -> None:
    desk = Desk(DOWN)
    desk.fire(0)
    assert (desk.ack(3), desk.ack(4)) == (1, 0)
    desk.until(10)
    desk.on_time(500)
    assert _told(desk) == [(0, "me")]
    desk.fire(501)
    assert desk.reasons[-1] == "fired"


def test_an_ack_of_what_an_event_ends_stops_the_calls_only() -> None:
    desk = Desk(UNTIL)
    desk.fire(0)
    desk.on_time(6)
    desk.restart()
    assert (desk.ack(7), desk.ack(8)) == (1, 0)
    assert desk.words(9) == ["incident open since 0; acked at 7"]
    desk.on_time(100)
    assert desk.fire(101).firings[0].reason is Reason.OPEN
    desk.until(102)
    assert _told(desk) == [(0, "me"), (5, "oncall"), (102, "me"), (102, "oncall")]


def test_groups_are_open_and_acked_apart() -> None:
    desk = Desk(UNTIL.replace("notify: me", "notify: me\nby: _.session"))
    desk.fire(0, group="one", session="one")
    desk.fire(1, group="two", session="two")
    assert desk.ack(2, group="one") == 1
    desk.on_time(6.5)
    assert _told(desk)[2:] == [(6, "oncall")]
    desk.until(7, session="two")
    assert [note.group for note in desk.notes[3:]] == ["two", "two"]
    assert desk.words(8) == ["one: incident open since 0; acked at 2"]


def test_an_event_from_before_does_not_end_it() -> None:
    desk = Desk(UNTIL)
    desk.fire(10)
    event = happened(9, None, kind="session", status="active")
    told = desk.dispatcher.on_until(desk.program.rules[0], event, event.seen_ms)
    assert told.firings == [] and desk.words(10)[0].startswith("incident open since 10")


def test_a_pattern_that_ends_by_itself_resolves() -> None:
    desk = Desk(SILENT)
    desk.fire(12)
    desk.close(14)
    assert desk.notes[-1].body == "Back after 2m: back" and desk.told("resolved")[0].match.closes
    desk.close(15)
    assert len(desk.notes) == 2


def test_without_a_text_for_it_the_end_is_noted_and_nobody_told() -> None:
    desk = Desk(DOWN.split("resolve:")[0])
    desk.fire(0)
    desk.fire(1)
    desk.until(2)
    assert len(desk.notes) == 1 and desk.told("resolved")[0].destinations == ()
    desk.fire(3)
    assert desk.notes[-1].suppressed == 1


def test_what_began_in_quiet_hours_is_told_with_its_end_when_they_are_over() -> None:
    desk = Desk(UNTIL + 'quiet: "09:00-11:00"\n')
    desk.fire(0, "down")
    desk.fire(1, "still down")
    desk.restart()
    desk.until(40)
    desk.restart()
    desk.on_time(300)
    assert desk.reasons == ["quiet", "open", "quiet"]
    assert _told(desk) == [(60, "me")]
    assert desk.notes[0].body.startswith("10:00:00  down\n10:40:00  Back after 40m")


def test_steps_of_what_was_told_after_quiet_hours_count_from_there() -> None:
    desk = Desk(UNTIL + 'quiet: "09:00-11:00"\n')
    desk.fire(0)
    desk.on_time(76)
    assert _told(desk) == [(60, "me"), (65, "oncall"), (75, "phone")]


def test_steps_due_in_quiet_hours_or_a_snooze_come_after_them_once() -> None:
    quiet, snoozed = Desk(UNTIL + 'quiet: "10:01-11:20"\n'), Desk(UNTIL)
    for desk in (quiet, snoozed):
        desk.fire(0)
        if desk is snoozed:
            desk.snooze(1, until=80)
        desk.restart()
        desk.on_time(81)
        assert _told(desk) == [(0, "me"), (80, "oncall"), (80, "phone")]
    early = Desk(UNTIL)
    early.fire(0)
    early.snooze(1, until=80)
    early.snooze(20, until=20)
    early.on_time(21)
    assert _told(early) == [(0, "me"), (20, "oncall"), (20, "phone")]


def test_those_told_beside_the_rules_own_hear_of_an_end_in_quiet_hours_too() -> None:
    desk = Desk(UNTIL + 'quiet: "10:20-11:00"\n')
    desk.fire(0)
    desk.until(25)
    desk.on_time(61)
    assert _told(desk)[3:] == [(60, "me"), (60, "oncall"), (60, "phone")]
    assert {note.body for note in desk.notes[3:]} == {"Back after 25m: active"}


def test_an_end_while_snoozed_is_not_told() -> None:
    desk = Desk(UNTIL)
    desk.fire(0)
    desk.snooze(1, until=60)
    desk.until(2)
    desk.on_time(100)
    assert desk.reasons == ["fired", "snoozed"] and len(desk.notes) == 1


def test_after_a_sleep_each_step_is_told_once() -> None:
    desk = Desk(UNTIL)
    desk.fire(0)
    desk.restart()
    desk.on_time(50, woke=50)
    assert _told(desk) == [(0, "me"), (5, "oncall"), (45, "phone")]
    desk.on_time(500)
    assert _told(desk)[3:] == [(60, "phone")]


def test_a_rule_switched_off_calls_nobody() -> None:
    desk = Desk(UNTIL)
    desk.fire(0)
    desk.edit(UNTIL + "enabled: false\n")
    desk.on_time(500)
    desk.restart()
    assert len(desk.notes) == 1 and desk.stored == {}


def test_too_many_open_incidents_push_out_the_oldest() -> None:
    desk = Desk(UNTIL.replace("notify: me", "notify: me\nby: _.stream"), limits=Limits(groups=2))
    for number in range(3):
        desk.fire(0, group=f"{number}")
    desk.on_time(6)
    assert desk.dispatcher.evicted == {"down": 1}
    assert [note.group for note in desk.notes[3:]] == ["1", "2"]


def test_an_open_incident_in_words() -> None:
    desk = Desk(UNTIL)
    desk.fire(0)
    assert desk.words(1) == ["incident open since 0; next escalation at 5 to oncall"]
    desk.on_time(6)
    assert desk.words(7) == ["incident open since 0; next escalation at 15 to phone"]
    desk.on_time(70)
    assert desk.words(71) == ["incident open since 0; nobody else is told"]


class _Told(NamedTuple):
    at_ms: int
    step: int


_steps = st.lists(
    st.builds(
        lambda after, repeat, most: Escalation(after, ("x",), repeat, most if repeat else 1),
        st.integers(0, 30), st.one_of(st.none(), st.integers(1, 12)), st.integers(1, 5),
    ),
    max_size=4,
).map(tuple)  # fmt: skip


def _oracle(spec: Incident, opened_ms: int, until_ms: int) -> list[_Told]:
    """Every message of every step, minute by minute."""
    return [
        _Told(now, number)
        for now in range(until_ms + 1)
        for number, step in enumerate(spec.steps)
        for sent in range(step.most)
        if now == opened_ms + step.after_ms + sent * (step.repeat_ms or 0)
    ]


@settings(max_examples=150)
@given(_steps, st.integers(0, 20), st.lists(st.integers(0, 120), max_size=30), st.integers(0, 120))
def test_calls_come_when_they_are_due_whatever_else_is_asked(
    steps: tuple[Escalation, ...], opened_ms: int, looks: list[int], acked_ms: int
) -> None:
    spec = Incident(steps, Kinds((Selector("session", "active"),)))
    state = EMPTY._replace(firing="f", told_ms=opened_ms)
    told: list[_Told] = []
    for now in sorted({*range(acked_ms), *looks}):
        if now >= acked_ms:
            state = ack(spec, None, state, now)
        step = on_time(spec, load(dump(state)), now)
        assert step.wake_at_ms == next_call(spec, step.state)
        assert on_time(spec, step.state, now).out == ()
        told += [_Told(call.at_ms, call.step) for call in step.out]
        state = step.state
    assert told == _oracle(spec, opened_ms, min(acked_ms, 1 << 30) - 1)


@settings(max_examples=100)
@given(_steps, st.integers(0, 200))
def test_a_late_call_gives_of_each_step_the_latest_message(steps: tuple[Escalation, ...], now_ms: int) -> None:
    spec = Incident(steps)
    state = OpenIncident("f")
    due = _oracle(spec, 0, now_ms)
    step = on_time(spec, state, now_ms)
    assert [_Told(call.at_ms, call.step) for call in step.out] == sorted(
        max(one for one in due if one.step == number) for number in {one.step for one in due}
    )
    assert [call.number for call in step.out] == [sum(one.step == call.step for one in due) for call in step.out]


def test_what_nothing_else_can_end_ends_with_an_ack() -> None:
    state = EMPTY._replace(firing="f")
    until = Kinds((Selector("session", "active"),))
    assert ack(Incident(), None, state, 5) == EMPTY
    assert ack(Incident(until=until, until_acked=True), None, state, 5) == EMPTY
    assert ack(Incident(until=until), None, state, 5).acked_ms == 5
    assert ack(Incident(), Absent(1), state, 5).acked_ms == 5
    assert ack(Incident(), Absent(1), state._replace(acked_ms=3), 5).acked_ms == 3


def test_a_state_comes_back_from_bytes() -> None:
    state = OpenIncident("f", 1, 2, 3, 4, (1, 2), ("a",), "title", "bo\ud800dy", happened(1, "x"))
    assert load(dump(state)) == state and told_to(state, ("a", "b")).told == ("a", "b")


def test_a_rule_edited_to_more_or_fewer_steps_goes_on() -> None:
    one, two = Escalation(5, ("x",)), Escalation(9, ("y",))
    state = on_time(Incident((one,)), OpenIncident("f"), 6).state
    assert on_time(Incident((one, two)), state, 9).out == (Call(9, 1, 1),)
    assert on_time(Incident(()), state, 99).out == ()
