"""Regular expressions whose cost is bounded whatever the text, with Python's syntax and Python's answers.

Two engines, one meaning (docs/adr/0011-regular-expressions.md). Python's own matcher is used when the tree of the
pattern bounds what it can spend on a text of this length; else an automaton that reads each character once.
Which of them ran never shows in `Pattern.holds`.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import NamedTuple

from engine.core.regex_groups import Program, program, trace
from engine.core.regex_linear import Automaton
from engine.core.regex_literals import required
from engine.core.regex_tree import PATTERN_MAX, POSITIONS_MAX, PatternError, paths, positions, read
from engine.core.text import compose

__all__ = [
    "PATTERN_MAX", "POSITIONS_MAX", "REGEX_TEXT_MAX", "Found", "Pattern", "PatternError", "compile_pattern",
]  # fmt: skip

REGEX_TEXT_MAX = 20_000
"""Characters of a text, in NFC, that are looked at; `Pattern.cuts` tells when there are more."""

_PYTHON_STEPS = 5_000_000
"""What Python's matcher may spend: places to start, times ways to go on, times what one way may test. The slowest of
16,900 random patterns took 3.6 ns a step (docs/adr/0011-regular-expressions.md)."""

_DEGREE_MAX = 20
"""Endless repeats in sequence beyond which the bound is not worked out: the numbers outgrow a float."""

_TRACE_STEPS = 20_000
"""What finding groups without Python's matcher may spend, up to 12 ms."""


class Found(NamedTuple):
    """Where a pattern was found, in the NFC text, and the named groups that took part.

    It is the leftmost match, by Python's preferences; where the linear engine ran and a repeated part can match
    empty text, its end may be another. Only when finding it would take too long (`_TRACE_STEPS`; texts of some
    thousand characters) it is another true match, one that ends first, and `groups` is empty.
    """

    start: int
    end: int
    groups: dict[str, str]


class Pattern:
    """A regular expression. Its answers depend on the text alone.

    `required`: when the pattern is found in a text, at least one of these is a substring of `fold(text)`;
    None when nothing is known.
    """

    def __init__(self, source: str, exact: bool) -> None:
        self.source = source
        self.exact = exact
        self._tree = read(source, exact)
        ways, self._degree = paths(self._tree.root)
        self._factor = ways * (10 + positions(self._tree.root) + len(source))
        self.required = required(self._tree.root)

    def holds(self, text: str) -> bool:
        """Tell whether the pattern is found in the text."""
        subject = compose(text)[:REGEX_TEXT_MAX]
        if self._is_cheap(len(subject)):
            return self._python.search(subject) is not None
        return self._automaton.holds(subject)

    def search(self, text: str) -> Found | None:
        """Return where the pattern is found in the text; None exactly when `holds` is false."""
        subject = compose(text)[:REGEX_TEXT_MAX]
        if self._is_cheap(len(subject)):
            return _found(self._python.search(subject))
        span = self._automaton.span(subject)
        if span is None:
            return None
        traced = trace(self._program, subject, self._automaton.matching(subject), _TRACE_STEPS)
        return Found(*traced) if traced else Found(*span, {})

    def cuts(self, text: str) -> bool:
        """Tell whether the text has characters that are not looked at."""
        return len(text) > REGEX_TEXT_MAX and len(compose(text)) > REGEX_TEXT_MAX

    def _is_cheap(self, length: int) -> bool:
        """Tell whether Python's matcher is sure to end soon on this many characters."""
        if self._tree.scoped or self._degree > _DEGREE_MAX:
            return False
        return self._factor * float(length + 1) ** (self._degree + 1) <= _PYTHON_STEPS

    @cached_property
    def _python(self) -> re.Pattern[str]:
        return re.compile(self._tree.source, self._tree.flags)

    @cached_property
    def _automaton(self) -> Automaton:
        return Automaton(self._tree.root)

    @cached_property
    def _program(self) -> Program:
        return program(self._tree.root)


def _found(match: re.Match[str] | None) -> Found | None:
    if match is None:
        return None
    groups = {name: value for name, value in match.groupdict().items() if value is not None}
    return Found(match.start(), match.end(), groups)


@lru_cache(maxsize=16_384)
def compile_pattern(pattern: str, exact: bool = False) -> Pattern:
    """Return the compiled pattern; letter case matters only if `exact`. Errors: `PatternError`."""
    return Pattern(pattern, exact)
