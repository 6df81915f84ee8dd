"""A YAML file as a tree whose every value knows its line and column.

The file is its user's own, so PyYAML's composer may read it, within limits on size and depth. Words mean what they
look like: only `true` and `false` are booleans and only decimal digits are numbers; `yes`, `0x10` and `1:30` are text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import yaml

__all__ = ["MAX_BYTES", "Items", "Node", "Place", "Scalar", "Table", "YamlError", "compose", "plain"]

MAX_BYTES = 256 << 10
_MAX_DEPTH = 20
_INTEGER = re.compile(r"[-+]?[0-9]{1,15}")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,15}\.[0-9]{1,15}")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}


class Place(NamedTuple):
    """Where something stands. Units: line and column count from 1."""

    line: int
    column: int


class YamlError(Exception):
    """The text is no YAML, or more than a settings file may be."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. Quoted text is always text."""

    place: Place
    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A map in the order of the file. Shape: keys are text, each once."""

    place: Place
    pairs: tuple[tuple[str, Place, Node], ...]


Node: TypeAlias = Scalar | Items | Table


def compose(text: str) -> Node | None:
    """Return the tree, or None for a file without content. Errors: YamlError."""
    start = Place(1, 1)
    if len(text) > MAX_BYTES:
        raise YamlError(f"the file is larger than {MAX_BYTES >> 10} KiB", start)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else start
        what = error.problem or error.context
        raise YamlError(f"this is not YAML: {what}; a text with any of : # ? {{ }} [ ] goes in quotes", place) from None
    except yaml.YAMLError as error:
        raise YamlError(f"this is not YAML: {str(error).splitlines()[0]}", start) from None
    except RecursionError:
        raise YamlError(f"nested deeper than {_MAX_DEPTH} levels", start) from None
    return None if root is None else _node(root, 1, set())


def plain(node: Node) -> Any:
    """Return dicts, lists and scalars without places."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {name: plain(value) for name, _, value in node.pairs}


def _node(raw: yaml.Node, depth: int, seen: set[int]) -> Node:
    place = Place(raw.start_mark.line + 1, raw.start_mark.column + 1)
    if depth > _MAX_DEPTH:
        raise YamlError(f"nested deeper than {_MAX_DEPTH} levels", place)
    if isinstance(raw, yaml.ScalarNode):
        return Scalar(place, raw.value if raw.style else _value(raw.value))
    if id(raw) in seen:
        raise YamlError("aliases of lists and maps are not allowed; write them out", place)
    seen.add(id(raw))
    if isinstance(raw, yaml.SequenceNode):
        return Items(place, tuple(_node(item, depth + 1, seen) for item in raw.value))
    pairs: list[tuple[str, Place, Node]] = []
    for key, value in raw.value:
        where = Place(key.start_mark.line + 1, key.start_mark.column + 1)
        if not isinstance(key, yaml.ScalarNode):
            raise YamlError("a key must be text", where)
        if any(key.value == name for name, _, _ in pairs):
            raise YamlError(f"{key.value!r} stands here twice", where)
        pairs.append((key.value, where, _node(value, depth + 1, seen)))
    return Table(place, tuple(pairs))


def _value(text: str) -> str | int | float | bool | None:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text
