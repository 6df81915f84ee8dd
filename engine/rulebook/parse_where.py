"""`where:` to conditions: a map of paths, each with a value, a list of values, a pattern or comparisons."""

from __future__ import annotations

from typing import Literal

from engine.core.regex import PatternError, compile_pattern
from engine.model.condition import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Equals,
    Exists,
    Glob,
    Matches,
    Not,
    OneOf,
    Where,
    WhereTest,
)
from engine.rulebook.keys import WHERE_KEYS
from engine.rulebook.parse_expression import check_expression
from engine.rulebook.parse_place import inside
from engine.rulebook.parse_reader import Reader, number
from engine.rulebook.yaml_guard import Items, Mapping, Node, Pair, Scalar

__all__ = ["check_pattern", "is_glob", "joined", "read_where"]

_ORDERS: dict[str, Literal["gt", "gte", "lt", "lte"]] = {"gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte"}


def read_where(reader: Reader, node: Node, exact: bool) -> Condition | None:
    """Return the conditions of all paths, joined by AND. `exact` is for the regexes in it."""
    mapping = reader.mapping(node, "where", "where: {label: invoice}")
    if mapping is None:
        return None
    parts: list[Condition] = []
    for pair in mapping.pairs:
        if not _is_bare(pair.key.text):
            check_expression(reader, pair.key, "where", pair.key.text)
        parts += _tests(reader, pair, exact)
    return joined(parts)


def joined(parts: list[Condition]) -> Condition | None:
    """Return the conjunction; one part stands for itself, and none is None."""
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts)) if parts else None


def check_pattern(reader: Reader, scalar: Scalar, key: str, exact: bool) -> bool:
    """Report a regex that cannot be used at the character that spoils it; true when it can."""
    try:
        compile_pattern(scalar.text, exact)
    except PatternError as fault:
        at = inside(scalar, max(0, fault.column - 1), reader.lines)
        reader.error(at, "bad-regex", f"{key}: {fault.message}", fault.hint)
        return False
    return True


def is_glob(text: str) -> bool:
    """Tell whether the text is a shell pattern."""
    return any(char in text for char in "*?[")


def _is_bare(path: str) -> bool:
    """Tell whether the path is a field name, which needs no jmespath to be found."""
    return path.replace("_", "a").isalnum() and not path[0].isdigit()


def _tests(reader: Reader, pair: Pair, exact: bool) -> list[Condition]:
    path, node = pair.key.text, pair.value
    if isinstance(node, Mapping):
        return _compared(reader, path, node, exact)
    if isinstance(node, Items):
        one_of = _one_of(reader, path, node)
        return [one_of] if one_of else []
    return [Where(path, _single(node), node.span)]


def _single(scalar: Scalar) -> WhereTest:
    """Return the test for one written value. jmespath cannot tell null from absent, so null asks for absence."""
    if scalar.value is None:
        return Exists(False)
    if isinstance(scalar.value, str) and is_glob(scalar.value):
        return Glob(scalar.value)
    return Equals(scalar.value)


def _one_of(reader: Reader, path: str, node: Node) -> Condition | None:
    if not isinstance(node, Items) or not node.items:
        reader.error(node.span, "empty-list", f"where: `{path}` needs a list of values", "such as [low, high]")
        return None
    tests: list[WhereTest] = []
    for part in node.items:
        if isinstance(part, Scalar):
            tests.append(_single(part))
        else:
            reader.error(
                part.span, "wrong-form", f"where: the values of `{path}` are plain values", "write [low, high]"
            )
    values = tuple(test.value for test in tests if isinstance(test, Equals))
    others = [test for test in tests if not isinstance(test, Equals)]
    parts = [Where(path, test, node.span) for test in ([OneOf(values)] if values else []) + others]
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts)) if parts else None


def _compared(reader: Reader, path: str, mapping: Mapping, exact: bool) -> list[Condition]:
    if not mapping.pairs:
        reader.error(mapping.span, "empty-value", f"where: `{path}` has no test", "such as {gte: 0.8}")
    reader.check_keys(mapping, WHERE_KEYS, elsewhere={"eq": "write the value itself after the path"})
    found = [_comparison(reader, path, pair, exact) for pair in mapping.pairs if pair.key.text in WHERE_KEYS]
    return [condition for condition in found if condition is not None]


def _comparison(reader: Reader, path: str, pair: Pair, exact: bool) -> Condition | None:
    name, node = pair.key.text, pair.value
    if name == "in":
        return _one_of(reader, path, node)
    if name == "exists":
        wanted = reader.flag(node, name)
        return None if wanted is None else Where(path, Exists(wanted), node.span)
    if name == "ne":
        return _unequal(reader, path, node)
    if name in ("regex", "glob"):
        return _pattern(reader, path, pair, exact)
    bound = number(reader, node, name)
    return None if bound is None else Where(path, Compare(_ORDERS[name], bound), node.span)


def _unequal(reader: Reader, path: str, node: Node) -> Condition | None:
    if not isinstance(node, Scalar):
        reader.error(
            node.span,
            "wrong-form",
            f"where: `ne` of `{path}` takes one value",
            f"write not: {{where: {{{path}: [a, b]}}}}",
        )
        return None
    if node.value is None:
        return Where(path, Exists(True), node.span)
    return Not(Where(path, Equals(node.value), node.span))


def _pattern(reader: Reader, path: str, pair: Pair, exact: bool) -> Condition | None:
    name, node = pair.key.text, pair.value
    text = reader.text(node, name)
    if text is None or not isinstance(node, Scalar):
        return None
    if not text:
        reader.error(node.span, "empty-needle", f"where: `{name}` of `{path}` is empty", "write what to look for")
        return None
    if name == "glob":
        return Where(path, Glob(text), node.span)
    usable = check_pattern(reader, node, "regex", exact)
    return Where(path, Matches(text, exact), node.span) if usable else None
