"""A regular expression as a tree: what Python's own parser reads, less what no linear engine can match.

May live here: the closed union of nodes, reading a pattern into it, refusing what is unsupported, and the bound on
what Python's matcher may spend. Invariant: `read` accepts Python's syntax, but for the constructs in `_REFUSED` and
for sets that Python warns of.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias, assert_never

from engine.model.errors import EngineError

__all__ = [
    "PATTERN_MAX", "POSITIONS_MAX", "Alt", "Assert", "Atom", "Group", "Node", "PatternError", "Rep", "Seq", "Tree",
    "copies", "paths", "positions", "read",
]  # fmt: skip

PATTERN_MAX = 1_000
"""Characters a pattern may have."""

POSITIONS_MAX = 256
"""Places for a character a pattern may have once counted repeats are written out."""

_DEPTH_MAX = 50
"""How deep groups may nest: every walk over a tree is recursive, some with 3 calls a level."""

_sre: Any = re._parser  # type: ignore[attr-defined]


class PatternError(EngineError):
    """The pattern cannot be used. Units: `column` counts from 1."""

    def __init__(self, message: str, column: int = 1, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Atom:
    """One character. `source` is a pattern for it alone, `flags` those of `re` that hold there."""

    source: str
    flags: int

    def compiled(self) -> re.Pattern[str]:
        """Return the pattern that decides, by Python's own rules, which characters this is."""
        return _compiled(self.source, self.flags)


@dataclass(frozen=True, slots=True)
class Assert:
    """A test between two characters: `^ $ \\A \\Z \\b \\B`. Fields as in `Atom`."""

    source: str
    flags: int

    def holds(self, text: str, at: int) -> bool:
        """Tell whether it is true of this place, by Python's own rules."""
        return _compiled(self.source, self.flags).match(text, at) is not None


@dataclass(frozen=True, slots=True)
class Seq:
    """One after the other. Empty matches the empty text."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Alt:
    """Any one, the first preferred."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Rep:
    """`body` from `least` to `most` times; None is without end."""

    body: Node
    least: int
    most: int | None
    greedy: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A named group."""

    name: str
    body: Node


Node: TypeAlias = Atom | Assert | Seq | Alt | Rep | Group


class Tree(NamedTuple):
    """A pattern read. `source` is its NFC spelling and `flags` are what `re.compile` is to be given with it.

    `scoped`: it has `(?a:...)` or `(?u:...)`, for which `re` itself answers wrongly: `(?a:\\W)` misses "é", because
    its search for a first character goes by the flags of the whole pattern (Python 3.11).
    """

    source: str
    flags: int
    root: Node
    scoped: bool


def read(pattern: str, exact: bool) -> Tree:
    """Return the tree. Errors: `PatternError`, which names the construct and its column."""
    if len(pattern) > PATTERN_MAX:
        raise PatternError(
            f"the pattern has {len(pattern)} characters; at most {PATTERN_MAX} are allowed",
            PATTERN_MAX + 1,
            "Split it: `regex:` takes a list of patterns.",
        )
    source = unicodedata.normalize("NFC", pattern)
    _refuse_ambiguous(source)
    flags = re.NOFLAG if exact else re.IGNORECASE
    try:
        parsed = _sre.parse(source, int(flags))
        names = {number: name for name, number in parsed.state.groupdict.items()}
        reader = _Reader(names)
        root = reader.sequence(parsed, parsed.state.flags)
        size = positions(root)
    except _Unsupported as found:
        raise _refusal(str(found), source) from None
    except re.error as error:
        raise PatternError(error.msg, (error.pos or 0) + 1) from None
    except OverflowError:
        raise PatternError("a repeat count is too large") from None
    except RecursionError:  # Python's parser comes first
        raise _too_deep() from None
    if size > POSITIONS_MAX:
        raise PatternError(
            f"the pattern has {size} places for a character once its repeats are written out; "
            f"at most {POSITIONS_MAX} are allowed",
            1,
            "Lower the counts in {...}, use + or *, or split the pattern: `regex:` takes a list.",
        )
    return Tree(source, int(flags), root, reader.scoped)


_REFUSED: dict[str, tuple[str, str, str]] = {
    "ASSERT": (r"\(\?<?=", "look-around (?=...)", "List the patterns that must all be found, or test words apart."),
    "ASSERT_NOT": (r"\(\?<?!", "look-around (?!...)", "Put what must be absent under `not:`."),
    "FAILURE": (r"\(\?!", "look-around (?!...)", "Leave the alternative out: it never matches."),
    "GROUPREF": (r"\(\?P=|\\[1-9]", "a backreference", "Name the group and compare it in `filter:`."),
    "GROUPREF_EXISTS": (r"\(\?\(", "a conditional (?(...)...)", "Write both cases with |."),
    "ATOMIC_GROUP": (r"\(\?>", "an atomic group (?>...)", "Write (?:...): its cost is bounded as well."),
    "POSSESSIVE_REPEAT": (r"[*+?}]\+", "a possessive repeat", "Leave out the last +: the cost is bounded as well."),
}
"""By the name of the parser's operation: how it is spelt, what it is called, what to write instead."""

_SET = r"(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])"
_AMBIGUOUS = re.compile(r"\\.|(?P<bad>^\[\[|--|&&|~~|\|\|)", re.DOTALL)


def _refuse_ambiguous(source: str) -> None:
    """Raise for what Python warns of because it may mean something else one day."""
    for token in re.finditer(rf"\\.|{_SET}", source, re.DOTALL):
        for found in _AMBIGUOUS.finditer(token["set"] or ""):
            if found["bad"]:
                raise PatternError(
                    f"{found['bad']} inside [...] is reserved for set operations",
                    token.start() + found.start() + 1,
                    "Put a backslash before its second character.",
                )


