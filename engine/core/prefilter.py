"""Which rules could match an event: one pass over its text and a few look-ups nominate; the predicate decides.

Rules are filed by kind, and within a kind under the clues of `necessary`. Invariant: a rule whose condition holds
is always nominated (property-tested against `explain`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from engine.core.necessary import Bound, Literal, Need, Value, value_key
from engine.core.subject import Subject

try:
    from ahocorasick_rs import AhoCorasick, Implementation
except ImportError:  # no wheel for musl Linux and Windows ARM64
    AhoCorasick: Any = None  # type: ignore[no-redef]

__all__ = ["Index"]

DFA_NEEDLES = 4_000

Find = Callable[[Subject], Any]


class Index:
    """The rules of one kind of event. Shape: rules are numbers; `nominate` returns them ascending, once each."""

    __slots__ = ("_all", "_always", "_bounds", "_needles", "_values")

    def __init__(self, entries: Sequence[tuple[int, Need]], find: Callable[[str], Find]) -> None:
        literals: dict[str, list[int]] = {}
        values: dict[str, dict[tuple[str, Any], list[int]]] = {}
        bounds: dict[tuple[str, bool], list[tuple[float | int, int]]] = {}
        self._all: tuple[int, ...] = tuple(number for number, _ in entries)
        self._always: tuple[int, ...] = tuple(number for number, need in entries if need is None)
        for number, need in entries:
            for clue in need or ():
                match clue:
                    case Literal(text):
                        literals.setdefault(text, []).append(number)
                    case Value(path, key):
                        values.setdefault(path, {}).setdefault(key, []).append(number)
                    case Bound(path, up, bound):
                        bounds.setdefault((path, up), []).append((bound, number))
        self._needles = _Needles(literals) if literals else None
        self._values = [(find(path), keyed) for path, keyed in values.items()]
        self._bounds = [
            (find(path), up, [bound for bound, _ in sorted(filed)], [number for _, number in sorted(filed)])
            for (path, up), filed in bounds.items()
        ]

    def nominate(self, subject: Subject) -> Iterable[int]:
        """Return the numbers of the rules worth trying, ascending."""
        found: set[int] = set()
        if self._needles is not None:
            haystack = subject.haystack
            if haystack is not None:
                self._needles.collect(haystack, found)
            elif _lists_text(subject.event.body):
                return self._all
        for find, keyed in self._values:
            key = value_key(find(subject))
            if key is not None and key in keyed:
                found.update(keyed[key])
        for find, up, limits, numbers in self._bounds:
            key = value_key(find(subject))
            if key is not None and key[0] == "n":
                found.update(numbers[: bisect_right(limits, key[1])] if up else numbers[bisect_left(limits, key[1]) :])
        if not found:
            return self._always
        found.update(self._always)
        return sorted(found) if len(found) > 1 else found


def _lists_text(body: dict[str, Any]) -> bool:
    """Tell whether `data.text` is a list that is no text: `contains(data.text, 'x')` may find a member of it."""
    data = body.get("data")
    return isinstance(data, dict) and isinstance(data.get("text"), list)


class _Needles:
    """All literals of an index in one automaton, or one by one where the automaton has no wheel."""

    __slots__ = ("_automaton", "_filed", "_texts")

    def __init__(self, literals: dict[str, list[int]]) -> None:
        self._texts = list(literals)
        self._filed = [tuple(literals[text]) for text in self._texts]
        self._automaton: Any = None
        if AhoCorasick is not None:
            # Measured on 160-character texts: with 500 needles the DFA takes 0.85 us and the NFA 1.31, with 2,000
            # 1.12 and 1.54, with 20,000 3.59 and 2.42.
            dense = len(self._texts) <= DFA_NEEDLES
            self._automaton = AhoCorasick(
                self._texts, implementation=Implementation.DFA if dense else Implementation.ContiguousNFA
            )

    def collect(self, text: str, found: set[int]) -> None:
        """Add the rules of every literal in the text."""
        if self._automaton is None:
            for needle, filed in zip(self._texts, self._filed, strict=True):
                if needle in text:
                    found.update(filed)
            return
        for which, _, _ in self._automaton.find_matches_as_indexes(text, overlapping=True):
            found.update(self._filed[which])
