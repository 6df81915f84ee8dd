"""Rules that can never do what they are for, because their parts exclude each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from engine.core.necessary import kinds_of
from engine.model.condition import AllOf, Compare, Condition, Exists, Text, Where
from engine.model.errors import Span
from engine.model.window import Absent, Together
from engine.model.window import Sequence as InOrder
from engine.rulebook.lint_case import Case, Remark
from engine.rulebook.parse_condition import step_pairs
from engine.rulebook.parse_rule import Written
from engine.rulebook.yaml_guard import short

__all__ = ["never_fires"]

_WITHOUT_TEXT = frozenset({"session", "engine"})


class _Awaited(NamedTuple):
    """One kind of event that the rule needs: what its absence means, where it is written, what it must be like."""

    failure: str
    span: Span
    parts: tuple[Condition, ...]


def never_fires(case: Case) -> Iterator[Remark]:
    """Warn where parts of a rule exclude each other."""
    for awaited in _awaited(case.written):
        yield from _impossible(awaited)


def _awaited(written: Written) -> Iterator[_Awaited]:
    rule, node = written.rule, written.node
    parts = _parts(rule.condition)
    if isinstance(rule.window, Together | InOrder):
        at = node.get("together") or node.get("sequence")
        places = {pair.key.text: pair.key.span for pair in step_pairs(at)} if at is not None else {}
        for step in rule.window.steps:
            # The last part of such a rule is that any step may be it.
            yield _Awaited(
                f"the step `{step.name}` can never happen",
                places.get(step.name, rule.span),
                (*parts[:-1], *_parts(step.condition)),
            )
    elif isinstance(rule.window, Absent):
        at_most = "absent" if node.get("absent") is not None else "count"
        yield _Awaited("what the rule waits for can never come", node.place(at_most), parts)
    else:
        yield _Awaited("the rule can never fire", rule.span, parts)


def _parts(condition: Condition) -> tuple[Condition, ...]:
    return condition.parts if isinstance(condition, AllOf) else (condition,)


def _impossible(awaited: _Awaited) -> Iterator[Remark]:
    failure, span, parts = awaited
    kinds = kinds_of(AllOf(parts))
    if kinds == frozenset():
        message = f"{failure}: its `when` exclude each other"
        yield Remark(span, "never-fires", message, "let one event be of all these kinds, or use any:")
    for part in parts:
        if kinds and kinds <= _WITHOUT_TEXT and isinstance(part, Text) and part.paths == ("_.text",):
            message = f"{failure}: {' and '.join(sorted(kinds))} events have no text"
            yield Remark(part.span, "never-fires", message, "name a field with in:, or use where")
    for path, tests in _tests_by_path(parts).items():
        if not _is_possible([where.test for where in tests]):
            message = f"{failure}: no value of `{short(path)}` passes all its tests"
            yield Remark(tests[-1].span, "never-fires", message, "widen one of them")


def _tests_by_path(parts: Sequence[Condition]) -> dict[str, list[Where]]:
    found: dict[str, list[Where]] = {}
    for part in parts:
        if isinstance(part, Where):
            found.setdefault(part.path, []).append(part)
    return found


def _is_possible(tests: Sequence[object]) -> bool:
    """Tell whether the bounds leave room, and nothing is asked of a field that must be absent."""
    if Exists(False) in tests and len(tests) > 1:
        return False
    low = max((test.bound for test in tests if isinstance(test, Compare) and test.op in ("gt", "gte")), default=None)
    high = min((test.bound for test in tests if isinstance(test, Compare) and test.op in ("lt", "lte")), default=None)
    if low is None or high is None or low < high:
        return True
    return low == high and Compare("gt", low) not in tests and Compare("lt", high) not in tests
