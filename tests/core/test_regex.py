"""Regular expressions: what is accepted, what is found, and what it may cost."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.regex import PATTERN_MAX, POSITIONS_MAX, REGEX_TEXT_MAX, Found, PatternError, compile_pattern
from engine.core.regex_groups import program, trace
from engine.core.regex_linear import Automaton
from engine.core.regex_tree import read
from engine.core.text import compose, fold

# What separates Python's IGNORECASE from case folding, and NFC from NFKC, and the edges of words and lines.
LETTERS = list("abiIksßéıİſJjytかｶΣςﬁ각漢0-_. ")
ATOMS = [*LETTERS, "is", "tea", r"\w", r"\d", r"\s", r"\S", r"\W", r"\n", "[ab]", "[^a]", "[a-c]", r"[^\Wa]", "[İk]"]
PLACES = ["^", "$", r"\A", r"\Z", r"\b", r"\B"]
TEXT = (
    "aAbBcCiIİıkK\u212asSſßẞéÉeEjJyYtT01_ -\n\t\u00a0\u2028Σσςﬁ漢ＡｊÅ\u00b4\ufdfa"
    "か\uff9e\uff9f\u3099ｶ각가\u11a8\u1161\u1100\uffc2\u0301\u030c\u0308\u0323\u0331\u0307\u030a\u0345\u20dd\u0338"
)


def _wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    turns = st.sampled_from(["?", "*", "+", "{2}", "{1,3}", "{2,}", "{0,2}", "??", "*?", "+?"])
    scopes = st.sampled_from(["(?:", "(", "(?i:", "(?-i:", "(?m:", "(?s:"])
    return (
        st.lists(inner, min_size=1, max_size=4).map("".join)
        | st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})")
        | st.tuples(scopes, inner).map(lambda pair: f"{pair[0]}{pair[1]})")
        | st.tuples(inner, turns).map(lambda pair: f"(?:{pair[0]}){pair[1]}")
    )


flags = st.sampled_from(["", "", "", "(?m)", "(?s)", "(?a)", "(?x)"])
patterns = st.builds(
    str.__add__, flags, st.recursive(st.sampled_from(ATOMS) | st.sampled_from(PLACES), _wider, max_leaves=8)
)
texts = st.text(alphabet=st.sampled_from(TEXT), max_size=10) | st.text(alphabet="abis \nJ\u030c", max_size=8)


def _accepted(pattern: str, exact: bool) -> bool:
    try:
        read(pattern, exact)
    except PatternError:
        return False
    return True


@settings(max_examples=600, deadline=None)
@given(patterns, st.booleans(), st.lists(texts, min_size=4, max_size=8))
def test_both_engines_answer_as_python_does_and_required_is_there(pattern: str, exact: bool, many: list[str]) -> None:
    if not _accepted(pattern, exact):
        return
    tree = read(pattern, exact)
    judge = re.compile(tree.source, tree.flags)
    automaton = Automaton(tree.root)
    compiled = compile_pattern(pattern, exact)
    for text in many:
        subject = compose(text)
        expected = judge.search(subject)
        assert automaton.holds(subject) == compiled.holds(text) == (expected is not None)
        assert (compiled.search(text) is not None) == (expected is not None)
        span = automaton.span(subject)
        assert (span is not None) == (expected is not None)
        if span is None:
            continue
        assert any(judge.match(subject, span[0], end) for end in range(span[0], len(subject) + 1))
        traced = trace(program(tree.root), subject, automaton.matching(subject), 20_000)
        assert traced is not None
        assert expected is not None
        assert traced.start == expected.start() <= span[0]
        assert span[1] <= expected.end()
        assert compiled.required is None or any(literal in fold(text) for literal in compiled.required)


simple_parts = st.lists(
    st.sampled_from([r"\w+", r"\w*?", ".*", ".+?", " ", "a", "b?", "(?:ab|a)", "[ab]{1,2}", r"\s*", "(?:a|b)+", r"\b"]),
    min_size=1,
    max_size=5,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(simple_parts, min_size=1, max_size=3), st.text(alphabet="ab _\né", max_size=12))
def test_groups_found_in_bounded_time_are_pythons(groups: list[list[str]], text: str) -> None:
    pattern = "".join(f"(?P<g{at}>{''.join(parts)})" for at, parts in enumerate(groups))
    tree = read(pattern, False)
    expected = re.search(tree.source, text, tree.flags)
    traced = trace(program(tree.root), text, Automaton(tree.root).matching(text), 100_000)
    assert (traced is None) == (expected is None)
    if traced and expected:
        assert (traced.start, traced.end) == expected.span()
        assert traced.groups == {name: part for name, part in expected.groupdict().items() if part is not None}


@pytest.mark.parametrize(
    ("pattern", "text", "span"),
    [
        (r"\bécole\b", "à l'école.", (4, 9)),
        (r"\bécole\b", "à l'e\u0301cole.", (4, 9)),
        (r"e\u0301cole", "e\u0301cole", None),
        ("e\u0301cole", "École", (0, 5)),
        ("invoice", "INVOICE 7", (0, 7)),
        (r"^b", "a\nb", None),
        (r"(?m)^b$", "a\nb\nc", (2, 3)),
        (r"a$", "a\n", (0, 1)),
        (r"a\Z", "a\n", None),
        (r"a.b", "a\nb", None),
        (r"(?s)a.b", "a\nb", (0, 3)),
        (r"(?x) a \s b  # words", "a b", (0, 3)),
        ("", "", (0, 0)),
        (r"x{0}y", "xy", (1, 2)),
    ],
)
def test_search_table(pattern: str, text: str, span: tuple[int, int] | None) -> None:
    found = compile_pattern(pattern).search(text)
    assert (found and found[:2]) == span
    assert compile_pattern(pattern).holds(text) == (span is not None)


def test_case_matters_only_when_exact() -> None:
    assert compile_pattern("slack").holds("SLACK")
    assert not compile_pattern("slack", True).holds("SLACK")
    assert compile_pattern("(?i)slack", True).holds("SLACK")


def test_scoped_ascii_means_what_it_says() -> None:
    # `re.search(r"(?a:\W)", "é")` is None in Python 3.11, though `re.match` finds it.
    assert compile_pattern(r"(?a:\W)").holds("é")
    assert not compile_pattern(r"(?a:\w)").holds("é")


def test_named_groups_that_took_part() -> None:
    pattern = compile_pattern(r"(?P<who>\w+) owes (?P<what>\d+)(?: (?P<unit>eur|usd))?")
    assert pattern.search("Ana owes 12, ok") == Found(0, 11, {"who": "Ana", "what": "12"})


def test_named_groups_where_pythons_matcher_might_not_end() -> None:
    text = "status: " + "word " * 200 + "invoice due"
    found = compile_pattern(r"(?P<all>(\w+\s?)*)(?P<last>invoice) .*.*.*e$").search(text)
    assert found == Found(8, len(text), {"all": "word " * 200, "last": "invoice"})


def test_a_match_too_costly_to_trace_is_still_a_true_match() -> None:
    text = "b" * 9_000 + "a" * 9_000 + "!"
    found = compile_pattern(r"(?P<x>b.*)*(?P<y>a.*)*!").search(text)
    assert found == Found(18_000, 18_001, {})


def test_what_lies_beyond_the_limit_is_not_looked_at() -> None:
    pattern = compile_pattern("needle$")
    inside = "é" * (REGEX_TEXT_MAX - 6) + "needle"
    assert pattern.holds(inside)
    assert not pattern.cuts(inside)
    assert pattern.cuts(inside + "x")
    assert not pattern.cuts("e\u0301" * REGEX_TEXT_MAX)
    assert not compile_pattern("x").holds(inside + "x")


@pytest.mark.parametrize(
    ("pattern", "words", "column"),
    [
        ("a(?=b)", "look-around", 2),
        ("a(?!b)", "look-around", 2),
        ("(?<=a)b", "look-around", 1),
        ("a|(?<!a)b", "look-around", 3),
        (r"[\1](a)\1", "backreference", 8),
        (r"(?P<q>a)(?P=q)", "backreference", 9),
        ("(a)?(?(1)b|c)", "conditional", 5),
        ("x(?>a)", "atomic", 2),
        (r"\++[*+]a*+", "possessive", 9),
        ("a{2,3}+", "possessive", 6),
        ("a[bc", "unterminated character set", 2),
        ("a)", "unbalanced", 2),
        ("(a", "unterminated subpattern", 1),
        ("*a", "nothing to repeat", 1),
        ("a(?i)b", "global flags", 2),
        ("x[[a]", "[[ inside", 2),
        ("[a&&b]", "&& inside", 3),
        ("a{99999999999}", "repeat count", 1),
        ("a{257}", "257 places", 1),
        ("(?:ab{9}){29}", "290 places", 1),
        ("(" * 400 + ")" * 400, "nested more than 50", 1),
        ("a" * (PATTERN_MAX + 1), "1001 characters", PATTERN_MAX + 1),
    ],
)
def test_refusals_name_the_construct_and_the_column(pattern: str, words: str, column: int) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern)
    assert words in caught.value.message
    assert caught.value.column == column


@pytest.mark.parametrize(
    "pattern",
    [r"\[[^[\]]+\]", r"[\[a\-\-]", r"\101", "x{}+", "a{,2}", "(?P<n>a)|b", "[]a]", "(?#note)a", "(?x)a # (?=b)"],
)
def test_plain_syntax_is_accepted(pattern: str) -> None:
    assert compile_pattern(pattern).source == pattern


def test_the_largest_pattern_works() -> None:
    assert compile_pattern(f"a{{{POSITIONS_MAX}}}").holds("a" * POSITIONS_MAX)
    assert not compile_pattern(f"a{{{POSITIONS_MAX}}}").holds("a" * (POSITIONS_MAX - 1))


LONG = REGEX_TEXT_MAX
HOSTILE = [
    (r"(a+)+$", "a" * (LONG - 1) + "!", False),
    (r"(a|aa)+$", "a" * (LONG - 1) + "!", False),
    (r"(a|aa)+$", "a" * LONG, True),
    (r"(.*)*x", "a" * LONG, False),
    (r"(\w+\s?)*invoice$", "a" * (LONG - 1) + "!", False),
    (r"(\w+\s?)*invoice$", "word " * 3_000 + "invoice", True),
    (r".*.*.*=", "a" * LONG, False),
    (r"\s*slack\s*$", " " * (LONG - 1) + "x", False),
    (r"(a|b)*a(a|b){12}c", "abbabaab" * 2_500, False),
    (r"a.{200}b", ("a" * 7 + "c" * 6) * 1_500, False),
    (r"(?:" + "a?b?c?d?" * 40 + ")*!", "abcd" * 5_000, False),
    (r"\b(\w+) (\w+) (\w+)!", "a " * 10_000, False),
    (r"(.*)*x", "".join(map(chr, range(0x4E00, 0x4E00 + LONG))), False),
    (".*" * 240, "", True),
    (".*" * 240 + "b", "a" * 5, False),
    ("(?:" + "|" * 900 + "a){64}b", "a" * LONG, False),
    ("(?:" * 49 + "a" + ")*" * 49 + "!", "a" * LONG, False),
    (r"(a?){60}b", "a" * LONG, False),
    (r"(\w|\d|_|[a-z])+@", "_" * LONG, False),
]


@pytest.mark.parametrize(("pattern", "text", "expected"), HOSTILE)
def test_hostile_text_neither_delays_nor_hides_a_match(pattern: str, text: str, expected: bool) -> None:
    compiled = compile_pattern(pattern)
    began = time.process_time()
    assert compiled.holds(text) is expected
    assert (compiled.search(text) is not None) is expected
    assert time.process_time() - began < 0.5


def test_nothing_learnt_from_texts_grows_without_end() -> None:
    automaton = Automaton(read(r"(a|b|.)*a(a|b|é){14}!", False).root)
    for block in range(4):
        letters = "".join(map(chr, range(0x4E00 + block * 3_000, 0x4E00 + (block + 1) * 3_000)))
        bits = "".join("ab"[(at * at // 7) % 2] for at in range(3_000))
        assert not automaton.holds(letters + bits)
        assert len(automaton._states) <= 256
    assert automaton.holds("a" + "éab" * 4 + "ab!")


def test_an_answer_does_not_depend_on_earlier_texts() -> None:
    pattern = compile_pattern(r"(\w+\s?)*(invoice|é+)\n?$")
    texts = ["an invoice\n", "invoices", "ÉÉ", "x\u00e9 ", "", "\n", "invoice\n\n"]
    fresh = [Automaton(read(pattern.source, False).root).holds(text) for text in texts]
    automaton = Automaton(read(pattern.source, False).root)
    assert [automaton.holds(text) for text in texts * 2] == fresh * 2
    assert fresh == [bool(re.search(pattern.source, text, re.IGNORECASE)) for text in texts]
