"""Which clue is chosen; that it is necessary is a property in test_select.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from engine.core.necessary import Bound, Literal, Value, kinds_of, may_be, need_of
from engine.core.predicate import find_value
from engine.core.prefilter import Index, _Needles
from engine.core.subject import Subject
from engine.core.text import fold
from engine.model.condition import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Equals,
    Exists,
    Filter,
    Kinds,
    Not,
    OneOf,
    Selector,
    Text,
    Where,
)
from tests.core.generate import WORDS, event_of, texts

SCREEN = Kinds((Selector("visual_index"),))
SLACK = Text("contains", ("Slack",))


@pytest.mark.parametrize(
    ("condition", "need"),
    [
        (SLACK, {Literal("slack")}),
        (Text("contains", ("Slack", "Teams")), {Literal("slack"), Literal("teams")}),
        (Text("contains_all", ("a", "deadline")), {Literal("deadline")}),
        (Text("word", ("Deadline*",)), {Literal("deadline")}),
        (Text("contains", ("Slack",), exact=True), {Literal("slac")}),  # the last letter may be joined with a mark
        (Text("contains", ("PATH\u0331 x",), exact=True), {Literal("pat")}),
        (Text("contains", ("ß",), exact=True), None),
        (Text("contains", ("Slack",), ("data.title",)), None),
        (Text("regex", (r"\b(error|traceback)\b",)), {Literal("error"), Literal("traceback")}),
        (Text("regex", (r"\w+",)), None),
        (Where("label", Equals("x")), {Value("label", ("s", "x"))}),
        (Where("label", Equals(True)), {Value("label", ("b", True))}),
        (Where("label", OneOf(("x", None))), None),
        (Where("n", Compare("lt", 5)), {Bound("n", False, 5)}),
        (Where("n", Exists(True)), None),
        (Filter("channel == 'x' && contains(data.text, 'Slack')"), {Literal("slac")}),
        (Filter("channel == 'x' && contains(data.text, 'AI')"), {Value("@channel", ("s", "x"))}),
        (Filter("data.n > `5`"), {Bound("@data.n", True, 5)}),
        (Filter("`5` > data.n"), {Bound("@data.n", False, 5)}),
        (Filter("\"a.b\" == 'x'"), None),
        (Filter("has(_.text, ['Slack', 'Teams'])"), {Literal("slack"), Literal("teams")}),
        (Filter("has(_.text, 'slack') || label == 'x'"), {Literal("slack"), Value("@label", ("s", "x"))}),
        (Filter("!has(_.text, 'x')"), None),
        (AllOf((SCREEN, SLACK)), {Literal("slack")}),
        (AnyOf((SLACK, Where("label", Equals("x")))), {Literal("slack"), Value("label", ("s", "x"))}),
        (AnyOf((SLACK, SCREEN)), None),
        (AnyOf(()), set()),
        (Not(SLACK), None),
    ],
)  # fmt: skip
def test_the_clue_that_few_events_have_is_taken(condition: Condition, need: set[Any] | None) -> None:
    assert need_of(condition) == need


def test_too_many_clues_are_none() -> None:
    assert need_of(Text("contains", tuple(f"needle{number}" for number in range(300)))) is None


def test_kinds_are_known_through_blocks() -> None:
    alert = Kinds((Selector("alert"),))
    assert kinds_of(AllOf((SCREEN, SLACK))) == frozenset({"visual_index"})
    assert kinds_of(AnyOf((SCREEN, alert))) == frozenset({"visual_index", "alert"})
    assert kinds_of(AllOf((SCREEN, alert))) == frozenset() and not may_be(AllOf((SCREEN, alert)), "alert")
    assert kinds_of(Kinds((Selector("any"),))) is None and kinds_of(Not(SCREEN)) is None
    assert may_be(Not(SCREEN), "visual_index") and may_be(SLACK, "rule")
    assert not may_be(Kinds((Selector("any"),)), "rule")


def _index(*conditions: Condition) -> Index:
    return Index([(number, need_of(condition)) for number, condition in enumerate(conditions)], find_value)


def _nominated(index: Index, **data: Any) -> list[int]:
    return list(index.nominate(Subject(event_of({"channel": "visual_index", "data": data}))))


def test_only_what_has_a_clue_is_nominated_in_order_and_once() -> None:
    index = _index(
        SLACK, Where("n", Compare("gte", 5)), SCREEN, Text("contains", ("sla", "lack")), Where("n", Compare("lt", 5)),
        Where("label", OneOf(("x", 5))),
    )  # fmt: skip
    assert _nominated(index, text="hm") == [2]
    assert _nominated(index, text="SLACK") == [0, 2, 3]
    assert _nominated(index, text="hm", n=5, label=5) == [1, 2, 4, 5]  # a bound nominates also its own value
    assert _nominated(index, text="hm", n=True) == [2]
    assert _nominated(index, n=4.5) == [2, 4]


@given(texts)
def test_without_the_automaton_the_same_rules_are_found(text: str) -> None:
    filed = {fold(word): [number] for number, word in enumerate(WORDS) if fold(word)}
    fast, slow = _Needles(filed), _Needles(filed)
    slow._automaton = None  # as where the library has no wheel
    found: list[set[int]] = [set(), set()]
    for needles, numbers in zip((fast, slow), found, strict=True):
        needles.collect(fold(text), numbers)
    assert found[0] == found[1] == {number for word, (number,) in filed.items() if word in fold(text)}


def test_a_list_under_text_nominates_all_for_a_filter_may_find_a_member() -> None:
    assert _nominated(_index(SLACK, Filter("contains(data.text, 'x')")), text=["x", 5]) == [0, 1]
