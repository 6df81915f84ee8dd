"""Lines of speech and screens as sentences: cut, cleared of fillers, and the words in each that carry meaning.

Pure and total. Made for speech as recognisers write it: without sentence ends, with `um` and `I I I think`. What is
known of a language (fillers, stop words, word ends, marks) is English; other languages keep all their words, and those
written without spaces are read two letters at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

from engine.core.stop_words import STOP_WORDS
from engine.core.text import fold

__all__ = ["MOST_CHARS", "Lines", "Mark", "Sentence", "sentences", "spelled", "thinned"]

Lines: TypeAlias = Sequence[tuple[str, str]]
"""(Local time and stream, text), in order."""

Mark: TypeAlias = Literal["", "Decision", "Action"]

MOST_CHARS = 24_000
"""Of text, in all. An hour of talk has about 50,000; the prompt of a model is held to the same."""

_LONGEST_LINE = 4_000
# Longer than any spoken sentence that reads well; recognisers that write no full stops give lines of thousands.
_LONGEST = 320
_SHORTEST_CUT = 160

_END = re.compile(r"(?<=[.!?…]) |(?<=[.!?…][\"')\]]) |(?<=[。！？])")
_COMMA = re.compile(r"[,;:]\s")
_FILLER = re.compile(r"\b(?:u+h+m*|u+m+|e+r+m+|h+m+|m+h+m+|m{2,})\b[,.…]?\s*(?:-\s+)?", re.IGNORECASE)
_STAMMER = re.compile(r"\b(\w+(?: ?['’]\w+)?(?: \w+){0,2})(?:,? \1\b)+", re.IGNORECASE)
_GAP = re.compile(r" (?=[,.?!])")
# `um` is "around" in German and a noun's article in Portuguese: it is a filler only beside English grammar.
_ENGLISH = re.compile(r"\b(?:the|and|of|that|is|it|you|we)\b", re.IGNORECASE)
_ENGLISH_ONE_IN = 30

_WORD = re.compile(r"[^\W_]+")
# Chinese, Japanese and Thai have no spaces between words.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]+")
_ENDINGS = ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ied", "ers", "er", "ed", "es", "ly", "s")
_LEAST_STEM = 4

_DECISION = re.compile(
    r"\b(?:(?:we|they|group|team|board|committee|everybody|everyone|all)"
    r"(?: have| had| has|'ve|'d)?(?: all| now| already)?"
    r" (?:decided|agreed|settled on|concluded|approved|chose)"
    r"|(?:the |our |my |final |a )decisions? (?:is|was|are|were|has been|to)\b"
    r"|(?:it|that|this)(?:'s| is| was) (?:now |all )?(?:decided|settled|agreed|approved)"
    r"|(?<!if )(?<!whether )(?:we|let)(?:'ll| will|'s|'re going to| are going to| should)?"
    r" (?:go with|stick (?:with|to)|settle (?:on|for)))\b",
    re.IGNORECASE,
)
_DO = (
    "add|arrange|ask|book|bring|build|call|change|check|clean|collect|contact|create|design|do|draft|email|file|find|"
    "finish|fix|follow|get|give|implement|investigate|look|mail|make|measure|meet|move|note|order|organi[sz]e|ping|"
    "plan|post|prepare|present|put|release|remove|report|review|rewrite|run|schedule|send|set|share|ship|sign|sort|"
    "speak|start|submit|summari[sz]e|take|talk|tell|test|try|update|upgrade|upload|work|write"
)
_ACTION = re.compile(
    rf"\b(?:action items?|to-?do(?:s| list)|follow[- ]up|deadline"
    rf"|(?:i|we|you|he|she|they)(?: ?['’]ll| will| need to| needs to| have to| has to| must| should| ought to)"
    rf" (?:also |just |then |all |definitely |probably )?(?:{_DO})"
    rf"|(?:can|could|would|will) you (?:please )?(?:{_DO})|please (?:{_DO})|remember to (?:{_DO}))\b",
    re.IGNORECASE,
)


class Sentence(NamedTuple):
    """One sentence of line number `line`. Shape: `words` are folded stems without stop words, each once, in order.

    `size` counts all words; `mark` is what the sentence seems to be, `asks` that it is a question.
    """

    line: int
    label: str
    text: str
    words: tuple[str, ...]
    size: int
    mark: Mark
    asks: bool


def thinned(lines: Lines) -> list[tuple[int, str, str]]:
    """Return (number, label, text) of at most 24,000 characters: long lines cut, then lines left out evenly."""
    cut = [(number, label, text[:_LONGEST_LINE]) for number, (label, text) in enumerate(lines)]
    total = sum(len(text) for _, _, text in cut)
    if total <= MOST_CHARS:
        return cut
    kept, seen, taken = [], 0, 0
    for entry in cut:
        seen += len(entry[2])
        if taken + len(entry[2]) <= seen * MOST_CHARS // total:
            kept.append(entry)
            taken += len(entry[2])
    return kept


def sentences(lines: Lines) -> list[Sentence]:
    """Return the sentences of the text in order, without those that say nothing."""
    entries = thinned(lines)
    is_english = _is_english(" ".join(text for _, _, text in entries))
    found = []
    for number, label, text in entries:
        found += [Sentence(number, label, *part) for part in _taken_apart(text, is_english)]
    return found


# What is said goes into several digests, of a half hour, a session and a day: the last few hours are taken apart once.
@lru_cache(maxsize=2048)
def _taken_apart(text: str, is_english: bool) -> tuple[tuple[str, tuple[str, ...], int, Mark, bool], ...]:
    parts = []
    for piece in _pieces(text, is_english):
        words, size = _words(piece)
        if words:
            parts.append((piece, words, size, _mark(piece), piece.endswith(("?", "？"))))
    return tuple(parts)


def _is_english(text: str) -> bool:
    return len(_ENGLISH.findall(text)) * _ENGLISH_ONE_IN >= len(text.split())


def _without_fillers(text: str) -> str:
    text = _FILLER.sub("", text)
    return _GAP.sub("", _STAMMER.sub(r"\1", text)).strip(" ,-")


def _pieces(text: str, is_english: bool) -> Iterator[str]:
    for line in text.splitlines():
        # Squeezed first: the patterns below would take time in the square of a long run of blanks.
        clear = " ".join(line.split())
        for part in _END.split(_without_fillers(clear) if is_english else clear):
            yield from _cut(part.strip(" ,;"))


def _cut(piece: str) -> Iterator[str]:
    """Yield what is too long for a sentence in parts that end at a comma, else between words."""
    while len(piece) > _LONGEST:
        commas = [found.end() for found in _COMMA.finditer(piece, _SHORTEST_CUT, _LONGEST)]
        at = commas[-1] if commas else piece.rfind(" ", _SHORTEST_CUT, _LONGEST)
        at = at if at > 0 else _LONGEST
        yield piece[:at].strip(" ,;")
        piece = piece[at:].strip(" ,;")
    if piece:
        yield piece


def _words(text: str) -> tuple[tuple[str, ...], int]:
    return tuple(dict.fromkeys(word for word, _ in spelled(text))), len(_WORD.findall(text))


def spelled(text: str) -> Iterator[tuple[str, str]]:
    """Yield each word that carries meaning: its folded stem, and as it is written."""
    for found in _WORD.finditer(text):
        word = fold(found[0])
        if _UNSPACED.fullmatch(word):
            yield from ((word[at : at + 2],) * 2 for at in range(max(1, len(word) - 1)))
        elif len(word) > 1 and word not in STOP_WORDS:
            yield _stem(word), found[0]


def _stem(word: str) -> str:
    """Return the word without an English ending, so that `decide`, `decides` and `decided` are one."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM and not word.endswith("ss"):
            return word[: -len(ending)]
    return word[:-1] if word.endswith("e") and len(word) > _LEAST_STEM else word


def _mark(text: str) -> Mark:
    if _DECISION.search(text) and not text.endswith("?"):
        return "Decision"
    return "Action" if _ACTION.search(text) else ""
