"""The parser's events to a tree, with every limit checked before anything grows.

Depth is at most 32 and nodes at most 20,000, both with aliases expanded. Scalars follow the part on which YAML 1.1
and 1.2 agree: only `true`, `false`, `null`, `~` and plain decimal numbers are values; `no`, `18:00`, `007`, `1e3`
and dates stay text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from engine.model.errors import Problem, Span
from engine.rulebook.yaml_text import problem, short
from engine.rulebook.yaml_tree import Items, Mapping, Node, Pair, Scalar

__all__ = ["MAX_DEPTH", "MAX_NODES", "Builder", "RefusedError"]

MAX_DEPTH = 32
MAX_NODES = 20_000

_MOST_PROBLEMS = 100
_CORE = "tag:yaml.org,2002:"
_INT = re.compile(r"-?(?:0|[1-9][0-9]{0,99})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,99})\.[0-9]{1,99}(?:[eE][-+][0-9]{1,9})?")
_WORDS: dict[str, bool | None] = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
}  # fmt: skip
_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}
_SURROGATE = re.compile("[\ud800-\udfff]")


class RefusedError(Exception):
    """Reading ends here: what follows would cost too much or has no meaning."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class _Built(NamedTuple):
    """A finished node. `weight` counts its nodes, `height` its levels, both with aliases expanded."""

    node: Node
    weight: int
    height: int


class _Open:
    """A list or map whose end has not come yet. `key` waits for its value; `skip` drops the value that comes."""

    __slots__ = ("anchor", "height", "items", "key", "keyed", "pairs", "seen", "skip", "span", "weight")

    def __init__(self, span: Span, anchor: str | None, *, keyed: bool) -> None:
        self.span = span
        self.anchor = anchor
        self.keyed = keyed
        self.items: list[Node] = []
        self.pairs: list[Pair] = []
        self.seen: dict[str, Scalar] = {}
        self.key: Scalar | None = None
        self.skip = False
        self.weight = 1
        self.height = 1


