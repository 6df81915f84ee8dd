"""The linear engine: whether a pattern is found, in one pass over the text and constant work a character.

Glushkov's construction: one bit for each place for a character, no empty moves. What `^ $ \\b \\B` say depends only
on the two characters around them, so for each such neighbourhood they are simply true or false and the moves are
worked out anew (`_Moves`). Sets of places met while reading become states of an automaton, built when first needed;
when there are too many they are all forgotten, so a hostile text costs time per character, never memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import getitem
from typing import NamedTuple, assert_never

from engine.core.regex_tree import Alt, Assert, Atom, Group, Node, Rep, Seq, copies
from engine.core.text import is_word

__all__ = ["Automaton"]

_STATES_MAX = 256
_CHARS_MAX = 2_048

_END = "\x00"
_LAST_NEWLINE = "\x01"
_FIRST_FREE = 2


class _Hit(Exception):  # noqa: N818 - a result, not an error
    """The pattern has been found."""


class _Moves(NamedTuple):
    """What follows what across one neighbourhood. Each set of places is an int with a bit for each.

    `shift` are places followed by the next one; `jumps` are (from any of these, to all of these).
    """

    first: int
    last: int
    empty: bool
    shift: int
    jumps: tuple[tuple[int, int], ...]

    def after(self, live: int) -> int:
        """Return the places that may match next, when `live` have just matched; a match may begin anywhere."""
        reached = self.first | (live & self.shift) << 1
        for sources, targets in self.jumps:
            if live & sources:
                reached |= targets
        return reached

    def before(self, live: int) -> int:
        """Return the places after which one of `live` may match."""
        reached = live >> 1 & self.shift
        for sources, targets in self.jumps:
            if live & targets:
                reached |= sources
        return reached


class _State(dict[str, "_State"]):
    """A set of places that have just matched, after a kind of character; maps each symbol to the next state."""

    __slots__ = ("automaton", "before", "live")

    def __init__(self, automaton: Automaton, live: int, before: str) -> None:
        super().__init__()
        self.automaton = automaton
        self.live = live
        self.before = before

    def __missing__(self, symbol: str) -> _State:
        return self.automaton._step(self, symbol)


class Automaton:
    """A compiled tree. Its answers depend on the text alone; what it keeps between texts only saves time."""

    def __init__(self, root: Node) -> None:
        self._root = root
        atoms = list(_atoms(root))
        # One entry for each different atom: where it stands.
        self._places: dict[Atom, int] = {}
        for at, atom in enumerate(atoms):
            self._places[atom] = self._places.get(atom, 0) | 1 << at
        self._asserts = _has_assert(root)
        self._moves: dict[tuple[str, str], _Moves] = {}
        self._forget()

    def holds(self, text: str) -> bool:
        """Tell whether the pattern is found anywhere in the text."""
        try:
            reduce(getitem, self._symbols(text), self._start)
        except _Hit:
            return True
        return False

    def span(self, text: str) -> tuple[int, int] | None:
        """Return a match: of those that end first the one that starts last."""
        symbols = self._symbols(text)
        state = self._start
        end = 0
        try:
            for end, symbol in enumerate(symbols):  # noqa: B007 - read after the exception
                state = state[symbol]
        except _Hit:
            return self._start_of(symbols, end), end
        return None

    def matching(self, text: str) -> list[int]:
        """Return for each character the set of places that match it."""
        return [self._classes[symbol][0] for symbol in self._symbols(text)[:-1]]

    def _start_of(self, symbols: str, end: int) -> int:
        """Walk back from an end to the nearest start."""
        moves = self._moves_between(symbols, end)
        if moves.empty:
            return end
        wanted = moves.last
        for at in range(end - 1, -1, -1):
            wanted &= self._classes[symbols[at]][0]
            moves = self._moves_between(symbols, at)
            if wanted & moves.first:
                return at
            wanted = moves.before(wanted)
        raise AssertionError("a match has a start")

    def _symbols(self, text: str) -> str:
        """The text with each character replaced by the symbol of its class, and an end mark."""
        new = set(text) - self._known
        if new:
            if len(self._known) + len(new) > _CHARS_MAX:
                self._forget()
                new = set(text)
            self._learn("".join(new))
        symbols = text.translate(self._table)
        if text.endswith("\n"):
            symbols = symbols[:-1] + _LAST_NEWLINE
        return symbols + _END

    def _forget(self) -> None:
        """Drop everything learnt from texts."""
        self._known: set[str] = set()
        self._table: dict[int, str] = {}
        self._classes: dict[str, tuple[int, str]] = {_END: (0, _END)}
        self._symbol_of: dict[tuple[int, str], str] = {}
        self._states: dict[tuple[int, str], _State] = {}
        self._start = self._state(0, _END)
        self._learn("\n")
        self._classes[_LAST_NEWLINE] = (self._classes[self._table[10]][0], _LAST_NEWLINE)

    def _learn(self, chars: str) -> None:
        """Give each new character the symbol of its class: the places that match it and its kind."""
        places = dict.fromkeys(chars, 0)
        for atom, where in self._places.items():
            for char in atom.compiled().findall(chars):
                places[char] |= where
        for char, where in places.items():
            key = where, self._kind(char)
            symbol = self._symbol_of.get(key)
            if symbol is None:
                symbol = self._symbol_of[key] = chr(_FIRST_FREE + len(self._symbol_of))
                self._classes[symbol] = key
            self._table[ord(char)] = symbol
        self._known.update(chars)

    def _kind(self, char: str) -> str:
        """A character that `^ $ \\b \\B` cannot tell from this one; any will do when the pattern has none of them."""
        if not self._asserts:
            return "-"
        if is_word(char):
            return "a" if char.isascii() else "é"
        return "\n" if char == "\n" else "-"

    def _state(self, live: int, before: str) -> _State:
        state = self._states.get((live, before))
        if state is None:
            if len(self._states) >= _STATES_MAX:
                for old in self._states.values():
                    old.clear()  # they refer to each other: let them go without the garbage collector
                self._states.clear()
                self._states[self._start.live, self._start.before] = self._start
            state = self._states[live, before] = _State(self, live, before)
        return state

    def _step(self, state: _State, symbol: str) -> _State:
        matching, kind = self._classes[symbol]
        moves = self._moves.get((state.before, kind)) or self._neighbourhood(state.before, kind)
        if moves.empty or state.live & moves.last:
            raise _Hit
        following = state[symbol] = self._state(moves.after(state.live) & matching, kind)
        return following

    def _moves_between(self, symbols: str, at: int) -> _Moves:
        before = self._classes[symbols[at - 1]][1] if at else _END
        return self._neighbourhood(before, self._classes[symbols[at]][1])

    def _neighbourhood(self, before: str, after: str) -> _Moves:
        moves = self._moves.get((before, after))
        if moves is None:
            left = "" if before == _END else "\n" if before == _LAST_NEWLINE else before
            right = "" if after == _END else "\n" if after == _LAST_NEWLINE else after + "-"
            moves = self._moves[before, after] = _moves(self._root, left + right, len(left))
        return moves


def _atoms(node: Node) -> Iterator[Atom]:
    """Every place for a character, in order, counted repeats written out."""
    match node:
        case Atom():
            yield node
        case Assert():
            pass
        case Seq(parts) | Alt(parts):
            for part in parts:
                yield from _atoms(part)
        case Rep(body):
            for _ in range(copies(node)):
                yield from _atoms(body)
        case Group(_, body):
            yield from _atoms(body)
        case _:
            assert_never(node)


def _has_assert(node: Node) -> bool:
    match node:
        case Atom():
            return False
        case Assert():
            return True
        case Seq(parts) | Alt(parts):
            return any(map(_has_assert, parts))
        case Rep(body) | Group(_, body):
            return _has_assert(body)
    assert_never(node)


class _Part(NamedTuple):
    """Of a subtree: where it can begin, where it can end, and whether it can be passed without a character."""

    first: int
    last: int
    empty: bool


_NOTHING = _Part(0, 0, True)


def _moves(root: Node, sample: str, at: int) -> _Moves:
    """Glushkov's sets of a tree, where an assertion is empty text if true at this place of a sample, else nothing."""
    builder = _Builder(sample, at)
    whole = builder.part(root)
    return _Moves(whole.first, whole.last, whole.empty, builder.shift, _merged(builder.jumps))


