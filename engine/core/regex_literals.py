"""What a folded text must contain when a pattern matches it: a set of strings, one of which is always there.

The set only nominates; the pattern decides. Soundness rests on one fact about `fold`: a character that normalising
cannot join to its neighbours folds on its own. So a literal is kept up to its last character that no following
accent can change, and a letter is replaced by the folded forms of everything that matches it (i, dotted and
dotless; s and long s). Tests compare with texts made of just such characters.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import NamedTuple, TypeAlias, assert_never

from engine.core.regex_tree import Alt, Assert, Atom, Group, Node, Rep, Seq
from engine.core.text import fold, is_joiner

__all__ = ["LITERALS_MAX", "required"]

LITERALS_MAX = 32
"""Strings a sequence is multiplied out to; beyond that it is cut in pieces and the best piece taken."""

_CLASS_MAX = 16
"""Characters a class may list to be multiplied out."""


class _Piece(NamedTuple):
    """Folded text. `safe` characters of it are there whatever follows."""

    text: str
    safe: int


_Pieces: TypeAlias = frozenset[_Piece]
_EMPTY: _Pieces = frozenset((_Piece("", 0),))
_BLANK: _Pieces = frozenset((_Piece(" ", 1),))


class _Needs(NamedTuple):
    """`exact`: all that a subtree can match, folded, when that is few; `some`: one of these is in what it matches."""

    exact: _Pieces | None
    some: frozenset[str] | None


_UNKNOWN = _Needs(None, None)


def required(root: Node) -> frozenset[str] | None:
    """Return strings of which at least one is in `fold(text)` for every text that matches, the longest found.

    Shape: never empty, nor is any of them; None when nothing is known.
    """
    return _some(_needs(root))


def _needs(node: Node) -> _Needs:
    match node:
        case Atom():
            return _Needs(_forms(node), None)
        case Assert():
            return _Needs(_EMPTY, None)
        case Seq(parts):
            return _sequence([_needs(part) for part in parts])
        case Alt(parts):
            return _alternatives([_needs(part) for part in parts])
        case Rep(body, least, most):
            return _repeated(_needs(body), least, most)
        case Group(_, body):
            return _needs(body)
    assert_never(node)


def _sequence(parts: list[_Needs]) -> _Needs:
    """Multiply neighbours out; where that is not possible a new piece begins, and the best piece is kept."""
    run, whole, best = _EMPTY, True, None
    for part in parts:
        best = _better(best, part.some)
        longer = _product(run, part.exact) if part.exact is not None else None
        if longer is None:
            best = _better(best, _strings(run))
            whole = False
        run = longer or part.exact or _EMPTY
    return _Needs(run if whole else None, best if whole else _better(best, _strings(run)))


def _alternatives(parts: list[_Needs]) -> _Needs:
    exact: _Pieces | None = frozenset()
    some: frozenset[str] | None = frozenset()
    for part in parts:
        exact = None if exact is None or part.exact is None else exact | part.exact
        strings = _some(part)
        some = None if some is None or strings is None else some | strings
    return _Needs(exact if exact is not None and len(exact) <= LITERALS_MAX else None, some)


def _repeated(body: _Needs, least: int, most: int | None) -> _Needs:
    if most == 0:
        return _Needs(_EMPTY, None)
    if body.exact == _BLANK:  # any run of white space folds to one space
        return _Needs(_BLANK if least else _BLANK | _EMPTY, None)
    if not least:
        return _Needs(body.exact | _EMPTY if body.exact is not None and most == 1 else None, None)
    if least == most:
        return _sequence([body] * min(least, LITERALS_MAX)) if least <= LITERALS_MAX else _Needs(None, _some(body))
    return _Needs(None, _some(body))


def _product(left: _Pieces, right: _Pieces) -> _Pieces | None:
    if len(left) * len(right) > LITERALS_MAX:
        return None
    return frozenset(_Piece(a.text + b.text, len(a.text) + b.safe if b.text else a.safe) for a in left for b in right)


def _strings(pieces: _Pieces) -> frozenset[str] | None:
    """The pieces as strings to look for; None when one of them is in every text."""
    strings = frozenset(" ".join(piece.text[: piece.safe].split()) for piece in pieces)
    return None if "" in strings else strings


def _some(needs: _Needs) -> frozenset[str] | None:
    return _better(needs.some, _strings(needs.exact) if needs.exact is not None else None)


def _better(a: frozenset[str] | None, b: frozenset[str] | None) -> frozenset[str] | None:
    """The set whose shortest string is longer; then the smaller set."""
    if a is None or b is None:
        return a if b is None else b
    return max(a, b, key=lambda strings: (min(map(len, strings)), -len(strings)))


@lru_cache(maxsize=4096)
def _forms(atom: Atom) -> _Pieces | None:
    """The folded forms of everything that this place matches; None when they are many or depend on neighbours."""
    if atom.source == r"[\s]":
        return _BLANK
    listed = _listed(atom.source)
    if listed is None:
        return None
    related = "".join({other: None for char in listed for other in _related(char)})
    # A character that is not in NFC never reaches a pattern.
    chars = [char for char in atom.compiled().findall(related) if unicodedata.is_normalized("NFC", char)]
    pieces = [_piece(char) for char in chars]
    known = frozenset(piece for piece in pieces if piece is not None)
    return known if known and None not in pieces else None


def _listed(source: str) -> str | None:
    """The characters that the source of an atom names, if it names them one by one."""
    if not re.fullmatch(r"\[?(?:\\U.{8}(?:-\\U.{8})?)+\]?", source):
        return None
    chars = ""
    for first, last in re.findall(r"\\U(.{8})(?:-\\U(.{8}))?", source):
        span = range(int(first, 16), int(last or first, 16) + 1)
        if len(span) + len(chars) > _CLASS_MAX:
            return None
        chars += "".join(map(chr, span))
    return chars


def _piece(char: str) -> _Piece | None:
    if char.isspace():
        return _Piece(" ", 1)
    text = fold(char)
    if "\ud800" <= char <= "\udfff" or is_joiner(char) or is_joiner(text[0]) or " " in text:
        return None
    return _Piece(text, _safe(char, text))


def _safe(char: str, text: str) -> int:
    """How much of a character's folded form stays when accents follow it."""
    if char == "\u0130":  # dotted I: an i, and a dot that others may push away
        return 1
    if char.isascii():
        # The accented letter exists for these in lower case only, so NFC leaves the capital one alone and `fold` joins.
        return 0 if text in "hjtwy" else 1
    last = text[-1]
    joinable = last.isascii() or "\u1100" <= last <= "\u11ff" or last in _bases()
    return 0 if joinable or len(text) > 1 or unicodedata.normalize("NFKD", text) != text else 1


_OTHER_CASES = {"i": "iI\u0130\u0131", "k": "kK\u212a", "s": "sS\u017f"}


def _related(char: str) -> str:
    """Whatever `re.IGNORECASE` may take for this character, and more."""
    if char.isascii():
        return _OTHER_CASES.get(char.lower(), char.lower() + char.upper())
    return char + _cased()


@cache
def _cased() -> str:
    """Every character that has another case."""
    chars = map(chr, range(0x20000))
    return "".join(char for char in chars if char.lower() != char or char.upper() != char)


@cache
def _bases() -> frozenset[str]:
    """Every character that NFC or NFKC joins with a following one."""
    pairs = (unicodedata.decomposition(chr(point)).split() for point in range(0xC0, 0x20000))
    return frozenset(chr(int(pair[0], 16)) for pair in pairs if len(pair) == 2 and pair[0][0] != "<")
