"""Our compiler against jmespath itself: the same value whenever it has one, and never an exception."""

from __future__ import annotations

from json import dumps
from typing import Any

import jmespath
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.jmes.compile import compile_expression
from engine.core.jmes.context import Context
from engine.core.jmes.faults import FilterError
from engine.core.jmes.lint import lint_expression
from engine.core.jmes.shape import FUNCTIONS, field_paths
from tests.core.jmes.expressions import DOCUMENTS, EXPRESSIONS

RAISES = (jmespath.exceptions.JMESPathError, TypeError, ValueError, OverflowError)
HINDRANCES = {"limit", "arity", "unknown-function", "expref", "needle", "pattern"}
SOUP = (
    "a", "b.c", '"q"', "'x'", "`1`", "`{bad`", "`", "'", "[", "]", "[?", "[]", "[*]", "(", ")", "{", "}", ",", ":", ".",
    "*", "@", "&", "&&", "|", "||", "!", "==", "=", "<", "0", "-1", " ", "has(", "sort_by(", "contains(", "matches(",
    "true", "“", "#", "\\", "x:",
)  # fmt: skip


@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(DOCUMENTS, EXPRESSIONS)
def test_same_value(document: Any, expression: str) -> None:
    context = Context(0)
    ours = compile_expression(expression)
    found, held = ours.search(document, context), ours.holds(document, context)
    try:
        expected = jmespath.search(expression, document)
    except RAISES:
        assert context.coercions or "not_null(" in expression  # ours looks no further than the first value
        return
    assert dumps(found) == dumps(expected)
    assert held is not jmespath.parser.visitor.TreeInterpreter()._is_false(expected)
    if ours.is_boolean:
        assert expected in (True, False, None)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(SOUP), max_size=9).map("".join))
def test_any_text_is_an_expression_or_a_located_error(text: str) -> None:
    findings = lint_expression(text)
    assert all(1 <= finding.column <= len(text) + 1 for finding in findings)
    try:
        jmespath.compile(text)
    except RAISES:
        assert findings[0].severity == "error"
        return
    try:
        compiled = compile_expression(text)
    except FilterError as error:
        assert error.code in HINDRANCES
        assert error.finding in findings
        return
    compiled.search({"a": 1, "b": {"c": [1]}}, Context(0))
    field_paths(compiled.tree)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(EXPRESSIONS, DOCUMENTS)
def test_what_is_not_read_does_not_matter(expression: str, document: dict[str, Any]) -> None:
    compiled = compile_expression(f"({expression}) == `null`")
    heads = {path.split(".")[0] for path in field_paths(compiled.tree)}
    if not any(sign in expression for sign in ("@", "*", *(f"{name}(" for name in FUNCTIONS))):
        pruned = {name: value for name, value in document.items() if name in heads}
        assert compiled.search(document, Context(0)) == compiled.search(pruned, Context(0))
