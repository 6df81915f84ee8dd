"""What is known of an expression without an event, and what the expressions of one event share."""

from __future__ import annotations

import pytest

from engine.core.jmes.compile import compile_expression
from engine.core.jmes.context import Context
from engine.core.jmes.shape import field_paths


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("data.text == _.x.y", {"data.text", "_.x.y"}),
        ("@.data.text", {"data.text"}),
        ("@", set()),
        ("rows[*].name", {"rows"}),
        ("rows[?kind == limit].name", {"rows"}),
        ("rows[0].name", {"rows"}),
        ("data.map.*.name", {"data.map"}),
        ("data | text", {"data.text"}),
        ("data | {a: text, b: @.label}", {"data.text", "data.label"}),
        ("data.[text, label.x]", {"data.text", "data.label.x"}),
        ("sort_by(data.rows, &start)", {"data.rows"}),
        ("map(&name, data.rows)", {"data.rows"}),
        ("not_null(label, data.label) == `1`", {"label", "data.label"}),
        ("(a || b).c", {"a", "b"}),
        ("!a.b && !(c.d)", {"a", "c.d"}),
        ("data.length(@)", {"data"}),
        ("rows[]", {"rows"}),
        ("has(_.text, ['x'])", {"_.text"}),
    ],
)
def test_field_paths(text: str, paths: set[str]) -> None:
    assert field_paths(compile_expression(text).tree) == paths


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a == b", True), ("a > `1`", True), ("!a", True), ("`true`", True), ("has(a, 'x') && !b", True),
        ("contains(a, b) || a == b", True), ("a | contains(@, 'x')", True), ("a.contains(@, 'x')", True),
        ("matches(a, 'x')", True), ("a", False), ("a && b == c", False), ("length(a)", False), ("`1`", False),
        ("[a == b]", False), ("rows[?a == b]", False),
    ],
)  # fmt: skip
def test_is_boolean(text: str, expected: bool) -> None:
    assert compile_expression(text).is_boolean is expected


def test_expression_keeps_its_text_and_tree() -> None:
    compiled = compile_expression("a.b")
    assert compiled.text == "a.b"
    assert [child["value"] for child in compiled.tree["children"]] == ["a", "b"]


def test_a_text_is_folded_once_an_event() -> None:
    context = Context(0)
    text = "Caf\u00c9  x"
    assert context.fold(text) == "café x"
    assert context.fold("".join(list(text))) is context.fold(text)
    assert context.squeeze(text) == "CafÉ x"
    assert context.squeeze("".join(list(text))) is context.squeeze(text)


def test_the_fold_cache_is_bounded() -> None:
    context = Context(0)
    for number in range(1000):
        assert context.fold(f"T{number}") == f"t{number}"
    assert len(context.folded) <= 64


@pytest.mark.parametrize(
    ("value", "sample"),
    [
        (None, "null"), (True, "true"), (False, "false"), (5, "number 5"), (1.5, "number 1.5"),
        (10**40, "a huge number"), ([1], "a list"), ({}, "an object"),
    ],
)  # fmt: skip
def test_the_first_coercion_is_kept_in_words(value: object, sample: str) -> None:
    context = Context(0)
    expression = compile_expression("starts_with(@, 'x') || ceil('y') == `1`")
    assert expression.holds(value, context) is False
    assert context.sample == f"type: starts_with got {sample}"
    assert context.coercions == {"type": 2}


def test_a_captured_text_is_cut_in_the_sample() -> None:
    context = Context(0)
    compile_expression("@ > `1`").search("secret " * 10, context)
    assert context.sample == "order: > got text 'secret secret secret'"
    assert Context(0).sample == ""