class Builder:
    """Takes the parser's events one by one and keeps the open collections on a stack of its own."""

    def __init__(self, file: str, lines: tuple[str, ...], problems: list[Problem]) -> None:
        self.file = file
        self.lines = lines
        self.problems = problems
        self.root: Node | None = None
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Built] = {}
        self._documents = 0
        self._weight = 0
        self._last: Event | None = None
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            ScalarEvent: self._scalar,
            MappingStartEvent: self._start,
            SequenceStartEvent: self._start,
            MappingEndEvent: self._end,
            SequenceEndEvent: self._end,
            AliasEvent: self._alias,
            DocumentStartEvent: self._document,
        }

    @property
    def last(self) -> Span:
        """Where the newest event begins."""
        return self._span(self._last) if self._last else Span(self.file, 1, 1)

    def feed(self, event: Event) -> None:
        """Take the next event. Errors: `RefusedError` when reading must end here."""
        self._last = event
        handler = self._handlers.get(type(event))
        if handler:
            handler(event)

    def refuse_directives(self) -> None:
        """End reading if a line begins with %. Errors: `RefusedError`."""
        # 20,000 %TAG lines keep the parser in C busy for half a second, and no rule needs one.
        line = next((number for number, line in enumerate(self.lines, 1) if line.startswith("%")), 0)
        if line:
            self._refuse(Span(self.file, line, 1), "yaml-directive", "a line that begins with % is a YAML directive",
                         "remove the line, or put the text in quotes")  # fmt: skip

    def _problem(self, span: Span, code: str, message: str, hint: str) -> None:
        self.problems.append(problem(self.lines, span, code, message, hint))
        if len(self.problems) >= _MOST_PROBLEMS:
            self._refuse(span, "too-many-problems", "the rest of the file was not read", "mend what stands above first")

    def _refuse(self, span: Span, code: str, message: str, hint: str) -> NoReturn:
        raise RefusedError(problem(self.lines, span, code, message, hint))

    def _span(self, event: Any) -> Span:
        start, end = event.start_mark, event.end_mark
        line: int = start.line
        if end.line == line:
            width = end.column - start.column
        else:
            width = len(self.lines[line]) - start.column if line < len(self.lines) else 1
        return Span(self.file, line + 1, start.column + 1, max(width, 1))

    def _document(self, event: DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            self._problem(self._span(event), "several-documents", "a second YAML document begins here",
                          "remove the `---`, or use one file a document; several rules go under `rules:`")  # fmt: skip

    def _scalar(self, event: ScalarEvent) -> None:
        span = self._span(event)
        text: str = event.value
        value: str | int | float | bool | None = text
        quoted = event.style not in (None, "")
        if event.tag is not None and event.tag != "!":
            value = self._tagged(event.tag, text, span)
        elif not quoted and event.tag is None:
            value = _resolve(text)
        elif _SURROGATE.search(text):
            self._problem(span, "lone-surrogate", "half a character: \\ud800 to \\udfff stand for nothing alone",
                          "write the character itself")  # fmt: skip
        self._add(_Built(Scalar(span, value, text), 1, 0), event.anchor, merge=text == "<<" and not quoted)

    def _tagged(self, tag: str, text: str, span: Span) -> str | int | float | bool | None:
        name = tag.removeprefix(_CORE)
        if name == "str" and name != tag:
            return text
        if name == tag or name not in _TYPES:
            self._refuse_tag(tag, span)
            return text
        value = _resolve(text)
        if not isinstance(value, _TYPES[name]) or (isinstance(value, bool) and name != "bool"):
            self._problem(span, "bad-value", f'"{short(text)}" is not of type {name}', f"remove !!{name}")
            return text
        return float(value) if name == "float" and isinstance(value, int) else value

    def _refuse_tag(self, tag: str, span: Span) -> None:
        self._problem(span, "yaml-tag", f"tag {short(tag)} is not supported",
                      "remove it; put a text that begins with ! in quotes")  # fmt: skip

    def _start(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        keyed = isinstance(event, MappingStartEvent)
        span = self._span(event)._replace(width=1)
        if event.tag is not None and event.tag not in {"!", _CORE + ("map" if keyed else "seq")}:
            self._refuse_tag(event.tag, span)
        if len(self._stack) >= MAX_DEPTH:
            self._refuse_depth(span)
        if event.anchor is not None:
            self._anchors.pop(event.anchor, None)
        self._count(1, span)
        self._stack.append(_Open(span, event.anchor, keyed=keyed))

    def _end(self, _event: MappingEndEvent | SequenceEndEvent) -> None:
        ended = self._stack.pop()
        node: Node = Items(ended.span, tuple(ended.items))
        if ended.keyed:
            node = Mapping(ended.span, tuple(ended.pairs))
        self._weight -= ended.weight
        self._add(_Built(node, ended.weight, ended.height), ended.anchor)

    def _alias(self, event: AliasEvent) -> None:
        span = self._span(event)
        name: str = event.anchor or ""
        built = self._anchors.get(name)
        if built is not None:
            if len(self._stack) + built.height > MAX_DEPTH:
                self._refuse_depth(span)
            self._count(built.weight, span)
            self._place(built)
            return
        if any(each.anchor == name for each in self._stack):
            self._problem(span, "alias-cycle", f"*{short(name)} stands inside what it names", "write the value out")
        else:
            self._problem(span, "unknown-alias", f"no anchor &{short(name)} stands above this alias",
                          "put a text that begins with * in quotes")  # fmt: skip
        self._add(_Built(Scalar(span, None, ""), 1, 0))

    def _refuse_depth(self, span: Span) -> NoReturn:
        self._refuse(span, "too-deep", f"nested more than {MAX_DEPTH} levels", "flatten the file; put text in quotes")

    def _count(self, weight: int, span: Span) -> None:
        self._weight += weight
        if self._weight > MAX_NODES:
            self._refuse(span, "too-many-nodes", f"more than {MAX_NODES:,} values, aliases counted in full",
                         "split the file, and use fewer aliases")  # fmt: skip

    def _add(self, built: _Built, anchor: str | None = None, *, merge: bool = False) -> None:
        self._count(built.weight, built.node.span)
        if anchor is not None:
            self._anchors[anchor] = built
        self._place(built, merge=merge)

    def _place(self, built: _Built, *, merge: bool = False) -> None:
        """Put a finished node where it belongs: as root, list entry, key or value."""
        if not self._stack:
            if self._documents == 1:
                self.root = built.node
            return
        top = self._stack[-1]
        top.weight += built.weight
        top.height = max(top.height, built.height + 1)
        if not top.keyed:
            top.items.append(built.node)
        elif top.skip:
            top.skip = False
        elif top.key is None:
            self._key(top, built.node, merge=merge)
        else:
            top.pairs.append(Pair(top.key, built.node))
            top.key = None

    def _key(self, top: _Open, node: Node, *, merge: bool) -> None:
        top.skip = True
        if not isinstance(node, Scalar):
            self._problem(node.span, "bad-key", "a key must be a text, not a list or a map",
                          "put text with {{ }}, [ ] or { } in quotes")  # fmt: skip
        elif merge:
            self._problem(node.span, "merge-key", "merge keys (<<) are not supported",
                          "write the keys out, or put what rules share under `defaults:`")  # fmt: skip
        elif node.text in top.seen:
            first = top.seen[node.text].span
            self._problem(node.span, "duplicate-key", f'key "{short(node.text)}" stands twice in this map; the first'
                          f" is on line {first.line}, column {first.column}", "remove one of them")  # fmt: skip
        else:
            top.seen[node.text] = node
            top.key = node
            top.skip = False


def _resolve(text: str) -> str | int | float | bool | None:
    """Return the value of unquoted text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text
