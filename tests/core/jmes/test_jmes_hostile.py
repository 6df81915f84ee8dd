"""Expressions and documents made to hurt: refused at load or bounded at run time, and never an exception."""

from __future__ import annotations

from time import process_time
from typing import Any

import pytest

from engine.core.jmes.compile import compile_expression
from engine.core.jmes.context import Context, weigh
from engine.core.jmes.faults import FilterError
from engine.core.jmes.lint import lint_expression

# CPU seconds; measured 0.03 at most here, and the unbounded forms take from 0.5 s to for ever.
BOUND_S = 1.0

REFUSED = {
    "brackets": "(" * 500 + "a" + ")" * 500,
    "unclosed brackets": "(" * 500,
    "negations": "!" * 1000 + "a",
    "a long chain of ||": " || ".join(["a"] * 1000),
    "a long chain of pipes": "a" + "|a" * 200,
    "projections": "a" + "[*]" * 400,
    "object projections": "a" + ".*" * 400,
    "select in select": "[" * 300 + "a" + "]" * 300,
    "a deep literal": "`" + "[" * 1500 + "]" * 1500 + "`",
    "calls in calls": "abs(" * 300 + "a" + ")" * 300,
    "too many parts": "[" + ",".join(["a"] * 2001) + "]",
    "a long literal list": "`[" + ",".join(["1"] * 2001) + "]`",
    "too many characters": "a" * 5000,
    "a million numbers": "`[" + ",".join(["1"] * 1_000_000) + "]`",
}

HEAVY = {
    "text doubled 30 times": "s" + " | join('', [@, @])" * 30,
    "list doubled 20 times, written": "s" + "|[@,@]" * 20 + " | to_string(@)",
    "list doubled 40 times, returned": "s" + "|[@,@]" * 40,
    "object doubled 40 times, returned": "s" + "|{a:@,b:@}" * 40,
    "two doubled lists compared": f"[(s{'|[@,@]' * 40}), (t{'|[@,@]' * 40})] | [0] == [1]",
    "doubled and flattened": "n" + " | [@, @][]" * 30,
    "product of projections": "n" + " | [@,@,@,@,@,@,@,@,@,@][*][*].[@,@,@,@][]" * 3,
    "map of maps": "n | map(&map(&map(&map(&[{x}], [{x}]), [{x}]), [{x}]), @)".format(x="@,@,@,@,@,@,@,@,@,@,@,@"),
    "texts joined in a projection": "big[*].join('', [@,@,@,@,@,@,@,@])",
    "one long text searched for ever": "[long,long,long,long] | [@,@,@,@][] | [@,@,@,@][] | [@,@,@,@][]"
    " | [@,@,@,@][] | [@,@,@,@][] | [@,@,@,@][] | [?contains(@, 'zz')]",
    "one long text folded for ever": "big[*].[join('x', [@,@])] | [?has([0], 'zz')]",
    "sorted again and again": "big" + " | sort(@) | reverse(@)" * 10,
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return {
        "s": "x",
        "t": "y",
        "n": list(range(10)),
        "big": [f"text {number}" for number in range(30_000)],
        "long": "ab" * 500_000,
    }


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_refused_at_load(text: str) -> None:
    start = process_time()
    with pytest.raises(FilterError) as raised:
        compile_expression(text)
    assert lint_expression(text) == (raised.value.finding,)
    assert raised.value.code in ("limit", "syntax")
    assert 1 <= raised.value.column <= len(text) + 1
    assert process_time() - start < BOUND_S


@pytest.mark.parametrize("text", HEAVY.values(), ids=HEAVY.keys())
def test_bounded_at_run_time(text: str, document: dict[str, Any]) -> None:
    compiled = compile_expression(text)
    context = Context(0)
    start = process_time()
    assert compiled.search(document, context) is None
    assert compiled.holds(document, context) in (False, True)
    assert process_time() - start < BOUND_S
    assert context.coercions["budget"] >= 1


def test_budget_is_for_one_evaluation(document: dict[str, Any]) -> None:
    compiled = compile_expression("length(big[*])")
    context = Context(0)
    assert [compiled.search(document, context) for _ in range(10)] == [30_000] * 10
    assert context.coercions == {}


def test_ordinary_work_on_long_text_stays_within_the_budget() -> None:
    document = {"_": {"text": "word " * 40_000}}
    compiled = compile_expression(" || ".join(f"has(_.text, 'absent{number}')" for number in range(20)))
    context = Context(0)
    assert compiled.holds(document, context) is False
    assert context.coercions == {}


@pytest.mark.parametrize(
    "text", ["to_string(@)", "@ == b", "contains([@], b)", "[@, @]", "a == b", "keys(@)", "@", "*.*.*", "a[]"]
)
def test_deep_documents_raise_nothing(text: str) -> None:
    deep: Any = 1
    other: Any = 1
    for _ in range(5_000):
        deep, other = {"a": [deep]}, {"a": [other]}
    compiled = compile_expression(text)
    for document in ({**deep, "b": other}, deep, [deep]):
        compiled.search(document, Context(0))
        compiled.holds(document, Context(0))


def test_weight_counts_what_would_be_written() -> None:
    assert weigh(1, 100) == 1
    assert weigh(["ab", {"key": "c"}], 100) == 1 + 2 + 2 + 1 + 3 + 1
    doubled: Any = "x"
    for _ in range(60):
        doubled = [doubled, doubled]
    assert weigh(doubled, 1000) > 1000


def test_a_limit_is_inclusive() -> None:
    assert compile_expression("a" * 4096).search({}, Context(0)) is None
    assert compile_expression("[" + ",".join(["a"] * 1999) + "]").search({}, Context(0)) == [None] * 1999
    assert compile_expression("(" * 50 + "a" + ")" * 50).search({"a": 1}, Context(0)) == 1
    assert compile_expression(" && ".join(["a"] * 50)).search({"a": 1}, Context(0)) == 1
