"""What must be true of an event before a condition can hold: cheap to look up, never stricter than the condition.

A `Need` is a set of clues, one of which is present in every event the condition accepts; None means nothing is
known and every event of the rule's kinds must be tried. Invariant (property-tested): condition implies need.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from engine.core.jmes.compile import compile_expression
from engine.core.predicate import is_bare, selects_kind
from engine.core.regex import compile_pattern
from engine.core.text import fold, squeeze
from engine.model.condition import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Equals,
    Filter,
    Kinds,
    OneOf,
    Text,
    Where,
)  # fmt: skip

__all__ = ["Bound", "Clue", "Literal", "Need", "Value", "kinds_of", "may_be", "need_of", "value_key"]


class Literal(NamedTuple):
    """This is part of the folded `_.text`. Shape: no white space, so that it is also part of `Subject.haystack`."""

    text: str


class Value(NamedTuple):
    """The field holds this scalar. Shape: `key` is `(type letter, value)`, so that true is not 1.

    `path` is as in `where`; with `@` before it, as in a filter: from the root only.
    """

    path: str
    key: tuple[str, Any]


class Bound(NamedTuple):
    """The field holds a number in this order to the bound: `up` means at least it, else at most it."""

    path: str
    up: bool
    bound: float | int


Clue: TypeAlias = Literal | Value | Bound
Need: TypeAlias = frozenset[Clue] | None

# More than this many clues for one rule cost more to index than they save.
MAX_CLUES = 256
_TEXT_PATHS = frozenset(("_.text", "data.text"))
_TESTS = {
    name + suffix: (op, exact)
    for name, op in (("has", "contains"), ("has_all", "contains_all"), ("has_word", "word"), ("matches", "regex"))
    for suffix, exact in (("", False), ("_exact", True))
}
_SAFE = re.compile("[!-~]+(?=[ -~])")
_FLIPPED = {"gt": "lt", "gte": "lte", "lt": "gt", "lte": "gte"}


def value_key(value: Any) -> tuple[str, Any] | None:
    """Return the look-up key of a scalar, or None for a list, an object or null."""
    if isinstance(value, bool):
        return ("b", value)
    if isinstance(value, int | float):
        return ("n", value)
    return ("s", value) if isinstance(value, str) else None


def kinds_of(condition: Condition) -> frozenset[str] | None:
    """Return the kinds a matching event must have, or None for any."""
    match condition:
        case Kinds(selectors):
            kinds = frozenset(kind for kind, _ in selectors)
            return None if "any" in kinds else kinds
        case AllOf(parts):
            each = [kinds_of(part) for part in parts]
            known = [kinds for kinds in each if kinds is not None]
            return frozenset.intersection(*known) if known else None
        case AnyOf(parts) if parts:
            each = [kinds_of(part) for part in parts]
            known = [kinds for kinds in each if kinds is not None]
            return frozenset.union(*known) if len(known) == len(each) else None
        case _:
            return None


def may_be(condition: Condition, kind: str) -> bool:
    """Tell whether an event of this kind could satisfy the condition."""
    match condition:
        case Kinds(selectors):
            return any(selects_kind(wanted, kind) for wanted, _ in selectors)
        case AllOf(parts):
            return all(may_be(part, kind) for part in parts)
        case AnyOf(parts):
            return any(may_be(part, kind) for part in parts)
        case _:
            return True


def need_of(condition: Condition) -> Need:
    """Return the best need of a condition."""
    match condition:
        case AllOf(parts):
            return _best([need_of(part) for part in parts])
        case AnyOf(parts):
            return _either([need_of(part) for part in parts])
        case Text():
            return _text_need(condition)
        case Where(path, test):
            return _where_need(path, test)
        case Filter(expression):
            return _tree_need(compile_expression(expression).tree)
        case _:
            return None


def _best(needs: list[Need]) -> Need:
    return max(needs, key=_worth, default=None)


def _worth(need: Need) -> float:
    """Rank needs by how few events they let through: long literals, then values, then bounds; fewer is better."""
    if need is None:
        return -1.0
    return min((_clue_worth(clue) for clue in need), default=1000.0) - len(need) / MAX_CLUES


def _clue_worth(clue: Clue) -> float:
    if isinstance(clue, Literal):
        return 2.0 + min(len(clue.text), 20)
    return 4.5 if isinstance(clue, Value) else 1.5


def _either(needs: list[Need]) -> Need:
    clues: set[Clue] = set()
    for need in needs:
        if need is None:
            return None
        clues |= need
    return frozenset(clues) if len(clues) <= MAX_CLUES else None


def _text_need(condition: Text) -> Need:
    if not _TEXT_PATHS.issuperset(condition.paths):
        return None
    return _needles_need(condition.op, condition.needles, condition.exact)


def _needles_need(op: str, needles: Sequence[str], exact: bool) -> Need:
    if op == "regex":
        return _either([_literals(compile_pattern(needle, exact).required) for needle in needles])
    each = [_needle_need(needle, op == "word", exact) for needle in needles]
    return _best(each) if op == "contains_all" else _either(each)


def _needle_need(needle: str, word: bool, exact: bool) -> Need:
    made = squeeze(needle) if exact else fold(needle)
    bare = made.rstrip("*") if word else made
    return _raw_need(bare) if exact else _literals([bare])


def _literals(texts: frozenset[str] | list[str] | None) -> Need:
    if texts is None or not all(texts):
        return None
    # Of a phrase its longest word: without white space a clue can be looked for before the text is folded.
    return frozenset(Literal(max(text.split(" "), key=len)) for text in texts) if texts else None


def _raw_need(raw: str) -> Need:
    """Return what the folded text holds when the unfolded one holds `raw`.

    Folding may join a letter with a mark after it (H + macron below becomes one letter only in lower case), so only
    ASCII letters before another ASCII character survive for sure.
    """
    safe = _SAFE.findall(raw)
    return _literals([max(safe, key=len).lower()]) if safe else None


def _where_need(path: str, test: Any) -> Need:
    match test:
        case Equals(value):
            key = value_key(value)
            return None if key is None else frozenset((Value(path, key),))
        case OneOf(values):
            keys = [value_key(value) for value in values]
            return frozenset(Value(path, key) for key in keys if key) if keys and all(keys) else None
        case Compare(op, bound):
            return frozenset((Bound(path, op in ("gt", "gte"), bound),))
        case _:
            return None


def _tree_need(tree: dict[str, Any]) -> Need:
    """Return the need of a jmespath tree that is used as a condition."""
    kind, children = tree["type"], tree["children"]
    if kind == "and_expression":
        return _best([_tree_need(child) for child in children])
    if kind == "or_expression":
        return _either([_tree_need(child) for child in children])
    if kind == "comparator":
        return _comparison_need(tree["value"], children[0], children[1])
    if kind == "function_expression":
        return _call_need(tree["value"], children)
    return None


def _comparison_need(op: str, left: dict[str, Any], right: dict[str, Any]) -> Need:
    if left["type"] == "literal":
        left, right, op = right, left, _FLIPPED.get(op, op)
    path = tree_path(left)
    if path is None or right["type"] != "literal":
        return None
    value = right["value"]
    if op == "eq":
        key = value_key(value)
        return None if key is None else frozenset((Value("@" + path, key),))
    if op in _FLIPPED and isinstance(value, int | float) and not isinstance(value, bool):
        return frozenset((Bound("@" + path, op in ("gt", "gte"), value),))
    return None


def _call_need(name: str, arguments: list[dict[str, Any]]) -> Need:
    if len(arguments) != 2 or tree_path(arguments[0]) not in _TEXT_PATHS:
        return None
    needles = _literal_texts(arguments[1])
    if needles is None:
        return None
    if name == "contains":
        return _raw_need(needles[0]) if isinstance(arguments[1].get("value"), str) else None
    if name in _TESTS:
        op, exact = _TESTS[name]
        return _needles_need(op, needles, exact)
    return None


def _literal_texts(tree: dict[str, Any]) -> list[str] | None:
    if tree["type"] == "multi_select_list":
        inner = [_literal_texts(child) for child in tree["children"]]
        return [text for texts in inner for text in texts or ()] if all(inner) else None
    if tree["type"] != "literal":
        return None
    values = tree["value"] if isinstance(tree["value"], list) else [tree["value"]]
    return values if values and all(isinstance(value, str) for value in values) else None


def tree_path(tree: dict[str, Any]) -> str | None:
    """Return the dotted path of a plain chain of fields, else None. A quoted name may hold a dot: it is not plain."""
    if tree["type"] == "field":
        return str(tree["value"]) if is_bare(tree["value"]) else None
    if tree["type"] == "subexpression":
        parts = [tree_path(child) for child in tree["children"]]
        return ".".join(part for part in parts if part) if all(parts) else None
    return None
