"""ROUGE-1 and ROUGE-L F1: how much a summary shares with a person's, in words and in their order.

As in Lin (2004) with beta 1: lower case, runs of letters and digits, no stemming, no stop words left out.
"""

from __future__ import annotations

import re
from collections import Counter

__all__ = ["rouge_1", "rouge_l"]

_WORD = re.compile(r"[a-z0-9]+")


def rouge_1(candidate: str, reference: str) -> float:
    """Return F1 of the words in common, each counted as often as both have it."""
    mine, theirs = Counter(_words(candidate)), Counter(_words(reference))
    return _f1((mine & theirs).total(), mine.total(), theirs.total())


def rouge_l(candidate: str, reference: str) -> float:
    """Return F1 of the longest common subsequence of words."""
    mine, theirs = _words(candidate), _words(reference)
    row = [0] * (len(theirs) + 1)
    for word in mine:
        corner = 0
        for at, other in enumerate(theirs, 1):
            corner, row[at] = row[at], corner + 1 if word == other else max(row[at], row[at - 1])
    return _f1(row[-1], len(mine), len(theirs))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _f1(common: int, mine: int, theirs: int) -> float:
    return 2 * common / (mine + theirs) if common else 0.0
