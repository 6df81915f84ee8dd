"""Digests: when they are told, what is in them, and that nothing is lost or told twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import digest as module
from engine.core import gates
from engine.core.digest import EMPTY, Arrived, Head, Ticks, Verdict, collect, due, dump, end, load, on_time
from engine.core.digests import MOST_OF_A_RULE, SUFFIX
from engine.core.statistics import Tally, tally_of
from engine.model.config import Limits
from engine.model.match import Reason
from engine.model.rule import Digest
from tests.core.dispatching import Desk, at_ms, happened

HALF_HOURS = "{name: r, when: transcript, digest: {every: 30m}, notify: me}"
AT_END = "{name: r, when: transcript, digest: {at: session_end}, notify: me}"


def _told(desk: Desk) -> list[tuple[float, list[str | None]]]:
    """Minutes and texts of every digest that went out."""
    return [
        (minute, [event.text for event in firing.match.events])
        for minute, firing in zip(desk.told_at, desk.told("digest"), strict=True)
    ]


def test_what_was_collected_is_told_at_the_next_tick() -> None:
    desk = Desk(HALF_HOURS)
    desk.fire(1, "a")
    desk.fire(29, "b")
    desk.fire(30, "c")  # half past ten tells what came before it
    desk.on_time(200)
    assert _told(desk) == [(30, ["a", "b"]), (60, ["c"])]
    assert desk.reasons == ["digest", "digest", "digest", "digest", "digest"]
    assert [firing.until_ms is not None for firing in desk.firings[:2]] == [True, True]
    desk.restart()
    assert desk.stored == {}


def test_a_digest_says_how_much_and_from_when_to_when() -> None:
    desk = Desk(HALF_HOURS, zone_min=60)
    desk.fire(4, "hello there")
    desk.fire(5.2, "hi", stream="system_audio:default", source="system_audio")
    desk.on_time(30)
    (note,) = desk.notes
    assert note.title == "r: 2 items, 11:04-11:05"
    assert note.body.splitlines()[:2] == ["11:04:00  mic  hello there", "11:05:12  system_audio  hi"]
    assert "you 0s (2 words), they 0s (1 word)" in note.body


def test_fewer_than_the_minimum_wait_for_the_next_time() -> None:
    desk = Desk("{name: r, when: transcript, digest: {every: 30m, min: 3}}")
    desk.fire(1, "a")
    desk.fire(31, "b")
    assert desk.dispatcher.wake_at_ms is None
    desk.restart()
    desk.fire(65, "c")
    desk.on_time(300)
    assert _told(desk) == [(90, ["a", "b", "c"])]


def test_a_full_digest_is_told_at_once_and_the_next_begins() -> None:
    desk = Desk("{name: r, when: transcript, digest: {every: 30m, or_at: 3}}")
    for minute in range(7):
        desk.fire(minute, f"{minute}")
    desk.on_time(30)
    assert _told(desk) == [(2, ["0", "1", "2"]), (5, ["3", "4", "5"]), (30, ["6"])]


def test_an_empty_digest_is_told_only_on_demand() -> None:
    desk = Desk("{name: r, when: transcript, digest: {every: 30m, send_empty: true}}")
    assert desk.dispatcher.wake_at_ms == 0  # it must learn first what time it is
    desk.on_time(1)
    desk.restart()
    desk.on_time(30)
    desk.fire(31, "a")
    desk.on_time(95)
    assert desk.told_at == [30, 60, 90]
    assert [note.title for note in desk.notes] == [
        "r: nothing until 10:30",
        "r: 1 item, 10:31",
        "r: nothing until 11:30",
    ]
    assert desk.notes[0].body == "Nothing came."


def test_ticks_that_were_slept_through_are_told_once() -> None:
    desk = Desk("{name: r, when: transcript, digest: {every: 30m, send_empty: true}}")
    desk.on_time(1)
    desk.on_time(305, woke=305)
    desk.on_time(331, woke=331)
    assert desk.told_at == [300, 330]


def test_what_waited_while_nothing_ran_is_told_at_its_own_time() -> None:
    desk = Desk(HALF_HOURS)
    desk.fire(1, "a")
    desk.restart()
    desk.on_time(500, woke=500)
    assert _told(desk) == [(30, ["a"])]


def test_the_end_of_a_session_tells_its_digest_once_late_lines_are_in() -> None:
    desk = Desk(AT_END)
    desk.session(0, "active", "one")
    desk.fire(1, "a", session="one")
    desk.fire(2, "other", session="two")
    desk.fire(3, "of none")
    desk.session(5, "stopped", "one")
    desk.fire(5.1, "late", session="one")
    desk.on_time(60)
    assert _told(desk) == [(5 + 10 / 60, ["of none"]), (5 + 10 / 60, ["a", "late"])]
    assert "Session: 5m" in desk.notes[1].body
    desk.fire(61, "very late", session="one")
    desk.restart()
    desk.session(70, "failed", "two")
    desk.on_time(80)
    assert [texts for _, texts in _told(desk)[2:]] == [["very late"], ["other"]]


def test_too_little_for_a_message_at_the_end_of_a_session_is_told_of_in_the_next() -> None:
    desk = Desk("{name: r, when: transcript, digest: {at: session_end, min: 2}}")
    desk.fire(1, "a", session="one")
    desk.session(2, "stopped", "one")
    desk.on_time(3)
    assert desk.notes == []
    desk.fire(4, "b", session="two")
    desk.fire(5, "c", session="two")
    desk.session(6, "stopped", "two")
    desk.on_time(7)
    (note,) = desk.notes
    assert note.suppressed == 1 and note.body.endswith("(and 1 more since the last message)")


def test_with_timers_the_end_of_a_session_tells_the_rest_whatever_its_size() -> None:
    desk = Desk("{name: r, when: transcript, digest: {every: 30m, at: session_end, min: 3}}")
    for minute, text in ((1, "a"), (2, "b"), (3, "c"), (31, "d")):
        desk.fire(minute, text, session="one")
    desk.session(32, "stopped", "one")
    desk.on_time(300)
    assert [texts for _, texts in _told(desk)] == [["a", "b", "c"], ["d"]]


def test_digests_due_at_one_instant_come_in_the_order_of_the_file() -> None:
    names = ["zeta", "alpha", "mid"]
    rules = (
        "rules: [" + ", ".join(f"{{name: {name}, when: transcript, digest: {{every: 30m}}}}" for name in names) + "]"
    )
    desk = Desk(rules)
    for rule in (1, 2, 0):
        desk.fire(1, rule=rule)
    desk.restart()
    desk.on_time(40)
    assert [note.rule for note in desk.notes] == names


def test_gates_come_before_the_digest_and_what_they_held_is_told_of() -> None:
    desk = Desk("{name: r, when: transcript, cooldown: 5m, digest: {every: 30m}}")
    for minute in (0, 1, 2, 6, 7):
        desk.fire(minute, f"{minute}")
    desk.on_time(30)
    assert desk.reasons[:5] == ["digest", "cooldown", "cooldown", "digest", "cooldown"]
    assert _told(desk) == [(30, ["0", "6"])] and desk.notes[0].suppressed == 2
    assert desk.notes[0].body.endswith("(and 2 more since the last message)")


def test_quiet_holds_no_item_but_the_digest_until_its_end() -> None:
    rules = '{name: r, when: transcript, quiet: "10:20-11:10", digest: {every: 30m, or_at: 4}}'
    desk = Desk(rules)
    for minute in (1, 21, 22, 23, 31):
        desk.fire(minute, f"{minute}")
        desk.restart()
    desk.on_time(200)
    assert _told(desk) == [(70, ["1", "21", "22", "23", "31"])]


def test_a_snoozed_rule_collects_nothing_and_tells_later() -> None:
    desk = Desk(HALF_HOURS)
    desk.fire(1, "a")
    desk.snooze(2, until=45)
    desk.fire(3, "b")
    desk.restart()
    desk.fire(46, "c")
    desk.on_time(60)
    assert desk.reasons[1] == "snoozed"
    assert _told(desk) == [(45, ["a"]), (60, ["c"])]
    assert [note.suppressed for note in desk.notes] == [0, 1]


def test_an_edited_time_is_kept_to_from_then_on() -> None:
    desk = Desk(HALF_HOURS)
    desk.fire(1, "a")
    desk.edit(HALF_HOURS.replace("30m", "2h"))
    desk.on_time(500)
    assert _told(desk) == [(120, ["a"])]
    desk.fire(501, "b")
    desk.edit(HALF_HOURS.replace("digest", "enabled: false, digest"))
    desk.on_time(1000)
    assert len(desk.notes) == 1


def test_groups_have_digests_of_their_own() -> None:
    desk = Desk("{name: r, when: transcript, by: data.who, digest: {every: 30m}}")
    for minute, group in ((1, "a"), (2, "b\x1fc"), (3, None), (4, "a")):
        desk.fire(minute, f"{minute}", group=group)
    desk.restart()
    desk.on_time(30)
    assert {firing.match.group: len(firing.match.events) for firing in desk.told("digest")} == {
        "a": 2, "b\x1fc": 1, None: 1,
    }  # fmt: skip
    assert len({firing.match.id for firing in desk.told("digest")}) == 3


def test_a_commit_is_proportional_to_what_was_collected_since() -> None:
    desk = Desk(HALF_HOURS)
    for number in range(300):
        desk.fire(number / 100, "x" * 100)
    assert len(desk.commit()) == 301
    desk.fire(4, "one more")
    changes = desk.commit()
    assert len(changes) == 2 and sum(len(blob or b"") for blob in changes.values()) < 1_000
    desk.on_time(30)
    assert set(desk.commit().values()) == {None} and desk.stored == {}


def test_past_the_cap_items_are_counted_and_the_numbers_stay_right() -> None:
    desk = Desk(HALF_HOURS)
    most, beyond = module.MAX_ITEMS, 25
    for number in range(most + beyond):
        desk.fire(number / 100, f"word number {number}", end_ms=at_ms(number / 100) + 1000)
    desk.restart()
    desk.on_time(30)
    (note,), (firing,) = desk.notes, desk.told("digest")
    assert len(firing.match.events) == most and note.title.startswith("r: 1,025 items")
    assert f"you 17m05s ({3 * (most + beyond):,} words)" in note.body
    assert "more)" in note.body and len(note.body) <= 16_000


def test_a_rule_with_many_groups_keeps_the_first_of_each_and_counts_the_rest() -> None:
    spec = Digest(or_at=10**9)
    arrived = Arrived(0, 0, tally_of(happened(0, "a b"), {}), room=False)
    first = collect(spec, EMPTY, arrived, _EVERY)
    second = collect(spec, first.state, arrived, _EVERY)
    assert (first.out, second.out) == (True, False) and MOST_OF_A_RULE >= 1_000
    assert (second.state.size, second.state.kept, second.state.more.total) == (2, 1, 1)


def test_digests_forgotten_for_want_of_room_are_counted() -> None:
    desk = Desk("{name: r, when: transcript, by: data.who, digest: {every: 30m}}", limits=Limits(groups=2))
    for number in range(4):
        desk.fire(number, f"{number}", group=f"{number}")
    assert desk.dispatcher.evicted == {"r": 2}
    desk.restart()
    desk.on_time(30)
    assert [firing.match.group for firing in desk.told("digest")] == ["2", "3"]
    desk.restart()
    assert desk.stored == {}


def test_what_waits_can_be_let_out_for_a_replay() -> None:
    desk = Desk("{name: r, when: transcript, quiet: '10:00-12:00', digest: {every: 30m, min: 2}}")
    desk.fire(1, "a")
    desk.release(2)
    assert desk.notes == []
    desk.fire(3, "b")
    desk.release(4)
    assert _told(desk) == [(4, ["a", "b"])]
    desk.on_time(500)
    assert len(desk.notes) == 1


def test_a_digest_stands_in_words() -> None:
    desk = Desk("{name: r, when: transcript, digest: {every: 30m, min: 2}, by: x}")
    desk.fire(1, group="g")
    assert desk.words(2) == ["g: digest with 1 item since 1; waits for more, or a session's end"]
    desk.fire(2, group="g")
    assert desk.words(2) == ["g: digest with 2 items since 1; due at 30"]


def test_a_digest_and_its_keys_come_again_in_a_replay() -> None:
    first, again = Desk(HALF_HOURS), Desk(HALF_HOURS)
    for desk in (first, again):
        desk.fire(1, "a")
        desk.fire(31, "b")
        if desk is again:
            desk.restart()
        desk.on_time(70)
    assert first.notes == again.notes and len({note.key for note in first.notes}) == 2


def test_a_firing_that_comes_out_late_waits_for_the_tick_after() -> None:
    desk = Desk(HALF_HOURS)
    told = desk.fire(29, "a")
    late = told.firings[0].match
    desk.on_time(30.1)
    desk.match(replace(late, id="late"), now_ms=at_ms(30.2))
    desk.on_time(100)
    assert desk.told_at == [30, 60]


def test_a_rule_that_tells_nobody_collects_nothing() -> None:
    desk = Desk("{name: r, when: transcript, record: a.jsonl}")
    assert desk.fire(1).firings[0].reason is None
    silent = Desk("{name: r, when: transcript, digest: {every: 30m}, record: a.jsonl, notify: gone}", {"gone": ()})
    silent.fire(1)
    silent.on_time(60)
    assert silent.reasons == ["fired"] and [note.destination for note in silent.notes] == ["record:a.jsonl"]


_EVERY = Ticks(lambda at: (at // 10 + 1) * 10, lambda at: at // 10 * 10)
_heads = st.builds(
    Head,
    size=st.integers(0, 9),
    kept=st.integers(0, 9),
    held=st.integers(0, 5),
    first_ms=st.one_of(st.none(), st.integers(0, 100)),
    since_ms=st.one_of(st.none(), st.integers(0, 100)),
    due_ms=st.one_of(st.none(), st.integers(0, 100)),
    ends=st.booleans(),
    more=st.sampled_from((Tally(), tally_of(happened(1, "a b"), {}))),
)
_specs = st.builds(
    Digest,
    timers=st.sampled_from(((), Desk(HALF_HOURS).program.rules[0].rule.digest.timers)),  # type: ignore[union-attr]
    at_session_end=st.booleans(),
    minimum=st.integers(1, 4),
    send_empty=st.booleans(),
)


@given(_heads)
def test_a_head_comes_back_from_bytes(head: Head) -> None:
    assert load(dump(head)) == head


@given(_specs, _heads, st.integers(0, 120), st.one_of(st.none(), st.integers(0, 120)))
def test_a_call_at_any_moment_does_no_harm(spec: Digest, head: Head, now_ms: int, woke_ms: int | None) -> None:
    at_ms = due(spec, head, _EVERY)
    step = on_time(spec, head, now_ms, _EVERY, woke_ms)
    if at_ms is None or now_ms < at_ms:
        assert step == (head, None, at_ms)
    elif step.out is None:
        assert (step.state.size, step.state.held) == (head.size, head.held) and head.size < spec.minimum
    else:
        assert step.state.size == 0 and (step.out is Verdict.TELL or head.ends)
    assert end(head, now_ms).due_ms == min(now_ms, now_ms if head.due_ms is None else head.due_ms)


RULES = """
rules:
  - {name: ticks, when: transcript, digest: {every: 30m, min: 2}}
  - {name: full, when: transcript, digest: {every: 1h, or_at: 3}, quiet: "11:00-11:45"}
  - {name: ends, when: transcript, digest: {at: session_end}}
  - {name: few, when: transcript, digest: {at: session_end, min: 3}, by: x}
  - {name: both, when: transcript, digest: {every: 30m, at: session_end, min: 3}, cooldown: 2m}
  - {name: empty, when: transcript, digest: {at: ["10:45", "12:00"], send_empty: true}}
