"""The language by table: every kind of node and every standard function, checked against jmespath as well."""

from __future__ import annotations

from collections.abc import Iterator
from json import loads
from pathlib import Path
from typing import Any

import jmespath
import pytest

from engine.core.jmes.compile import compile_expression
from engine.core.jmes.context import Context

GROUPS = loads(Path(__file__).with_name("cases.json").read_text(encoding="utf-8"))


def cases() -> Iterator[Any]:
    for group in GROUPS:
        for expression, expected, *kind in group["cases"]:
            yield pytest.param(group["given"], expression, expected, kind[0] if kind else None, id=expression)


@pytest.mark.parametrize(("document", "expression", "expected", "kind"), list(cases()))
def test_value(document: Any, expression: str, expected: Any, kind: str | None) -> None:
    context = Context(0)
    compiled = compile_expression(expression)

    assert compiled.search(document, context) == expected
    assert type(compiled.search(document, context)) is type(expected)
    assert compiled.holds(document, context) is (
        expected is not None and expected is not False and expected not in ("", [], {})
    )
    if kind is None:
        assert context.coercions == {}
        assert jmespath.search(expression, document) == expected
    else:
        assert set(context.coercions) == {kind}
        with pytest.raises((ValueError, TypeError, OverflowError)):  # a JMESPathError is a ValueError
            jmespath.search(expression, document)


def test_every_standard_function_has_a_case() -> None:
    expressions = " ".join(case[0] for group in GROUPS for case in group["cases"])
    assert [name for name in jmespath.functions.Functions.FUNCTION_TABLE if f"{name}(" not in expressions] == []


@pytest.mark.parametrize(
    ("expression", "document", "expected"),
    [
        ("@", 0, True), ("@", 0.0, True), ("@", False, False), ("@", None, False), ("@", "", False), ("@", [], False),
        ("@", {}, False), ("@", [0], True), ("@", "x", True), ("@ > `1`", None, False), ("@ == `1`", 1, True),
        ("contains(@, 'x')", None, False),
    ],
)  # fmt: skip
def test_truth(expression: str, document: Any, expected: bool) -> None:
    assert compile_expression(expression).holds(document, Context(0)) is expected


def test_sort_by_keeps_the_order_of_equals() -> None:
    rows = [{"k": key, "n": number} for number, key in enumerate("babab")]
    found = compile_expression("sort_by(@, &k)[*].n").search(rows, Context(0))
    assert found == [1, 3, 0, 2, 4]
