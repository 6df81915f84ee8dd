"""A summary without a model: the sentences of a text that say most of what it says.

A sentence is worth the words it adds that nothing chosen before has said (weighted by how many sentences share them),
and how close it stands to the whole (cosine of tf-idf). The best is taken, again and again, until the length is used
up; then time orders them. `bench/summaries.py` measures it against people's summaries.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from heapq import heapify, heappop, heapreplace
from itertools import pairwise
from typing import NamedTuple

from engine.core.sentences import Lines, Mark, Sentence, sentences, spelled

__all__ = ["Chosen", "choose", "extract", "terms"]

# Found on 23 spans of four recordings; values twice and half as large change the mean by less than a point of F1.
_CLOSENESS = 1.0
_REPEATED = 0.5
_QUESTION = 0.5
_MARKED = 1.25
_FULL_SIZE = 6
# What would only fill the space that is left: less than this share of the best.
_LEAST_SHARE = 0.15
# Of its words, so many in one that is chosen already: the same thing said, or shown, again.
_ALIKE = 0.75

_ELLIPSIS = "…"
_LEAST_CUT = 20


class Chosen(NamedTuple):
    """A sentence of the summary. `label` is that of its line; `mark` says whether it decides or asks for something."""

    label: str
    text: str
    mark: Mark = ""

    def shown(self) -> str:
        """Return the sentence as a reader gets it."""
        return f"{self.mark}: {self.text}" if self.mark else self.text


def extract(lines: Lines, max_chars: int) -> tuple[str, ...]:
    """Return the sentences that say most of the text, in order of time; decisions and tasks begin with their mark.

    The same for the same text, always. Shape: at most `max_chars` characters, a line break between two counted in.
    """
    return tuple(one.shown() for one in choose(lines, max_chars))


def choose(lines: Lines, max_chars: int) -> tuple[Chosen, ...]:
    """Return what `extract` returns, with the label of each sentence's line apart from its text."""
    found = list({one.words: one for one in reversed(sentences(lines))}.values())[::-1]
    picked = _greedy(found, _weights(found), _closeness(found), max_chars)
    if not picked and found:
        return _cut(max(found, key=lambda one: len(one.words)), max_chars)
    return tuple(_chosen(found[number]) for number in sorted(picked))


def terms(lines: Lines, most: int) -> tuple[str, ...]:
    """Return the words that most sentences share, the most frequent first, each as it is written most often.

    Two words that mostly stand together, such as `remote control`, are one.
    """
    told = [list(spelled(one.text)) for one in sentences(lines)]
    single = Counter(name for words in told for name in dict.fromkeys((stem,) for stem, _ in words))
    pairs = Counter(pair for words in told for pair in dict.fromkeys(pairwise(_stems(words))))
    counts: dict[tuple[str, ...], int] = {
        (first, second): count
        for (first, second), count in pairs.items()
        if first != second and count > 1 and 2 * count >= max(single[first,], single[second,])
    }
    parts = {stem for pair in counts for stem in pair}
    counts |= {name: count for name, count in single.items() if name[0] not in parts}
    names = sorted(counts, key=lambda name: -counts[name])[: max(most, 0)]
    written = _written(names, told)
    return tuple(max(written[name], key=written[name].__getitem__) for name in names)


def _stems(words: list[tuple[str, str]]) -> list[str]:
    return [stem for stem, _ in words]


def _written(names: list[tuple[str, ...]], told: list[list[tuple[str, str]]]) -> dict[tuple[str, ...], Counter[str]]:
    """Return how often each of these stems, or two one after the other, is written how."""
    found = {name: Counter[str]() for name in names}
    for words in told:
        for some in (*zip(words, strict=True), *pairwise(words)):
            name = tuple(stem for stem, _ in some)
            if name in found:
                found[name][" ".join(spelling for _, spelling in some)] += 1
    return found


def _chosen(one: Sentence) -> Chosen:
    return Chosen(one.label, one.text, one.mark)


def _cut(one: Sentence, max_chars: int) -> tuple[Chosen, ...]:
    """Return the beginning of a sentence when not even the shortest fits."""
    if max_chars < _LEAST_CUT:
        return ()
    return (Chosen(one.label, one.text[: max_chars - 1].rstrip() + _ELLIPSIS),)


def _weights(found: list[Sentence]) -> dict[str, float]:
    shared = Counter(word for one in found for word in one.words)
    most = math.log1p(max(shared.values(), default=1))
    return {word: math.log1p(count) / most for word, count in shared.items()}


def _closeness(found: list[Sentence]) -> list[float]:
    """Return the sum of each sentence's cosines with all others, the largest of which is 1."""
    shared = Counter(word for one in found for word in one.words)
    rare = {word: math.log1p(len(found) / count) for word, count in shared.items()}
    vectors = []
    total: dict[str, float] = dict.fromkeys(shared, 0.0)
    for one in found:
        length = math.sqrt(sum(rare[word] ** 2 for word in one.words))
        vector = {word: rare[word] / length for word in one.words}
        for word, part in vector.items():
            total[word] += part
        vectors.append(vector)
    sums = [sum(part * (total[word] - part) for word, part in vector.items()) for vector in vectors]
    largest = max(sums, default=0.0) or 1.0
    return [one / largest for one in sums]


def _greedy(found: list[Sentence], weights: dict[str, float], closeness: list[float], max_chars: int) -> list[int]:
    """Return the numbers of the sentences taken. A sentence's worth only falls, so only the first is worked out anew.

    Shape: `queue` holds (minus worth, number, how many were taken when it was worked out).
    """
    said: Counter[str] = Counter()
    picked: list[int] = []

    def worth(number: int) -> float:
        one = found[number]
        added = sum(weights[word] * _REPEATED ** said[word] for word in one.words)
        size = min(1.0, one.size / _FULL_SIZE)
        favour = (_QUESTION if one.asks else 1.0) * (_MARKED if one.mark else 1.0) * size
        return (added + _CLOSENESS * closeness[number]) * favour

    queue = [(-worth(number), number, 0) for number in range(len(found))]
    heapify(queue)
    least = -queue[0][0] * _LEAST_SHARE if queue else 0.0
    left = max_chars
    while queue:
        minus, number, when = queue[0]
        size = len(_chosen(found[number]).shown()) + (1 if picked else 0)
        if -minus < least or size > left:
            heappop(queue)
        elif when < len(picked):
            heapreplace(queue, (-worth(number), number, len(picked)))
        elif _is_told(found[number], (found[other] for other in picked)):
            heappop(queue)
        else:
            heappop(queue)
            picked.append(number)
            said.update(found[number].words)
            left -= size
    return picked


def _is_told(one: Sentence, picked: Iterable[Sentence]) -> bool:
    words = set(one.words)
    return any(len(words.intersection(other.words)) >= _ALIKE * len(words) for other in picked)
