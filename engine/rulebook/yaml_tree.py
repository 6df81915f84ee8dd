"""The tree a YAML file becomes: scalars, lists and maps that know where they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from engine.model.errors import Span

__all__ = ["Items", "Mapping", "Node", "Pair", "Scalar", "plain", "trailing_comment"]

_COMMENT = re.compile(r"\s*(#.*)")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `text` is what the author wrote, without quotes and escapes; quoted text is always text.

    Shape: `span` begins at the opening quote or block mark, if there is one; its width ends with the line.
    """

    span: Span
    value: str | int | float | bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    span: Span
    items: tuple[Node, ...]


class Pair(NamedTuple):
    """One entry of a map."""

    key: Scalar
    value: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """A map in the order of the file. Shape: the texts of the keys are unique."""

    span: Span
    pairs: tuple[Pair, ...]

    def get(self, name: str) -> Node | None:
        """Return the value under the key spelled `name`."""
        return next((pair.value for pair in self.pairs if pair.key.text == name), None)

    def place(self, name: str) -> Span:
        """Return where the key spelled `name` is written; without it, where the map begins."""
        return next((pair.key.span for pair in self.pairs if pair.key.text == name), self.span)

    def keys(self) -> tuple[str, ...]:
        """Return the keys as written."""
        return tuple(pair.key.text for pair in self.pairs)


Node: TypeAlias = Scalar | Items | Mapping


def plain(node: Node) -> Any:
    """Return dicts, lists and scalars without positions; keys are text as written."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    return {pair.key.text: plain(pair.value) for pair in node.pairs}


def trailing_comment(scalar: Scalar, lines: tuple[str, ...]) -> str:
    """Return the comment right of an unquoted value, from its `#`, or empty text.

    For a lint: in `contains: C #` and `contains: #slack` the author may have meant the `#`.
    """
    line = lines[scalar.span.line - 1]
    begin = scalar.span.column - 1
    if line[begin : begin + 1] in {"'", '"', "|", ">"}:
        return ""
    end = begin + scalar.span.width if scalar.text else begin
    found = _COMMENT.match(line, end)
    return found[1] if found else ""
