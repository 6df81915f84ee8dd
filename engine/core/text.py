"""Text made comparable, and searched.

Every function is pure and total, and linear in the text. Two spellings of one text (composed or decomposed,
wide or narrow, upper or lower case, any white space) fold to one string, and folding twice changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from heapq import nsmallest
from itertools import pairwise
from typing import Literal

__all__ = ["compose", "fold", "has_word", "is_joiner", "is_word", "locate", "squeeze"]

MARKS_MAX = 4
"""Combining marks kept after one letter. Real scripts use up to 3; sorting a run of n marks takes n * n steps."""

_LAST_MARK = 0x1F000
"""No combining mark lies at or above it (a test asks the running Python), so most emoji take the fast path."""

_HIDDEN_MARKS = frozenset((0x0F73, 0x0F75, 0x0F81, 0xFF9E, 0xFF9F))
"""Not marks by class, but their decompositions begin with one."""

_STRAY_VOICED = re.compile("(?<![\u3041-\u30ff\uff66-\uff9d])[\uff9e\uff9f]")
_SPACING = {"\uff9e": "\u309b", "\uff9f": "\u309c"}
_SURROGATE = re.compile("[\ud800-\udfff]")


def fold(text: str) -> str:
    """Return the text in NFKC, case folded, each run of white space one space, none at the ends.

    More than 4 marks on a letter are cut, lone surrogates become U+FFFD. `fold(fold(x)) == fold(x)`.
    """
    if text.isascii():
        text = text.lower()
        # Splitting and joining costs 0.9 us for 100 characters; finding that it is not needed costs 0.3.
        if text.isprintable() and "  " not in text and text[:1] != " " and text[-1:] != " ":
            return text
    else:
        text = _folded(text)
    return " ".join(text.split())


def squeeze(text: str) -> str:
    """Return the text as `fold` does, but with its upper and lower case letters (`case: exact`)."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _decomposed(text, "NFKD") if _wild().search(text) else text)
    return " ".join(text.split())


@lru_cache(maxsize=8)
def compose(text: str) -> str:
    """Return the text in NFC, marks cut and surrogates replaced as in `fold`: what a regular expression sees."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _decomposed(text, "NFD") if _wild().search(text) else text)


def is_word(char: str) -> bool:
    r"""Tell whether this is a letter, digit or underscore of any script, as `\w` does; false for empty text."""
    return char == "_" or char.isalnum()


def has_word(folded: str, needle: str) -> bool:
    """Tell whether the folded phrase stands in the folded text with no word character touching either end.

    A `*` at the end of the needle lets word characters follow. An empty phrase is never found.
    """
    return _word_at(folded, needle) is not None


def locate(text: str, needle: str, word: bool, exact: bool) -> tuple[int, int] | None:
    """Return the span of the text as it came whose folded form holds the folded needle, at its first place.

    `exact` says that the needle was squeezed, not folded. A letter that folds to several is taken whole, and so
    is one with its marks. Shape: start < end; None when the needle is not there or empty.
    """
    chars: list[str] = []
    spans: list[tuple[int, int]] = []
    for start, end in _clusters(text):
        for char in _cluster_form(text[start:end], exact):
            if char.isspace():
                if not chars:
                    continue
                if chars[-1] == " ":
                    spans[-1] = (spans[-1][0], end)
                    continue
                char = " "
            chars.append(char)
            spans.append((start, end))
    found = _find("".join(chars).rstrip(" "), needle, word)
    return (spans[found[0]][0], spans[found[1] - 1][1]) if found else None


def is_joiner(char: str) -> bool:
    """Tell whether normalising may join this character with the one before it."""
    first = unicodedata.normalize("NFKD", char)[0]
    return "\u1160" <= first <= "\u11ff" or unicodedata.category(first)[0] == "M"


def _folded(text: str) -> str:
    """NFKC and case folding of text that is not all ASCII, white space untouched."""
    if _wild().search(text):
        return unicodedata.normalize("NFKC", _decomposed(text, "NFKD").casefold())
    # Without marks, folding the composed letters equals folding the decomposed ones (a test asks every letter),
    # and `normalize` returns text that is composed already at a glance.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _decomposed(text: str, form: Literal["NFD", "NFKD"]) -> str:
    """The text in a decomposed form, at most `MARKS_MAX` marks after each letter, no surrogate."""
    # A half-width voiced mark after anything but kana becomes its spacing twin: in NFKC it would be a mark, past
    # which a later accent slips onto a letter that stands alone in NFC.
    text = _STRAY_VOICED.sub(lambda found: _SPACING[found[0]], _SURROGATE.sub("\ufffd", text))
    long_run = _long_run(max(text) <= "\uffff")

    def kept(run: re.Match[str]) -> str:
        marks = "".join(unicodedata.normalize(form, char) for char in run[0])
        return "".join(nsmallest(MARKS_MAX, marks, key=unicodedata.combining))

    text = long_run.sub(kept, text)  # bounds what sorting may cost
    return long_run.sub(kept, unicodedata.normalize(form, text))


@cache
def _marks(first: int, stop: int) -> str:
    """The combining marks of these code points as the inside of a regular-expression class."""
    points = [point for point in range(first, stop) if unicodedata.combining(chr(point)) or point in _HIDDEN_MARKS]
    starts = [p for p, before in zip(points, [-1, *points], strict=False) if p != before + 1]
    ends = [p for p, after in zip(points, [*points[1:], -1], strict=True) if p != after - 1]
    return "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in zip(starts, ends, strict=True))


@cache
def _long_run(narrow: bool) -> re.Pattern[str]:
    """Finds more marks than are kept. `narrow` text has nothing beyond U+FFFF, where a class is 10 times faster."""
    wide = "" if narrow else _marks(0x10000, _LAST_MARK)
    return re.compile(f"[{_marks(0x300, 0x10000)}{wide}]{{{MARKS_MAX + 1},}}")


@cache
def _wild() -> re.Pattern[str]:
    """Finds what needs the careful path: marks, surrogates, and whatever lies where marks beyond U+FFFF do."""
    return re.compile(f"[{_marks(0x300, 0x10000)}\ud800-\udfff\U00010000-{chr(_LAST_MARK - 1)}]")


def _clusters(text: str) -> list[tuple[int, int]]:
    """Spans that normalising treats each on its own: a character with all that may join it."""
    starts = [at for at, char in enumerate(text) if not at or char.isascii() or not is_joiner(char)]
    return list(pairwise([*starts, len(text)]))


@lru_cache(maxsize=4096)
def _cluster_form(cluster: str, exact: bool) -> str:
    if cluster.isascii():
        return cluster if exact else cluster.lower()
    if exact:
        return unicodedata.normalize("NFKC", _decomposed(cluster, "NFKD"))
    return _folded(cluster)


def _find(folded: str, needle: str, word: bool) -> tuple[int, int] | None:
    if word:
        return _word_at(folded, needle)
    at = folded.find(needle) if needle else -1
    return (at, at + len(needle)) if at >= 0 else None


def _word_at(folded: str, needle: str) -> tuple[int, int] | None:
    phrase, open_end = needle.removesuffix("*"), needle.endswith("*")
    if not phrase:
        return None
    at = folded.find(phrase)
    while at >= 0:
        end = at + len(phrase)
        if at == 0 or not is_word(folded[at - 1]):
            if open_end:
                return at, _word_end(folded, end)
            if not is_word(folded[end : end + 1]):
                return at, end
        at = folded.find(phrase, at + 1)
    return None


def _word_end(folded: str, at: int) -> int:
    while is_word(folded[at : at + 1]):
        at += 1
    return at
