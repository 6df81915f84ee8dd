"""Rules over time through the real evaluator: the order of arrival, restarts, reloads and the clock change nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.compile import Program, compile_rulebook
from engine.core.decode import event_id
from engine.core.evaluator import Evaluator, Owns
from engine.model.condition import AllOf, AnyOf, Kinds, Selector, Text
from engine.model.config import Limits
from engine.model.errors import NOWHERE
from engine.model.rule import Rule, Rulebook
from engine.model.window import (
    Absent,
    Changes,
    Count,
    FirstSeen,
    Held,
    Sequence,
    Spike,
    StepSpec,
    Together,
    Track,
    Window,
)
from tests.core.generate import line_of
from tests.core.running import AT, Running, said

LATENESS_S = 10
WORDS = ("a", "b", "c")


def _has(word: str) -> AllOf:
    return AllOf((Kinds((Selector("transcript"),)), Text("word", (word,))))


def _rule(name: str, window: Window, condition: Any = None, by: tuple[str, ...] = ()) -> Rule:
    return Rule(name, condition or _has("a"), NOWHERE, window=window, by=by)


def _steps(name: str, window: Together | Sequence, by: tuple[str, ...] = ()) -> Rule:
    return _rule(name, window, AllOf((AnyOf(tuple(step.condition for step in window.steps)),)), by)


A, B, NOT_C = StepSpec("a", _has("a")), StepSpec("b", _has("b")), StepSpec("c", _has("c"), True)
ANY_SPEECH = AllOf((Kinds((Selector("transcript"),)),))
RULES = (
    _rule("three", Count(3, 20_000)),
    _rule("three-by", Count(2, 8_000), by=("data.who",)),
    _rule("rolling", Count(2, 6_000, keep=True)),
    _rule("voices", Count(2, 9_000, "data.who"), ANY_SPEECH),
    _steps("both", Together((A, B), 4_000, 2)),
    _steps("both-alone", Together((A, B, NOT_C), 4_000, 2)),
    _steps("chain", Sequence((A, B), 7_000, 2), by=("data.who",)),
    _steps("chain-clean", Sequence((A, NOT_C, B), 9_000, 2)),
    _steps("unanswered", Sequence((A, StepSpec("b", _has("b"), True)), 5_000, 1)),
    _rule("quiet", Absent(9_000), ANY_SPEECH),
    _rule("seldom", Absent(20_000, 1), ANY_SPEECH),
    _rule("steady", Held(8_000, 4_000)),
    _rule("turns", Changes("data.who"), ANY_SPEECH),
    _rule("new", FirstSeen("data.who", 30_000), ANY_SPEECH),
    _rule("burst", Spike(2.0, 5_000, 10_000, 2), ANY_SPEECH),
    _rule("spans", Track("data.who", 5_000, 1_000), ANY_SPEECH),
)
PROGRAM = compile_rulebook(Rulebook(RULES))

Happened = list[tuple[int, int, str, str | None, int]]

events = st.lists(
    st.tuples(
        st.integers(0, 90),  # when it happened, s
        st.integers(0, 3),  # how long it took, s
        st.sampled_from(("a", "b", "c", "a b", "b c")),
        st.sampled_from(("ann", "ben", None)),
        st.integers(0, LATENESS_S * 10),  # how late it comes, tenths of a second
    ),
    max_size=25,
    unique_by=lambda one: (one[0], one[2]),  # the same words at the same moment are one event
)


steps = st.lists(st.tuples(st.integers(0, 24), st.sampled_from(("restart", "reload", "clock", "twice", "take"))))


def _arrivals(happened: Happened, late: bool) -> list[dict[str, Any]]:
    """Return the lines in the order of their arrival; without `late` each comes when it happens."""
    lines = []
    for at_s, long_s, text, who, tenths in happened:
        body = said(at_s, text)
        body["data"]["end"] += long_s * 1000
        body["data"]["who"] = who
        body["unix_ts"] = AT / 1000 + at_s + (tenths / 10 if late else 0)
        lines.append(body)
    return sorted(lines, key=lambda body: (body["unix_ts"], body["data"]["start"], body["data"]["text"]))


def _facts(running: Running, *, exact: bool = True) -> list[Any]:
    """What fired, resting on what; `exact`: with ids and instants too."""
    running.take()
    return sorted(
        (
            one.match.rule, one.match.group or "", one.match.closes,
            *((one.match.id, one.match.at_ms) if exact else ()),
            [event_id(event) for event in one.match.events],
        )
        for one in running.firings
    )  # fmt: skip


def _run(lines: Iterable[dict[str, Any]], program: Program = PROGRAM) -> Running:
    running = Running(program).feed(*lines)
    running.evaluator.finish(AT + 200_000)
    return running


@settings(max_examples=150, deadline=None)
@given(events)
def test_what_comes_late_but_in_time_fires_as_if_it_had_come_in_order(
    happened: Happened,
) -> None:
    in_order = _run(_arrivals(happened, late=False))
    disordered = _run(_arrivals(happened, late=True))
    assert _facts(disordered, exact=False) == _facts(in_order, exact=False)
    assert not any(name.endswith(".late") and name.startswith("rule.") for name in disordered.counters)


@settings(max_examples=100, deadline=None)
@given(events, steps)
def test_restarts_reloads_repeats_commits_and_the_clock_change_nothing(
    happened: Happened, done: list[tuple[int, str]]
) -> None:
    lines = _arrivals(happened, late=True)
    plain = _run(lines)
    running = Running(PROGRAM)
    for number, line in enumerate(lines):
        before_ms = round(lines[number - 1]["unix_ts"] * 1000) if number else AT
        for _, step in (one for one in done if one[0] == number):
            if step == "restart":
                running.restart()
            elif step == "reload":
                running.adopt(PROGRAM)
            elif step == "clock":
                until_ms = round(line["unix_ts"] * 1000)
                for at_ms in (before_ms, (before_ms + until_ms) // 2, until_ms):
                    running.evaluator.on_time(at_ms)
            elif step == "twice" and number:
                running.evaluator.on_line(line_of(lines[number - 1], number), AT)
            else:
                running.take()
        running.feed(line)
    running.evaluator.finish(AT + 200_000)
    assert _facts(running) == _facts(plain)


def _owner(shard: int, shards: int) -> Owns:
    return lambda rule, group: crc32(f"{rule}/{group}".encode()) % shards == shard


@settings(max_examples=60, deadline=None)
@given(events, st.integers(1, 4))
def test_sharing_out_rules_and_groups_among_evaluators_is_invisible(happened: Happened, shards: int) -> None:
    lines = _arrivals(happened, late=True)
    whole = _facts(_run(lines))
    found: list[Any] = []
    for shard in range(shards):
        running = Running(PROGRAM)
        running.evaluator = Evaluator(PROGRAM, {}, lambda zone, at_ms: 0, owns=_owner(shard, shards))
        running.feed(*lines)
        running.evaluator.finish(AT + 200_000)
        found += _facts(running)
    assert sorted(found) == whole


@settings(max_examples=60, deadline=None)
@given(events, st.lists(st.integers(-5_000, 120_000), max_size=20))
def test_looks_at_the_clock_between_lines_never_change_what_a_window_counts(
    happened: Happened, looks: list[int]
) -> None:
    lines = _arrivals(happened, late=True)
    running = Running(PROGRAM)
    for line in lines:
        come_ms = round(line["unix_ts"] * 1000)
        for look in looks:  # any instants, in any order, as long as the wall clock has them behind it
            running.evaluator.on_time(min(AT + look, come_ms))
        running.feed(line)
    running.evaluator.finish(AT + 200_000)
    assert _facts(running) == _facts(_run(lines))


def test_a_pattern_that_wants_no_order_fires_on_arrival() -> None:
    rule = Rule("now", _has("a"), NOWHERE, window=Count(2, 10_000), lateness_ms=0)
    running = Running(compile_rulebook(Rulebook((rule,)))).feed(said(0, "a"), said(3, "a"))
    running.take()
    assert [one.match.at_ms - AT for one in running.firings] == [3_000]


def test_a_pattern_waits_until_nothing_in_time_can_stand_before_its_line() -> None:
    running = Running(compile_rulebook(Rulebook((_rule("two", Count(2, 10_000)),)))).feed(said(0, "a"), said(3, "a"))
    running.take()
    assert running.firings == []
    assert running.evaluator.wake_at_ms == AT + 3_000 + 2_000 + 7_000  # line 2 s idle, then up to its own lateness
    running.evaluator.on_time(AT + 14_999)
    running.take()
    assert running.firings == []
    running.evaluator.on_time(AT + 15_000)
    running.take()
    assert [one.match.at_ms - AT for one in running.firings] == [3_000]


def test_groups_beyond_the_cap_are_forgotten_oldest_first_and_counted() -> None:
    program = compile_rulebook(Rulebook((_rule("two", Count(2, 60_000), by=("data.who",)),)))
    running = Running(program, limits=Limits(groups=3))
    running.feed(*(said(number, "a", who=f"w{number}") for number in range(5)))
    running.feed(said(6, "a", who="w0"), said(7, "a", who="w4"))
    running.evaluator.finish(AT + 60_000)
    running.take()
    assert [one.match.group for one in running.firings] == ["w4"]
    assert running.counters["rule.two.evicted"] == 3


def test_a_hit_too_late_for_its_window_is_counted_and_told() -> None:
    heard = Rule("heard", AllOf((Kinds((Selector("engine", "late"),)),)), NOWHERE)
    program = compile_rulebook(Rulebook((_rule("two", Count(2, 5_000)), heard)))
    running = Running(program).feed(said(0, "b"), said(60, "a"), said(100, "b"))
    late = said(20, "a")
    late["unix_ts"] += 90
    running.feed(late, said(111, "b"))
    running.take()
    assert running.counters["rule.two.late"] == 1
    assert [one.match.rule for one in running.firings] == ["heard"]


@pytest.mark.parametrize("fault", ["operator", "message"])
def test_a_rule_that_raises_is_switched_off_and_told_and_the_others_go_on(fault: str) -> None:
    heard = Rule("heard", AllOf((Kinds((Selector("engine", "rule_error"),)),)), NOWHERE)
    bad = _rule("bad", Count(2, 5_000))
    if fault == "operator":
        object.__setattr__(bad.window, "at_least", None)
    else:
        object.__setattr__(bad, "notify", None)
    other = Rule("other", _has("a"), NOWHERE)
    running = Running(compile_rulebook(Rulebook((bad, heard, other))))
    running.feed(said(0, "a"), said(1, "a"), said(30, "a"), said(60, "a"))
    running.take()
    assert running.counters["rule.bad.broken"] == 1
    assert [(note.destination, note.title) for note in running.notes if note.rule == "bad"] == [
        ("default", "bad is switched off")
    ]
    assert [one.match.rule for one in running.firings].count("heard") == 1
    assert [one.match.rule for one in running.firings].count("other") == 4


def test_a_span_ends_with_its_session() -> None:
    running = Running(compile_rulebook(Rulebook((_rule("spans", Track("data.who", 60_000, 0), ANY_SPEECH),))))
    ends = {"channel": "capture_session", "event": "capture_session.stopped", "status": "stopped",
            "capture_session_id": "cap-1", "unix_ts": AT / 1000 + 25}  # fmt: skip
    running.feed(*({**said(at_s, f"a {at_s}", who="ann"), "capture_session_id": "cap-1"} for at_s in (0, 10, 20)))
    running.feed(ends)
    running.evaluator.finish(AT + 26_000)
    running.take()
    [span] = running.firings
    assert (span.match.found["start"], span.match.found["end"], span.match.at_ms) == (AT, AT + 25_000, AT + 25_000)
