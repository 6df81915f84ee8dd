"""Folding, words and places in text, for every script and for hostile text."""

from __future__ import annotations

import re
import sys
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core.text import compose, fold, has_word, is_joiner, is_word, locate, squeeze

TRICKY = (
    "aAeiIİıkK\u212asſßẞΣσςǰJ\u030c\u0301\u0308\u0323\u0345\u0338ﬁＡ"
    "か\uff9e\uff9fｶ각\u1100\u1161\u11a8\ufdfa\u00b4 \t\n\u00a0\u2028_0.-😀\ud800"
)
texts = st.text(alphabet=st.sampled_from(TRICKY), max_size=12) | st.text(max_size=12)
EVERY = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("", ""),
        ("  Due\t\n TODAY ", "due today"),
        ("a\x1cb\x00c", "a b\x00c"),
        ("Straße", "strasse"),
        ("ＺＯＯＭ　Ｃａｌｌ", "zoom call"),
        ("caf\u0065\u0301", "café"),
        ("ΟΔΟΣ", "οδοσ"),
        ("\u212aelvin", "kelvin"),
        ("x\u00a0\u2003y", "x y"),
        ("a\ud800b", "a\ufffdb"),
        ("ﾊﾟｿｺﾝ", "パソコン"),
        ("e" + "\u0323" * 9, "ẹ" + "\u0323" * 3),
    ],
)
def test_fold_table(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_squeeze_keeps_case() -> None:
    assert squeeze(" Ｄue \n CAFE\u0301 ") == "Due CAFÉ"
    assert squeeze(" Due  Today") == "Due Today"


@given(texts)
@example("a\x1f b")
@example("ᾳ\u0327")
@example("\u00b4\u0301")
def test_folding_and_squeezing_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert squeeze(squeeze(text)) == squeeze(text)
    assert compose(compose(text)) == compose(text)


@given(texts)
def test_composed_and_decomposed_spellings_fold_alike(text: str) -> None:
    clean = text.replace("\ud800", "")
    assert fold(unicodedata.normalize("NFD", clean)) == fold(unicodedata.normalize("NFC", clean)) == fold(clean)
    assert fold(compose(text)) == fold(text)
    assert compose(unicodedata.normalize("NFD", clean)) == compose(clean)


@given(st.text(alphabet=st.characters(exclude_categories=("Mn", "Mc", "Me", "Cs", "Lm")), max_size=20))
def test_fold_is_nfkc_and_casefold_with_single_spaces(text: str) -> None:
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", text).casefold())
    assert fold(text) == " ".join(plain.split())


def test_every_letter_folds_alike_on_the_fast_path_and_the_careful_one() -> None:
    for char in EVERY:
        if not unicodedata.combining(unicodedata.normalize("NFKD", char)[0]):
            fast = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", char).casefold())
            careful = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", char).casefold())
            assert fast == careful, hex(ord(char))


def test_this_pythons_marks_are_where_folding_looks_for_them() -> None:
    hidden = {0x0F73, 0x0F75, 0x0F81, 0xFF9E, 0xFF9F}
    for char in EVERY:
        forms = unicodedata.normalize("NFKD", char)
        if unicodedata.combining(forms[0]):
            assert ord(char) < 0x1F000
            assert unicodedata.combining(char) or ord(char) in hidden
            assert is_joiner(char)
        assert sum(unicodedata.combining(form) > 0 for form in forms) <= 4


def test_whatever_composes_with_the_character_before_is_a_joiner() -> None:
    for char in EVERY:
        pair = unicodedata.decomposition(char).split()
        if len(pair) == 2 and pair[0][0] != "<":
            assert is_joiner(chr(int(pair[1], 16)))


@pytest.mark.parametrize(
    "text",
    [
        "a" + "\u0301\u0323" * 16_000,
        "か" + "\uff9e" * 32_000,
        "\u0f73" * 32_000,
        ("a" + "\u0301\u0323\u0301\u0323") * 6_400,
        "\ufdfa" * 10_000,
        "\u1100" * 16_000 + "\u1161" * 16_000,
        "\U0001d165\U0001d16e" * 16_000,
    ],
    ids=ascii,
)
def test_hostile_marks_cost_little(text: str) -> None:
    began = time.process_time()
    fold(text)
    squeeze(text)
    compose(text)
    assert time.process_time() - began < 0.5


def test_is_word_is_what_regular_expressions_call_word() -> None:
    word = re.compile(r"\w")
    assert all(is_word(char) == bool(word.match(char)) for char in EVERY)
    assert not is_word("")


@pytest.mark.parametrize(
    ("text", "needle", "found"),
    [
        ("the deadline, at last", "deadline", True),
        ("the deadline's near", "deadline", True),
        ("two deadlines", "deadline", False),
        ("two deadlines", "deadline*", True),
        ("predeadline", "deadline*", False),
        ("deadline", "deadline*", True),
        ("deadlines, then a deadline", "deadline", True),
        ("xécoley école", "école", True),
        ("école2", "école", False),
        ("snake_case", "case", False),
        ("due today.", "due today", True),
        ("undue today", "due today", False),
        ("i like c++, really", "c++", True),
        ("c++11", "c++", False),
        ("c++11", "c++*", True),
        ("on .net now", ".net", True),
        ("asp.net", ".net", False),
        ("aa aa a", "a", True),
        ("anything", "", False),
        ("anything", "*", False),
    ],
)
def test_has_word_table(text: str, needle: str, found: bool) -> None:
    assert has_word(text, needle) is found


@given(texts, texts)
def test_has_word_is_the_phrase_between_edges(text: str, needle: str) -> None:
    folded, phrase = fold(text), fold(needle)
    stem = phrase.removesuffix("*")
    suffix = r"\w*" if phrase.endswith("*") else ""
    expected = bool(stem) and re.search(rf"(?<!\w){re.escape(stem)}{suffix}(?!\w)", folded) is not None
    assert has_word(folded, phrase) == expected


@pytest.mark.parametrize(
    ("text", "needle", "word", "exact", "span"),
    [
        ("Meet  at\nNoon", "at noon", False, False, (6, 13)),
        ("die Straße", "strasse", True, False, (4, 10)),
        ("die Straße", "s", False, False, (4, 5)),
        ("un cafe\u0301 noir", "café", True, False, (3, 8)),
        ("two deadlines, a deadline", "deadline", True, False, (17, 25)),
        ("two Deadlines", "deadline*", True, False, (4, 13)),
        ("Slack slack", "slack", False, True, (6, 11)),
        ("  x", "x", False, False, (2, 3)),
        ("abc", "d", False, False, None),
        ("abc", "", False, False, None),
    ],
)
def test_locate_table(text: str, needle: str, word: bool, exact: bool, span: tuple[int, int] | None) -> None:
    assert locate(text, needle, word, exact) == span


@given(texts, texts, st.booleans(), st.booleans(), st.data())
def test_locate_finds_what_is_there(text: str, other: str, word: bool, exact: bool, data: st.DataObject) -> None:
    form = squeeze if exact else fold
    whole = form(text)
    start = data.draw(st.integers(0, len(whole)))
    needle = data.draw(st.sampled_from([whole[start : start + 3].strip(), form(other)]))
    there = has_word(whole, needle) if word else bool(needle) and needle in whole
    span = locate(text, needle, word, exact)
    assert (span is not None) == there
    if span:
        assert needle.removesuffix("*" if word else "") in form(text[slice(*span)])