"""
_steps = st.lists(
    st.tuples(
        st.sampled_from((0, 0.1, 1, 7, 29, 30, 61)),
        st.sampled_from(("fire", "fire", "fire", "active", "stopped", "exported", "snooze", "nothing")),
        st.sampled_from(("a", "b")),
        st.sampled_from(("", "restart", "clock", "commit", "reload")),
    ),
    max_size=25,
)


def _act(desk: Desk, minutes: float, what: str, name: str, rule: int) -> None:
    match what:
        case "fire":
            for number in range(6):
                desk.fire(minutes, f"{minutes}", rule=number, group=name, session=(None, "a", "b")[rule])
        case "snooze":
            desk.snooze(minutes, until=minutes + 40, rule=rule)
        case "nothing":
            desk.on_time(minutes)
        case _:
            desk.session(minutes, what, name)


@settings(max_examples=120, deadline=None)
@given(_steps, st.data())
def test_nothing_is_lost_or_told_twice_whatever_happens(
    steps: list[tuple[float, str, str, str]], data: st.DataObject
) -> None:
    plain, disturbed = Desk(RULES), Desk(RULES)
    for desk in (plain, disturbed):
        desk.on_time(0)
    minutes = 0.0
    for number, (wait, what, name, trouble) in enumerate(steps):
        rule = number % 3
        if trouble == "clock":
            for part in sorted(data.draw(st.lists(st.floats(0, 1), max_size=4))):
                disturbed.on_time(minutes + wait * part)
        minutes += wait
        for desk in (plain, disturbed):
            _act(desk, minutes, what, name, rule)
        if trouble == "restart":
            disturbed.restart()
        elif trouble == "reload":
            disturbed.edit(RULES)
        elif trouble == "commit":
            disturbed.commit()
    for desk in (plain, disturbed):
        desk.on_time(minutes + 2000)
    assert disturbed.notes == plain.notes and disturbed.firings == plain.firings
    assert disturbed.dispatcher.snapshot() == plain.dispatcher.snapshot()
    _check_items(plain)


def _check_items(desk: Desk) -> None:
    """Every item is told in one digest, still waits, or is counted among those held."""
    states = desk.dispatcher.snapshot()
    for compiled in desk.program.rules:
        firings = [firing for firing in desk.firings if firing.match.rule == compiled.rule.name]
        digests = [firing for firing in firings if firing.kind == "digest"]
        collected = Counter(one.match.events[-1].key for one in firings if one.reason is Reason.DIGEST)
        told = Counter(event.key for one in digests for event in one.match.events if event.kind == "transcript")
        heads = [load(blob) for (owner, key), blob in states.items()
                 if owner == compiled.owner + SUFFIX and key.endswith("\x1f")]  # fmt: skip
        held = sum(gates.load(blob).held for (owner, _), blob in states.items() if owner == compiled.owner)
        held += sum(one.suppressed for one in digests) + sum(head.held for head in heads)
        held -= sum(one.reason in (Reason.SNOOZED, Reason.COOLDOWN) for one in firings)
        assert told <= collected
        assert collected.total() == told.total() + sum(head.size for head in heads) + held


@pytest.mark.parametrize("spec", ["every: 30m", 'at: "18:00"', "at: session_end", "or_at: 2"])
def test_a_digest_without_items_leaves_no_state(spec: str) -> None:
    desk = Desk(f"{{name: r, when: transcript, digest: {{{spec}}}}}")
    desk.on_time(1)
    assert desk.commit() == {} and desk.dispatcher.wake_at_ms is None
