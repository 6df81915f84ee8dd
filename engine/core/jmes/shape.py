"""What can be said of an expression without an event: its paths, its constants, whether it is a test."""

from __future__ import annotations

from typing import Any

from engine.core.jmes.added import ADDED
from engine.core.jmes.functions import STANDARD
from engine.core.jmes.parse import Tree, children
from engine.core.jmes.signature import NOT_LITERAL, Function

__all__ = ["FUNCTIONS", "chain", "field_paths", "is_test", "literal_of", "names_of"]

FUNCTIONS: dict[str, Function] = {**STANDARD, **ADDED}
"""Every function of the language."""

Path = tuple[str, ...]


def names_of(node: Tree) -> Path | None:
    """Return the names of a plain chain of fields such as `data.text`, or None for anything else."""
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] == "subexpression" and all(each["type"] == "field" for each in node["children"]):
        return tuple(each["value"] for each in node["children"])
    return None


def literal_of(node: Tree) -> Any:
    """Return the value of a literal or of a list of literals, or `NOT_LITERAL`."""
    if node["type"] == "literal":
        return node["value"]
    if node["type"] == "multi_select_list" and all(each["type"] == "literal" for each in node["children"]):
        return [each["value"] for each in node["children"]]
    return NOT_LITERAL


def chain(node: Tree) -> list[Tree]:
    """Return the operands of `a && b && c` (or of `||`), which the parser nests to the left, in order."""
    operands: list[Tree] = []
    kind = node["type"]
    while node["type"] == kind:
        node, right = node["children"]
        operands.append(right)
    return [node, *reversed(operands)]


def is_test(node: Tree) -> bool:
    """Tell whether the value is surely true or false; the null of an ordering without an order counts as false."""
    below = node["children"]
    match node["type"]:
        case "comparator" | "not_expression":
            return True
        case "and_expression" | "or_expression":
            return all(map(is_test, below))
        case "literal":
            return isinstance(node["value"], bool)
        case "function_expression":
            return node["value"] in FUNCTIONS and FUNCTIONS[node["value"]].is_test
        case "pipe" | "subexpression":
            return is_test(below[-1])
        case _:
            return False


def field_paths(tree: Tree) -> frozenset[str]:
    """Return the dotted paths the expression reads from the root; a list is named, what lies in it is not."""
    found: set[str] = set()
    _read(tree, (), found)
    return frozenset(found)


def _read(node: Tree, base: Path | None, found: set[str]) -> None:
    path = _follow(node, base, found)
    if path:
        found.add(".".join(path))


def _follow(node: Tree, base: Path | None, found: set[str]) -> Path | None:
    """Return the path a node leads to from `base`, None when it is not one; note every path read on the way."""
    below = children(node)
    match node["type"]:
        case "field":
            return None if base is None else (*base, node["value"])
        case "current" | "identity":
            return base
        case "subexpression" | "pipe":
            for each in below:
                base = _follow(each, base, found)
            return base
        case "index_expression" | "projection" | "value_projection" | "flatten" | "filter_projection":
            _read(below[0], base, found)
            for each in below[1:]:
                _read(each, None, found)
        case "function_expression" if node["value"] in FUNCTIONS:
            key = FUNCTIONS[node["value"]].key
            for at, each in enumerate(below):
                _read(each, None if at == key else base, found)
        case _:
            for each in below:
                _read(each, base, found)
    return None