def _refusal(operation: str, source: str) -> PatternError:
    spelling, name, hint = _REFUSED.get(operation, ("", operation.lower(), ""))
    for token in re.finditer(rf"(?P<it>{spelling})|\\.|{_SET}", source, re.DOTALL):
        if token["it"]:
            return PatternError(f"{name} cannot be matched in bounded time", token.start() + 1, hint)
    return PatternError(f"{name} cannot be matched in bounded time", 1, hint)


def _too_deep() -> PatternError:
    return PatternError(f"groups are nested more than {_DEPTH_MAX} deep", 1, "Leave out the groups that do nothing.")


class _Unsupported(Exception):  # noqa: N818 - becomes a `PatternError`
    """Carries the name of the parser's operation."""


class _Reader:
    """Turns the tree of Python's parser into ours; `names` maps group numbers to names."""

    def __init__(self, names: dict[int, str]) -> None:
        self.names = names
        self.scoped = False
        self.depth = 0

    def sequence(self, items: Any, flags: int) -> Node:
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise _too_deep()
        parts = tuple(self.node(op, value, flags) for op, value in items)
        self.depth -= 1
        return parts[0] if len(parts) == 1 else Seq(parts)

    def node(self, op: Any, value: Any, flags: int) -> Node:
        if op is _sre.BRANCH:
            return Alt(tuple(self.sequence(part, flags) for part in value[1]))
        if op is _sre.SUBPATTERN:
            number, added, removed, body = value
            if added & _sre.TYPE_FLAGS:
                flags &= ~_sre.TYPE_FLAGS
                self.scoped = True
            inner = self.sequence(body, (flags | added) & ~removed)
            return Group(self.names[number], inner) if number in self.names else inner
        if op in (_sre.MAX_REPEAT, _sre.MIN_REPEAT):
            least, most, body = value
            return _repeat(self.sequence(body, flags), least, most, op is _sre.MAX_REPEAT)
        flags &= int(re.IGNORECASE | re.MULTILINE | re.DOTALL | re.ASCII)
        if op is _sre.AT:
            return Assert(_PLACES[str(value)], flags)
        if op not in (_sre.LITERAL, _sre.NOT_LITERAL, _sre.IN, _sre.ANY):
            raise _Unsupported(str(op))
        return Atom(_atom_source(op, value), flags)


_PLACES = {
    "AT_BEGINNING": "^", "AT_BEGINNING_STRING": r"\A", "AT_BOUNDARY": r"\b", "AT_NON_BOUNDARY": r"\B",
    "AT_END": "$", "AT_END_STRING": r"\Z",
}  # fmt: skip
_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d", "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_SPACE": r"\s", "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w", "CATEGORY_NOT_WORD": r"\W",
}  # fmt: skip


def _repeat(body: Node, least: int, most: Any, greedy: bool) -> Node:
    endless = most is _sre.MAXREPEAT
    if not positions(body):  # matches only empty text, where a second time changes nothing
        least, most, endless = min(least, 1), min(int(most), 1), False
    return Rep(body, least, None if endless else int(most), greedy)


def _atom_source(op: Any, value: Any) -> str:
    if op is _sre.ANY:
        return "."
    if op is _sre.LITERAL:
        return _escaped(value)
    if op is _sre.NOT_LITERAL:
        return f"[^{_escaped(value)}]"
    return f"[{''.join(_member(kind, member) for kind, member in value)}]"


def _member(kind: Any, member: Any) -> str:
    if kind is _sre.NEGATE:
        return "^"
    if kind is _sre.RANGE:
        return f"{_escaped(member[0])}-{_escaped(member[1])}"
    return _escaped(member) if kind is _sre.LITERAL else _CATEGORIES[str(member)]


def _escaped(point: int) -> str:
    return f"\\U{point:08x}"


@lru_cache(maxsize=4096)
def _compiled(source: str, flags: int) -> re.Pattern[str]:
    return re.compile(source, flags)


def copies(node: Rep) -> int:
    """Return how often the body is written out: its optional copies too, and at least once if it is endless."""
    return node.most if node.most is not None else max(node.least, 1)


def positions(node: Node) -> int:
    """Return the places for a character, counted repeats written out."""
    match node:
        case Atom():
            return 1
        case Assert():
            return 0
        case Seq(parts) | Alt(parts):
            return sum(map(positions, parts))
        case Rep(body):
            return positions(body) * copies(node)
        case Group(_, body):
            return positions(body)
    assert_never(node)


def paths(node: Node) -> tuple[float, int]:
    """Bound the ways a backtracking matcher may take from one start: (c, k) stands for c * n**k on n characters.

    Shape: (inf, 0) when there is no polynomial, as for an endless repeat whose body can match in two ways.
    """
    match node:
        case Atom() | Assert():
            return 1.0, 0
        case Seq(parts):
            factor, degree = 1.0, 0
            for part in parts:
                more, higher = paths(part)
                factor, degree = factor * more, degree + higher
            return factor, degree
        case Alt(parts):
            branches = [paths(part) for part in parts]
            return sum(factor for factor, _ in branches), max(degree for _, degree in branches)
        case Rep(body, least, most):
            return _repeated(paths(body), least, most)
        case Group(_, body):
            return paths(body)
    assert_never(node)


def _repeated(body: tuple[float, int], least: int, most: int | None) -> tuple[float, int]:
    if body == (1.0, 0):
        return (1.0, 1) if most is None else (1.0 + most - least, 0)
    if most is None:
        return float("inf"), 0
    factor, degree = body
    factor = min(factor, 1e9) ** min(most, 30)  # where a cap bites, any budget is spent and floats still hold it
    return (1.0 + most - least) * factor, degree * most
