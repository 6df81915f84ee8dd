"""The gates against an oracle that looks at the whole history anew for every firing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import gates as module
from engine.core.gates import EMPTY, Attempt, Deferred, GateState, cooldown_end_ms, defer, dump, load, on_match, on_time
from engine.core.hours import covers, end_of_span_ms
from engine.core.moment import iso_ms
from engine.model.match import Reason
from engine.model.rule import Dedup, Gates, Hours, Limit, Severity

MONDAY_MS = iso_ms("2026-01-05T00:00:00Z") or 0
MINUTE_MS = 60_000
_DAY = Hours(((9 * 60, 17 * 60),))
_hours = st.sampled_from((None, None, None, _DAY, Hours(((0, 12 * 60), (13 * 60, 20 * 60)))))
_gates = st.builds(
    Gates,
    enabled=st.sampled_from((True, True, True, False)),
    expires_ms=st.sampled_from((None, None, MONDAY_MS + 600 * MINUTE_MS)),
    active=_hours,
    dedup=st.one_of(st.none(), st.builds(Dedup, st.just(("label",)), st.integers(1, 90).map(lambda n: n * MINUTE_MS))),
    cooldown_ms=st.sampled_from((0, 0, 5 * MINUTE_MS, 45 * MINUTE_MS)),
    limit=st.one_of(st.none(), st.builds(Limit, st.integers(1, 3), st.integers(1, 120).map(lambda n: n * MINUTE_MS))),
    quiet=_hours,
)
_severities: st.SearchStrategy[Severity] = st.sampled_from(("info", "info", "info", "critical"))
_steps = st.lists(
    st.tuples(st.sampled_from((0, 0, 1, 3, 5, 10, 30, 60, 240)), _severities, st.sampled_from((False,) * 5 + (True,)),
              st.sampled_from("abc")),
    max_size=40,
)  # fmt: skip


class Past(NamedTuple):
    """What became of one attempt."""

    attempt: Attempt
    reason: Reason | None


def _expected(gates: Gates, past: list[Past], attempt: Attempt) -> Reason | None:
    now = attempt.at_ms
    passed = [one.attempt for one in past if one.reason in (None, Reason.QUIET)]
    same = [one for one in passed if one.dedup_key == attempt.dedup_key]
    if not gates.enabled:
        return Reason.DISABLED
    if gates.expires_ms is not None and now >= gates.expires_ms:
        return Reason.EXPIRED
    if gates.active is not None and not covers(gates.active, now, 0):
        return Reason.INACTIVE
    if attempt.unless:
        return Reason.UNLESS
    if gates.dedup is not None and any(0 <= now - one.at_ms < gates.dedup.for_ms for one in same[-1:]):
        return Reason.DEDUP
    if any(0 <= now - one.at_ms < gates.cooldown_ms for one in passed[-1:]):
        return Reason.COOLDOWN
    if gates.limit is not None:
        recent = [one for one in passed if 0 <= now - one.at_ms < gates.limit.per_ms]
        if len(recent) >= gates.limit.count:
            return Reason.LIMIT
    if gates.quiet is not None and attempt.severity != "critical" and covers(gates.quiet, now, 0):
        return Reason.QUIET
    return None


@settings(max_examples=400, deadline=None)
@given(_gates, _steps)
def test_the_memory_of_a_group_is_as_good_as_its_whole_history(
    gates: Gates, steps: list[tuple[int, Severity, bool, str]]
) -> None:
    state, past, now, held = EMPTY, list[Past](), MONDAY_MS + 8 * 60 * MINUTE_MS, 0
    for minutes, severity, unless, key in steps:
        now += minutes * MINUTE_MS
        attempt = Attempt(now, severity, unless, key, 0, 0)
        expected = _expected(gates, past, attempt)
        step = on_match(gates, state, attempt)
        assert step.out == expected
        held = 0 if expected in (None, Reason.QUIET) else held + 1
        assert step.state.held == held
        assert (step.wake_at_ms is not None) == (expected is Reason.QUIET)
        state = load(dump(step.state))
        assert state == step.state
        past.append(Past(attempt, expected))


def test_a_clock_set_back_blocks_nothing_and_grows_nothing() -> None:
    gates = Gates(cooldown_ms=60_000, dedup=Dedup(("label",), 60_000), limit=Limit(2, 60_000))
    state = EMPTY
    for number in range(50):
        step = on_match(gates, state, Attempt(MONDAY_MS - number * 1000, "info", False, "a", 0, 0))
        assert step.out is None
        state = step.state
    assert len(state.passed) <= 2 and len(state.keys) == 1


def test_the_order_of_the_gates_is_fixed() -> None:
    quiet = Hours(((0, 10_080),))
    full = Gates(False, MONDAY_MS, _DAY, None, Dedup(("x",), MINUTE_MS), MINUTE_MS, Limit(1, MINUTE_MS), quiet)
    sent = GateState(MONDAY_MS, (MONDAY_MS,), (("k", MONDAY_MS),))
    attempt = Attempt(MONDAY_MS, "info", True, "k", 0, 0, snoozed=True, open=True)
    order: list[Reason | None] = []
    for fields in ({}, {"enabled": True}, {"expires_ms": None}, {"snoozed": False}, {"active": None}, {"unless": None},
                   {"dedup": None}, {"cooldown_ms": 0}, {"limit": None}, {"open": False}, {"quiet": None}):  # fmt: skip
        asked: dict[str, Any] = {name: value for name, value in fields.items() if name in attempt._fields}
        gate: dict[str, Any] = {name: value for name, value in fields.items() if name not in asked}
        full, attempt = replace(full, **gate), attempt._replace(**asked)
        if "unless" in fields:
            attempt = attempt._replace(unless=False)
        order.append(on_match(full, sent, attempt).out)
    assert order == [Reason.DISABLED, Reason.EXPIRED, Reason.SNOOZED, Reason.INACTIVE, Reason.UNLESS, Reason.DEDUP,
                     Reason.COOLDOWN, Reason.LIMIT, Reason.OPEN, Reason.QUIET, None]  # fmt: skip


def test_a_snooze_and_an_open_incident_only_count() -> None:
    gates, state = Gates(cooldown_ms=MINUTE_MS), EMPTY
    for fields, reason in (({"snoozed": True}, Reason.SNOOZED), ({"open": True}, Reason.OPEN)):
        step = on_match(gates, state, Attempt(MONDAY_MS, "info", False, "", 0, 0, **fields))
        assert step.out is reason and step.state == state._replace(held=state.held + 1)
        state = step.state


def test_what_waited_before_messages_named_destinations_is_still_read() -> None:
    old = b'[1,[null,[],[["k",5]],2,[[7,"f","title","body"]]]]'
    assert load(old) == GateState(None, (), (("k", 5),), 2, (Deferred(7, "f", "title", "body", ()),))
    named = GateState(deferred=(Deferred(7, "f", "title", "bo\ud800dy", ("a", "b")),))
    assert load(dump(named)) == named


def test_a_rule_without_gates_keeps_nothing() -> None:
    assert on_match(Gates(), EMPTY, Attempt(MONDAY_MS, "info", False, "", 0, 0)).state == EMPTY


def test_only_so_many_keys_are_kept() -> None:
    gates = Gates(dedup=Dedup(("x",), 10**9))
    state = EMPTY
    for number in range(module.MAX_KEYS + 5):
        state = on_match(gates, state, Attempt(MONDAY_MS + number, "info", False, f"{number}", 0, 0)).state
    assert len(state.keys) == module.MAX_KEYS and state.keys[-1][0] == f"{module.MAX_KEYS + 4}"


def test_the_end_of_a_cooldown_is_told() -> None:
    gates = Gates(cooldown_ms=5_000)
    state = on_match(gates, EMPTY, Attempt(MONDAY_MS, "info", False, "", 0, 0)).state
    assert cooldown_end_ms(gates, state) == MONDAY_MS + 5_000
    assert cooldown_end_ms(Gates(), state) is None


QUIET = Gates(quiet=_DAY)
NOON_MS = MONDAY_MS + 12 * 60 * MINUTE_MS
EVENING_MS = MONDAY_MS + 17 * 60 * MINUTE_MS


def _waiting(count: int) -> GateState:
    state = EMPTY
    for number in range(count):
        state = defer(state, Deferred(NOON_MS + number, f"f{number}", "title", "body"), 0)
    return state


def test_what_waited_is_released_once_at_the_end() -> None:
    step = on_match(QUIET, EMPTY, Attempt(NOON_MS, "info", False, "", 0, 0))
    assert (step.out, step.wake_at_ms) == (Reason.QUIET, EVENING_MS)
    early = on_time(QUIET, _waiting(2), EVENING_MS - 1, 0)
    assert (early.out, early.wake_at_ms) == ((), EVENING_MS)
    done = on_time(QUIET, early.state, EVENING_MS, 0)
    assert [one.firing for one in done.out] == ["f0", "f1"] and done.state == EMPTY and done.wake_at_ms is None
    assert on_time(QUIET, done.state, EVENING_MS, 0).out == ()


def test_critical_passes_and_a_quiet_that_was_removed_releases() -> None:
    assert on_match(QUIET, EMPTY, Attempt(NOON_MS, "critical", False, "", 0, 0)).out is None
    assert len(on_time(Gates(), _waiting(1), NOON_MS, 0).out) == 1


def test_past_the_cap_messages_are_counted_with_those_they_told_of() -> None:
    state = defer(_waiting(module.MAX_DEFERRED), Deferred(NOON_MS, "late", "", ""), 3)
    assert len(state.deferred) == module.MAX_DEFERRED and state.held == 4
    assert load(dump(state)) == state


def test_the_wake_up_is_the_end_of_the_quiet_span() -> None:
    assert end_of_span_ms(_DAY, NOON_MS, 0) == EVENING_MS
