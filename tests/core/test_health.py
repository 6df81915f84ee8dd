"""Rules that say how often they expect to speak: each verdict once a period, and only when it is fair."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.health import EMPTY, Verdict, dump, load, mute, on_time, on_told
from engine.model.rule import Expect
from tests.core.dispatching import AT, Desk

HOUR_MIN = 60
NOISY = "{name: r, when: transcript, notify: me, expect: {max: 2/hour}}"
SILENT = "{name: r, when: transcript, notify: me, expect: {min: 1/hour}}"


def test_one_message_too_many_is_said_once_a_period() -> None:
    desk = Desk(NOISY)
    for minute in (1, 2, 3, 4, 61, 62, 63):
        desk.fire(minute)
        desk.restart()
    assert desk.reasons == ["fired", "fired", "fired", "health", "fired", "fired", "fired", "fired", "health"]
    assert [(said.name, said.fields["count"], said.fields["expected"]) for said in desk.said] == [
        ("rule_noisy", 3, 2), ("rule_noisy", 3, 2),
    ]  # fmt: skip
    noisy = desk.told("health")[0]
    assert (noisy.title, noisy.body) == ("r is too noisy", "r: 3 messages in this hour; at most 2 expected")
    assert noisy.destinations == ("me",) and noisy.match.id != desk.told("health")[1].match.id
    desk.on_time(300)
    desk.restart()
    assert desk.stored == {}


def test_what_gates_hold_is_not_noise_and_a_digest_is_one_message() -> None:
    held = Desk(NOISY.replace("notify", "cooldown: 50m, notify"))
    digest = Desk(NOISY.replace("notify", "digest: {every: 10m}, notify"))
    for minute in (1, 2, 3, 4, 5):
        held.fire(minute)
        digest.fire(minute)
    digest.on_time(11)
    assert held.said == [] and digest.said == []
    for minute in (12, 22):
        digest.fire(minute)
    digest.on_time(59)
    assert [said.name for said in digest.said] == ["rule_noisy"]


def test_silence_is_judged_at_the_end_of_a_period_seen_from_its_beginning() -> None:
    desk = Desk(SILENT)
    desk.on_time(5)
    desk.restart()
    desk.on_time(60)
    assert desk.said == []
    desk.fire(70)
    desk.restart()
    desk.on_time(180.5)
    (said,) = desk.said
    assert (said.name, said.at_ms) == ("rule_silent", AT + 180 * 60_000)
    assert said.fields["text"] == "r: no message in the last hour; at least 1 expected"


def test_a_rule_watched_from_the_very_beginning_of_an_hour_is_judged_at_its_end() -> None:
    desk = Desk(SILENT)
    desk.on_time(0)
    desk.on_time(60)
    assert [said.name for said in desk.said] == ["rule_silent"]


def test_nobody_complains_of_a_silence_that_was_asked_for_or_slept_through() -> None:
    desk = Desk(SILENT)
    desk.on_time(0)
    desk.snooze(10, until=100)
    desk.on_time(179)
    assert desk.said == []
    desk.on_time(180)
    assert len(desk.said) == 1
    slept = Desk(SILENT)
    slept.on_time(0)
    slept.fire(1)
    slept.on_time(500, woke=500)
    assert slept.said == []
    slept.on_time(600)
    assert len(slept.said) == 1


def test_in_quiet_hours_the_message_waits_but_the_engine_says_so() -> None:
    desk = Desk(SILENT.replace("notify", 'quiet: "10:30-12:30", notify'))
    desk.on_time(0)
    desk.on_time(60)
    assert desk.notes == [] and len(desk.said) == 1
    desk.on_time(151)
    # The second hour went by in silence too.
    assert desk.told_at == [150] and desk.notes[0].title == "r: 2 while quiet"


def test_days_and_weeks_begin_at_local_midnight() -> None:
    desk = Desk("{name: r, when: transcript, expect: {min: 1/day}}", zone_min=120)
    week = Desk("{name: r, when: transcript, expect: {min: 1/week}}")
    for one in (desk, week):
        one.on_time(0)
        one.on_time(20 * 24 * HOUR_MIN)
    assert (desk.said[0].at_ms - AT) / 3_600_000 == 12 + 24  # AT is noon there; the day that began next midnight
    assert (week.said[0].at_ms - AT) / 3_600_000 == 4 * 24 + 14 + 7 * 24  # AT is a Wednesday


def test_counts_in_words() -> None:
    desk = Desk("{name: r, when: transcript, expect: {min: 1/day}}")
    assert desk.words(0) == ["no message this day; at least 1 expected"]
    desk.fire(1)
    assert desk.words(1) == ["1 message this day; at least 1 expected"]


def test_a_rule_switched_off_is_not_watched() -> None:
    desk = Desk(SILENT.replace("notify", "enabled: false, notify"))
    assert desk.dispatcher.wake_at_ms is None and desk.words(0) == []


@settings(max_examples=150)
@given(
    st.builds(Expect, st.just(10), st.one_of(st.none(), st.integers(1, 3)), st.one_of(st.none(), st.integers(0, 3))),
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(("told", "told", "look", "mute"))), max_size=30),
)
def test_verdicts_are_those_of_somebody_who_saw_it_all(spec: Expect, steps: list[tuple[int, str]]) -> None:
    state, now, said = EMPTY, 0, list[tuple[int, str]]()
    history: list[tuple[int, str]] = []

    def end_of(at: int) -> int:
        return (at // 10 + 1) * 10

    def end_periods(until: int) -> None:
        nonlocal state
        while (state.ends_ms and state.ends_ms <= until) or (not state.ends_ms and spec.at_least is not None):
            ends_ms = state.ends_ms
            step = on_time(spec, state, ends_ms or until, end_of)
            said.extend([(ends_ms, step.out.value)] if step.out else [])
            state = load(dump(step.state))

    end_periods(0)
    for wait, what in steps:
        now += wait
        end_periods(now)
        if what == "told":
            step = on_told(spec, state, now, end_of)
            said.extend([(now, step.out.value)] if step.out else [])
            state = step.state
        elif what == "mute":
            state = mute(state)
        history.append((now, what))
    assert said == _oracle(spec, history, now)


def _oracle(spec: Expect, history: list[tuple[int, str]], until: int) -> list[tuple[int, str]]:
    said: list[tuple[int, str]] = []
    for begin in range(0, until + 1, 10):
        inside = [(at, what) for at, what in history if begin <= at < begin + 10]
        times = [at for at, what in inside if what == "told"]
        if spec.at_most is not None and len(times) > spec.at_most:
            said.append((times[spec.at_most], Verdict.NOISY.value))
        is_muted = any(what == "mute" for _, what in inside)
        if spec.at_least is not None and begin + 10 <= until and len(times) < spec.at_least and not is_muted:
            said.append((begin + 10, Verdict.SILENT.value))
    return said