def _merged(jumps: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The same relation in few pairs: those of one source together, then those of one target."""
    by_source: dict[int, int] = {}
    for source, target in jumps:
        by_source[source] = by_source.get(source, 0) | target
    by_target: dict[int, int] = {}
    for source, target in by_source.items():
        by_target[target] = by_target.get(target, 0) | source
    return tuple((source, target) for target, source in by_target.items())


class _Builder:
    """Walks a tree once, numbering its places, and collects what follows what."""

    def __init__(self, sample: str, at: int) -> None:
        self.sample = sample
        self.at = at
        self.count = 0
        self.shift = 0
        self.jumps: list[tuple[int, int]] = []

    def part(self, node: Node) -> _Part:
        match node:
            case Atom():
                place = 1 << self.count
                self.count += 1
                return _Part(place, place, False)
            case Assert():
                return _Part(0, 0, node.holds(self.sample, self.at))
            case Seq(parts):
                whole = _NOTHING
                for item in parts:
                    whole = self.joined(whole, self.part(item))
                return whole
            case Alt(parts):
                return _either([self.part(item) for item in parts])
            case Rep():
                return self.repeated(node)
            case Group(_, body):
                return self.part(body)
        assert_never(node)

    def joined(self, left: _Part, right: _Part) -> _Part:
        self.follow(left.last, right.first)
        return _Part(
            left.first | right.first if left.empty else left.first,
            left.last | right.last if right.empty else right.last,
            left.empty and right.empty,
        )

    def repeated(self, node: Rep) -> _Part:
        """The copies that must be, then those that may be, each only after the one before; the last may loop."""
        must = [self.part(node.body) for _ in range(node.least)]
        may = [self.part(node.body) for _ in range(copies(node) - node.least)]
        if node.most is None:
            looping = (must + may)[-1]
            self.follow(looping.last, looping.first)
        rest = _NOTHING
        for body in reversed(may):
            rest = self.joined(body, rest)._replace(empty=True)
        for body in reversed(must):
            rest = self.joined(body, rest)
        return rest

    def follow(self, sources: int, targets: int) -> None:
        if sources & sources - 1 == 0 and targets & sources << 1:
            self.shift |= sources
            targets &= ~(sources << 1)
        if sources and targets:
            self.jumps.append((sources, targets))


def _either(parts: list[_Part]) -> _Part:
    whole = _Part(0, 0, False)
    for part in parts:
        whole = _Part(whole.first | part.first, whole.last | part.last, whole.empty or part.empty)
    return whole
