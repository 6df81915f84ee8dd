"""What `engine explain` prints, pasted into `filter:`, matches the same events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from engine.core.express import as_jmespath, literal
from engine.core.jmes.compile import compile_expression
from engine.core.jmes.context import Context
from engine.core.predicate import compile_condition
from engine.core.subject import Subject
from engine.model.condition import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Equals,
    Exists,
    Filter,
    FromSource,
    Glob,
    InState,
    Kinds,
    Not,
    OneOf,
    Selector,
    Text,
    Where,
)
from tests.core.generate import BODIES, CONDITIONS, event_of
from tests.core.test_select import DEEP, ROUNDS


@settings(ROUNDS, max_examples=5000 if DEEP else 500)
@given(CONDITIONS, BODIES)
def test_the_expression_holds_exactly_when_the_condition_does(condition: Condition, body: dict[str, Any]) -> None:
    text = as_jmespath(condition)
    event = event_of(body)
    holds = compile_condition(condition)(Subject(event))
    assert compile_condition(Filter(text))(Subject(event)) == holds, (text, condition, body)


SCREEN = Kinds((Selector("visual_index"),))


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (AllOf((SCREEN, Text("contains", ("Slack",)))), "_.kind == 'visual_index' && has(_.text, 'Slack')"),
        (Kinds((Selector("session", "failed"),)), "_.kind == 'session' && _.status == 'failed'"),
        (Kinds((Selector("alert"), Selector("session"))), '''contains(`["alert","session"]`, _.kind)'''),
        (Text("contains_all", ("x", "y")), '''has_all(_.text, `["x","y"]`)'''),
        (Text("word", ("dead line",), exact=True), "has_word_exact(_.text, 'dead line')"),
        (Text("regex", (r"\bx",), ("data.a", "b")), r'''matches(data.a, `"\\bx"`) || matches(b, `"\\bx"`)'''),
        (Where("label", Equals("v")), "not_null(label, data.label) == 'v'"),
        (Where("data.n", Compare("gte", 0.8)), "data.n >= `0.8`"),
        (Where("label", OneOf(("a", True))),
         "not_null(label, data.label) == 'a' || not_null(label, data.label) == `true`"),
        (Where("label", Glob("bug*")), "glob(not_null(label, data.label), 'bug*')"),
        (Where("text", Exists(True)), "not_null(text, data.text) != `null`"),
        (FromSource(("mic",)), "glob(_.source, 'mic') || glob(_.stream, 'mic')"),
        (Not(AnyOf((Filter("a | b"), Filter("c")))), "!((a | b) || (c))"),
        (AllOf((Not(SCREEN), AnyOf(()))), "!(_.kind == 'visual_index') && `false`"),
        (InState("active"), "session.active"),
    ],
)  # fmt: skip
def test_shorthand_reads_as_the_rules_page_says(condition: Condition, text: str) -> None:
    assert as_jmespath(condition) == text


@pytest.mark.parametrize(
    "value", ["plain", "it's", "back`tick", "\\", "a\nb", "é", "", 5, 0.5, True, None, [1, "`"], 2**70]
)
def test_a_literal_is_the_value_again(value: Any) -> None:
    assert compile_expression(literal(value)).search({}, Context(0)) == value
