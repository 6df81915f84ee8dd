"""What a folded text must contain: sound for every letter, and long enough to be of use."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest

from engine.core.regex import compile_pattern
from engine.core.text import fold

EVERY = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000]


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        ("slack", {"slack"}),
        (r"\bécole\b", {"école"}),
        ("(error|overdue)", {"error", "overdue"}),
        (r"due\s+now", {"due no"}),
        (r"due\s*now", {"due no", "dueno"}),
        (r" due  now\. ", {"due now."}),
        ("colou?r", {"color", "colour"}),
        ("[gb]et.*longer", {"longer"}),
        ("straße", {"strasse"}),
        ("請求書", {"請求書"}),
        ("ＡＢ", {"a"}),
        ("AI", {"ai", "aı"}),
        ("(?-i:AI)", {"ai"}),
        ("(?P<a>red)|(?i:blue)", {"red", "blue"}),
        ("(?:foo){2}", {"foofoo"}),
        ("(?:foo)+", {"foo"}),
        ("x|.", None),
        (r"\d+", None),
        ("a*", None),
        ("", None),
        (r"\s", None),
        ("t", None),
        (r"^\b$", None),
    ],
)
def test_required_table(pattern: str, literals: set[str] | None) -> None:
    required = compile_pattern(pattern).required
    assert required == (None if literals is None else frozenset(literals))


def test_required_is_of_the_pattern_not_of_its_case() -> None:
    assert compile_pattern("Deadline", True).required == frozenset({"deadline"})


def test_many_alternatives_are_cut_into_pieces() -> None:
    required = compile_pattern("[abc][abc][abc][abc] and").required
    assert required is not None
    assert min(map(len, required)) >= 3
    assert len(required) <= 32


def test_every_ascii_character_is_found_whatever_matches_it() -> None:
    for point in range(0x21, 0x7F):
        pattern = compile_pattern(re.escape(chr(point)) + "q")
        everything = re.findall(re.escape(chr(point)), "".join(EVERY), re.IGNORECASE)
        for char in everything:
            assert pattern.required is None or any(literal in fold(char + "q") for literal in pattern.required)


def test_a_literal_survives_every_accent_after_it() -> None:
    marks = [char for char in EVERY if unicodedata.category(unicodedata.normalize("NFKD", char)[0])[0] == "M"]
    for literal in [chr(point) for point in range(0x21, 0x7F)] + list("éßıİſσΣжиかん漢각ﬁ"):
        pattern = compile_pattern("x" + re.escape(literal))
        assert pattern.required
        text = "".join(f"x{literal.upper()}{mark} x{literal}{mark} " for mark in marks)
        for word in text.split():
            if pattern.holds(word):
                assert any(piece in fold(word) for piece in pattern.required), ascii((literal, word))
