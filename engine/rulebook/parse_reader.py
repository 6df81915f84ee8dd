"""Reads YAML nodes as the forms the rule language knows, and collects what is wrong with a place and a remedy.

Every reading method returns None (or an empty tuple) after it has reported, and never raises: one run over a file finds
all its faults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from collections.abc import Mapping as Dictionary
from dataclasses import replace
from typing import Literal, TypeVar

from engine.model.errors import Problem, Span
from engine.rulebook.scalars import ScalarError, nearest
from engine.rulebook.yaml_guard import Items, Mapping, Node, Pair, Scalar, plain, problem, short, trailing_comment

__all__ = ["Reader", "count", "listed", "masked", "number"]

T = TypeVar("T")

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_URL = re.compile(r"(?<=://)[^\s\"']+")


class Reader:
    """One rule file being read. `problems` holds each fault once, in the order of finding."""

    __slots__ = ("_found", "file", "lines")

    def __init__(self, file: str, lines: tuple[str, ...]) -> None:
        self.file = file
        self.lines = lines
        self._found: dict[Problem, None] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was found so far."""
        return tuple(self._found)

    def error(self, at: Span, code: str, message: str, hint: str = "") -> None:
        """Report what stops the file from loading."""
        self.report(at, "error", code, message, hint)

    def report(self, at: Span, severity: Literal["error", "warning"], code: str, message: str, hint: str) -> None:
        """Add a problem with its source line."""
        self._found[masked(problem(self.lines, at, code, message, hint, severity))] = None

    def text(self, node: Node, key: str) -> str | None:
        """Read a scalar as text: a number is read as it was written."""
        if not isinstance(node, Scalar):
            self.error(node.span, "wrong-form", f"`{key}` takes text, not {_noun(node)}", f"write {key}: some text")
            return None
        if node.value is None:
            self.error(node.span, "empty-value", f"`{key}` has no value", self._empty_hint(node, key))
            return None
        return node.text

    def scalars(self, node: Node, key: str) -> tuple[Scalar, ...]:
        """Read one text or a list of texts, each with its place. An empty list is an error."""
        if not isinstance(node, Items):
            return (node,) if self.text(node, key) is not None and isinstance(node, Scalar) else ()
        if not node.items:
            self.error(node.span, "empty-list", f"`{key}` is an empty list", f"name at least one, or remove {key}")
        return tuple(part for part in node.items if self.text(part, key) is not None and isinstance(part, Scalar))

    def texts(self, node: Node, key: str) -> tuple[str, ...]:
        """Read one text or a list of texts, without repeats."""
        return tuple(dict.fromkeys(scalar.text for scalar in self.scalars(node, key)))

    def flag(self, node: Node, key: str) -> bool | None:
        """Read `true` or `false`."""
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        found = f'"{short(node.text)}"' if isinstance(node, Scalar) and node.value is not None else _noun(node)
        self.error(node.span, "wrong-form", f"`{key}` is true or false, not {found}", f"write {key}: true")
        return None

    def choice(self, node: Node, key: str, known: Sequence[str]) -> str | None:
        """Read one word of a closed list."""
        word = self.text(node, key)
        if word is None or word in known:
            return word
        close = nearest(word, known)
        suggestion = f'; did you mean "{close}"?' if close else ""
        self.error(node.span, "unknown-value", f'unknown {key} "{short(word)}"{suggestion}', f"use {listed(known)}")
        return None

    def converted(self, node: Node, key: str, code: str, convert: Callable[[object], T]) -> T | None:
        """Read a value through a conversion that raises ScalarError."""
        value = plain(node)
        if value is None:
            self.text(node, key)
            return None
        try:
            return convert(value)
        except ScalarError as fault:
            self.error(node.span, code, f"{key}: {fault.message}", fault.hint)
            return None

    def optional(self, mapping: Mapping, key: str, code: str, convert: Callable[[object], T]) -> T | None:
        """Read the value under a key through a conversion, if the key is there."""
        node = mapping.get(key)
        return None if node is None else self.converted(node, key, code, convert)

    def mapping(self, node: Node, key: str, example: str) -> Mapping | None:
        """Read a mapping with at least one key."""
        if not isinstance(node, Mapping):
            self.error(node.span, "wrong-form", f"`{key}` takes a mapping, not {_noun(node)}", f"such as {example}")
            return None
        if not node.pairs:
            self.error(node.span, "empty-value", f"`{key}` is an empty mapping", f"such as {example}")
            return None
        return node

    def check_keys(
        self,
        mapping: Mapping,
        known: Collection[str],
        later: Collection[str] = (),
        elsewhere: Dictionary[str, str] | None = None,
    ) -> None:
        """Report each key that is unknown, not yet available (`later`) or of another place (`elsewhere`: its hint)."""
        for pair in mapping.pairs:
            name = pair.key.text
            if name in known:
                continue
            if name in later:
                hint = "remove it; docs/rules.md lists the keys of this version"
                self.error(pair.key.span, "not-available", f"`{name}` is not available in this version", hint)
            elif elsewhere and name in elsewhere:
                self.error(pair.key.span, "no-effect", f"`{name}` has no effect here", elsewhere[name])
            else:
                self._unknown(pair, known, elsewhere or ())

    def _unknown(self, pair: Pair, known: Collection[str], elsewhere: Collection[str]) -> None:
        key = pair.key
        close = nearest(key.text, (*known, *elsewhere))
        suggestion = f'; did you mean "{close}"?' if close else ""
        few = f"known here: {listed(sorted(known))}" if len(known) <= 12 else "docs/rules.md lists the known keys"
        # `{prompt: decisions, and what is open}` is a key with a value and one without.
        is_prose = " " in key.text and isinstance(pair.value, Scalar) and not pair.value.text
        otherwise = "within { } a comma ends a text: put the text in quotes" if is_prose else few
        hint = f"rename it to {close}" if close else otherwise
        self.error(key.span, "unknown-key", f'unknown key "{short(key.text)}"{suggestion}', hint)

    def _empty_hint(self, node: Scalar, key: str) -> str:
        comment = trailing_comment(node, self.lines)
        if comment:
            return f"# begins a comment; put {short(comment)} in quotes"
        return f"write a value after {key}:, or remove the key"


