"""How far a pattern may give way, and the numbers a person would write instead."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.moment import duration_text
from engine.core.near_window import FOR, WITHIN, edited, loosened, rounded, written
from engine.model.rule import Rule
from engine.model.window import Count
from engine.rulebook.scalars import duration_ms
from tests.core.running import program_of

STEPS = "{a: {when: transcript, word: a}, b: {when: transcript, word: b}, c: {when: transcript, word: c}}"
WITH_NOT = "{a: {when: transcript, word: a}, n: {not: {when: transcript, word: n}}, c: {when: transcript, word: c}}"
ENDS_WITH_NOT = "{a: {when: transcript, word: a}, n: {not: {when: transcript, word: n}}}"


def rule_of(keys: str) -> Rule:
    return program_of("{name: r, " + keys + "}").rules[0].rule


@pytest.mark.parametrize(
    ("keys", "looser"),
    [
        ("when: any, count: 6 within 10m", {"count": 4, "within": 900_000}),
        ("when: any, count: 2 within 10m", {"within": 900_000}),  # one event is no pattern
        (f"together: {STEPS}, within: 2m", {"within": 180_000, "at_least": 2}),
        (f"sequence: {STEPS}, within: 2m", {"within": 180_000, "at_least": 2, "order": None}),
        (f"sequence: {WITH_NOT}, within: 2m", {"within": 180_000, "not n": None}),
        (f"sequence: {ENDS_WITH_NOT}, within: 3m", {"within": 120_000}),
        ("absent: {when: transcript}, for: 9m", {"for": 360_000}),
        ("when: any, for: 9m, gap: 1m", {"for": 360_000, "gap": 90_000}),
        ("when: any, first_seen: {path: _.text, memory: 30d}", {"memory": 20 * 86_400_000}),
        ("when: any, spike: {ratio: 3, window: 5m, baseline: 30m, min: 9}", {"ratio": 2.0, "min": 6}),
        ("when: any, track: {key: _.text, gap: 1m, min: 30s}", {"min": 20_000}),
        ("when: any, changes: _.text", {}),
        ("every: 30m", {}),
        ("when: any", {}),
    ],
)
def test_each_number_gives_way_by_a_third_or_a_half(keys: str, looser: dict[str, float | None]) -> None:
    found = {
        edit.key: getattr(rule.window, edit.field) if edit.field else None for rule, edit in loosened(rule_of(keys))
    }
    assert found == looser


def test_a_lower_count_rolls_on_only_while_it_is_looked_for() -> None:
    rule = rule_of("when: any, count: 6 within 10m")
    edit = next(edit for _, edit in loosened(rule) if edit.key == "count")
    assert edited(rule, edit, 4).window == Count(4, 600_000, keep=True)
    assert written(rule, edit, 4).window == Count(4, 600_000)


@settings(max_examples=200)
@given(st.integers(1, 60 * 86_400_000))
def test_a_rounded_time_is_looser_and_can_be_typed(amount_ms: int) -> None:
    longer, shorter = rounded(WITHIN, amount_ms), rounded(FOR, amount_ms)
    assert longer >= amount_ms
    assert shorter <= max(amount_ms, 1_000)
    for one in (longer, shorter):
        assert duration_ms(duration_text(one)) == one, "what the hint says is what was tried"
