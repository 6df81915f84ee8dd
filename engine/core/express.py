"""A condition as the jmespath it means: what `engine explain` prints and a user may paste into `filter:`.

Literals are written as JSON literals, so no quoting can go wrong. Invariant (property-tested): the text, compiled
as a filter, holds for exactly the events the condition holds for.
"""

from __future__ import annotations

from typing import Any, assert_never

from engine.core.json_text import json_text
from engine.core.predicate import is_bare
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
    Matches,
    Not,
    OneOf,
    Selector,
    Text,
    Where,
    WhereTest,
)

__all__ = ["as_jmespath", "literal"]

_ORDER = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_TRUE, _FALSE = "`true`", "`false`"
_EXACT = {"contains": "has_exact", "contains_all": "has_all_exact", "word": "has_word_exact", "regex": "matches_exact"}
_FOLDED = {"contains": "has", "contains_all": "has_all", "word": "has_word", "regex": "matches"}


def as_jmespath(condition: Condition) -> str:
    """Return the expression. Only `unless: session.active` has none: it asks about sessions, not about an event."""
    return _text_of(condition, outer=True)


def literal(value: Any) -> str:
    """Return a value as a jmespath literal: raw text where that is plain, else JSON in backticks."""
    if isinstance(value, str) and value.isprintable() and "'" not in value and "\\" not in value:
        return f"'{value}'"
    return "`" + json_text(value).replace("`", "\\u0060") + "`"


def _text_of(condition: Condition, outer: bool = False) -> str:
    match condition:
        case AllOf(parts):
            return _joined(parts, " && ", _TRUE, outer)
        case AnyOf(parts):
            return _joined(parts, " || ", _FALSE, outer)
        case Not(part):
            return f"!({_text_of(part, outer=True)})"
        case Kinds(selectors):
            return _kinds(selectors, outer)
        case FromSource(patterns):
            tests = [f"glob({field}, {literal(pattern)})" for pattern in patterns for field in ("_.source", "_.stream")]
            return _wrapped(tests, " || ", outer)
        case Text():
            return _text(condition, outer)
        case Where(path, test):
            return _where(path, test, outer)
        case Filter(expression):
            return expression if outer else f"({expression})"
        case InState(status):
            return f"session.{status}"
        case _:
            assert_never(condition)


def _joined(parts: tuple[Condition, ...], sign: str, empty: str, outer: bool) -> str:
    if len(parts) == 1:
        return _text_of(parts[0], outer)
    # A filter may hold `|`, which binds weaker than everything, so inner parts are always in brackets.
    return _wrapped([_text_of(part) for part in parts], sign, outer) if parts else empty


def _wrapped(texts: list[str], sign: str, outer: bool) -> str:
    joined = sign.join(texts)
    return joined if outer or len(texts) == 1 else f"({joined})"


def _kinds(selectors: tuple[Selector, ...], outer: bool) -> str:
    tests: list[str] = []
    for kind, status in selectors:
        if kind == "any":
            tests.append('!contains(`["rule","engine","capture"]`, _.kind)')
        elif status is None:
            tests.append(f"_.kind == {literal(kind)}")
        else:
            both = f"_.kind == {literal(kind)} && _.status == {literal(status)}"
            tests.append(both if outer and len(selectors) == 1 else f"({both})")
    plain = [kind for kind, status in selectors if status is None and kind != "any"]
    if len(plain) == len(selectors) > 1:
        return f"contains({literal(plain)}, _.kind)"
    return _wrapped(tests, " || ", outer)


def _text(condition: Text, outer: bool) -> str:
    names = _EXACT if condition.exact else _FOLDED
    needles = list(condition.needles)
    tests: list[str] = []
    for path in condition.paths:
        if condition.op == "regex":
            tests.extend(f"{names['regex']}({path}, {literal(needle)})" for needle in needles)
        else:
            wanted = literal(needles[0]) if len(needles) == 1 else literal(needles)
            tests.append(f"{names[condition.op]}({path}, {wanted})")
    return _wrapped(tests, " || ", outer)


def _where(path: str, test: WhereTest, outer: bool) -> str:
    field = f"not_null({path}, data.{path})" if is_bare(path) else path
    match test:
        case Equals(value):
            return f"{field} == {literal(value)}"
        case OneOf(values):
            return _wrapped([f"{field} == {literal(value)}" for value in values], " || ", outer)
        case Glob(pattern):
            return f"glob({field}, {literal(pattern)})"
        case Compare(op, bound):
            return f"{field} {_ORDER[op]} {literal(bound)}"
        case Exists(wanted):
            return f"{field} {'!=' if wanted else '=='} `null`"
        case Matches(pattern, exact):
            return f"{(_EXACT if exact else _FOLDED)['regex']}({field}, {literal(pattern)})"
        case _:
            assert_never(test)
