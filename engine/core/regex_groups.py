"""Which part of a text a pattern's named groups take, in bounded time, by the preferences Python has.

A backtracking matcher that never tries one instruction at one place twice: with the counted repeats written out and
no backreference, what failed once fails again. Steps are counted, so the cost has a limit that no text moves.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias, assert_never

from engine.core.regex_tree import Alt, Assert, Atom, Group, Node, Rep, Seq

__all__ = ["Program", "Trace", "program", "trace"]


class Take(NamedTuple):
    """Take one character that this place matches. Shape: `place` is a single bit."""

    place: int


class Split(NamedTuple):
    """Go on at `first`; if that fails, at `second`."""

    first: int
    second: int


class Jump(NamedTuple):
    """Go on at `to`."""

    to: int


class Mark(NamedTuple):
    """Note the position as the start (`end` false) or end of a group."""

    name: str
    end: bool


class Done(NamedTuple):
    """The pattern has matched."""


Instruction: TypeAlias = Take | Split | Jump | Mark | Assert | Done
Program: TypeAlias = tuple[Instruction, ...]


class Trace(NamedTuple):
    """The leftmost match by Python's preferences, with the named groups that took part."""

    start: int
    end: int
    groups: dict[str, str]


def program(root: Node) -> Program:
    """Return the instructions for a tree. Shape: places are numbered as in the automaton."""
    writer = _Writer()
    writer.node(root)
    return (*writer.code, Done())


def trace(code: Program, text: str, matching: list[int], steps: int) -> Trace | None:
    """Return the leftmost match, or None: there is none, or finding it takes more than this many steps.

    `matching` holds for each character of the text the set of places that match it.
    """
    attempt = _Attempt(code, text, matching, steps)
    for start in range(len(text) + 1):
        end = attempt.end_from(start)
        if end is not None:
            return Trace(start, end, attempt.groups())
        if attempt.steps <= 0:
            return None
    return None


class _Attempt:
    """One search. `tried` are the (instruction, place) pairs that are known to lead nowhere."""

    def __init__(self, code: Program, text: str, matching: list[int], steps: int) -> None:
        self.code = code
        self.text = text
        self.matching = matching
        self.steps = steps
        self.tried: set[tuple[int, int]] = set()
        self.marks: dict[Mark, int] = {}

    def groups(self) -> dict[str, str]:
        ends = [(mark.name, at) for mark, at in self.marks.items() if mark.end]
        return {name: self.text[self.marks[Mark(name, False)] : at] for name, at in ends}

    def end_from(self, start: int) -> int | None:
        """The end of the preferred match from this start."""
        # What is left to try: an instruction at a place, and the marks as they were on the way there.
        choices: list[tuple[int, int, dict[Mark, int]]] = [(0, start, {})]
        while choices:
            at, place, self.marks = choices.pop()
            while at >= 0:
                self.steps -= 1
                if self.steps <= 0:
                    return None
                instruction = self.code[at]
                if isinstance(instruction, Done):
                    return place
                if isinstance(instruction, Split):
                    if (at, place) in self.tried:
                        break
                    self.tried.add((at, place))
                    choices.append((instruction.second, place, self.marks))
                    at = instruction.first
                elif isinstance(instruction, Jump):
                    at = instruction.to
                elif isinstance(instruction, Mark):
                    self.marks = self.marks | {instruction: place}
                    at += 1
                elif isinstance(instruction, Assert):
                    at = at + 1 if instruction.holds(self.text, place) else -1
                else:
                    at = at + 1 if place < len(self.matching) and self.matching[place] & instruction.place else -1
                    place += 1
        return None


class _Writer:
    """Writes the instructions of a tree one after the other."""

    def __init__(self) -> None:
        self.code: list[Instruction] = []
        self.places = 0

    def node(self, node: Node) -> None:
        match node:
            case Atom():
                self.code.append(Take(1 << self.places))
                self.places += 1
            case Assert():
                self.code.append(node)
            case Seq(parts):
                for part in parts:
                    self.node(part)
            case Alt(parts):
                self.alternatives(parts)
            case Rep():
                self.repeat(node)
            case Group(name, body):
                self.code.append(Mark(name, False))
                self.node(body)
                self.code.append(Mark(name, True))
            case _:
                assert_never(node)

    def alternatives(self, parts: tuple[Node, ...]) -> None:
        leave: list[int] = []
        for part in parts[:-1]:
            split = self.reserve()
            self.node(part)
            leave.append(self.reserve())
            self.code[split] = Split(split + 1, len(self.code))
        self.node(parts[-1])
        for at in leave:
            self.code[at] = Jump(len(self.code))

    def repeat(self, node: Rep) -> None:
        for _ in range(node.least):
            begin = len(self.code)
            self.node(node.body)
        splits: list[int] = []
        if node.most is None:
            if not node.least:
                splits.append(self.reserve())
                begin = len(self.code)
                self.node(node.body)
            # The loop closes after the body: an empty turn then leaves with its groups set, as in Python.
            at = self.reserve()
            self.code[at] = self.choice(begin, at + 1, node.greedy)
        else:
            for _ in range(node.most - node.least):
                splits.append(self.reserve())
                self.node(node.body)
        for at in splits:
            self.code[at] = self.choice(at + 1, len(self.code), node.greedy)

    def choice(self, again: int, leave: int, greedy: bool) -> Split:
        return Split(again, leave) if greedy else Split(leave, again)

    def reserve(self) -> int:
        self.code.append(Done())
        return len(self.code) - 1