def number(reader: Reader, node: Node, key: str, example: str = "0.8") -> float | int | None:
    """Read a number. `example` is one that would do."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    found = f'the text "{short(value)}"' if isinstance(value, str) else _noun(node)
    hint = "write it without quotes" if isinstance(value, str) and _NUMBER.fullmatch(value) else f"such as {example}"
    reader.error(node.span, "wrong-form", f"`{key}` takes a number, not {found}", hint)
    return None


def count(reader: Reader, node: Node, key: str) -> int | None:
    """Read a whole number from 0."""
    value = number(reader, node, key)
    if isinstance(value, int) and value >= 0:
        return value
    if value is not None:
        reader.error(node.span, "wrong-form", f"`{key}` takes a whole number from 0", "such as 1")
    return None


def listed(words: Collection[str]) -> str:
    """Return `a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def masked(found: Problem) -> Problem:
    """Return the problem with what follows `://` blotted out, width kept: such an address may hold a secret."""
    if "://" not in f"{found.line_text}{found.message}{found.hint}":
        return found
    line, message, hint = map(_blotted, (found.line_text, found.message, found.hint))
    return replace(found, line_text=line, message=message, hint=hint)


def _blotted(text: str) -> str:
    return _URL.sub(lambda found: "*" * len(found[0]), text)


def _noun(node: Node) -> str:
    if isinstance(node, Items):
        return "a list"
    if isinstance(node, Mapping):
        return "a mapping"
    if node.value is None:
        return "nothing"
    if isinstance(node.value, bool):
        return node.text
    return "text" if isinstance(node.value, str) else "a number"
