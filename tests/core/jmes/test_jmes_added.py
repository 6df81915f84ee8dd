"""The added functions by table, wrong types included."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.jmes.added import ADDED
from engine.core.jmes.compile import compile_expression
from engine.core.jmes.context import Context
from engine.core.text import fold

MONDAY_MS = 1_772_442_240_000  # 2026-03-02 09:04:00 UTC, a Monday
DOCUMENT = {
    "text": "User reads a SLACK  thread about the Deadline, caf\u00e9",
    "split": "cafe\u0301",
    "n": 5,
    "yes": True,
    "list": ["slack", "thread"],
    "mixed": ["slack", 5],
    "empty": "",
    "at": MONDAY_MS,
    "lines": "\n  first  \nsecond",
    "rows": [{"key": "Slack", "seconds": 75, "data": {"x": 1.5}}, {"key": "Editor\nwith a line", "seconds": 8}],
}

CASES: list[tuple[str, Any]] = [
    ("has(text, 'slack thread')", True),
    ("has(text, 'CAFÉ')", True),
    ("has(split, 'café')", True),
    ("has(text, 'x')", False),
    ("has(text, ['x', 'Slack'])", True),
    ('has(text, `["x", "y"]`)', False),
    ("has(text, list)", True),
    ("has(text, list[0])", True),
    ("has(text, nope)", False),
    ("has(text, empty)", False),
    ("has(nope, 'x')", False),
    ("has(text, `[]` || list[:0])", False),
    ("has_all(text, ['slack', 'thread'])", True),
    ("has_all(text, ['slack', 'x'])", False),
    ("has_all(text, 'slack')", True),
    ("has_all(text, list)", True),
    ("has_all(nope, ['x'])", False),
    ("has_exact(text, 'SLACK thread')", True),
    ("has_exact(text, 'Slack')", False),
    ("has_exact(text, ['Slack', 'Deadline'])", True),
    ("has_exact(nope, 'x')", False),
    ("has_exact(text, list)", True),
    ("has_all_exact(text, ['SLACK', 'thread'])", True),
    ("has_all_exact(text, list)", False),
    ("has_word_exact(text, 'Deadline')", True),
    ("has_word_exact(text, 'deadline')", False),
    ("has_word_exact(text, 'Dead*')", True),
    ("matches_exact(text, 'SL.CK')", True),
    ("matches_exact(text, 'sl.ck')", False),
    ("has_word(text, 'deadline')", True),
    ("has_word(text, 'dead')", False),
    ("has_word(text, 'dead*')", True),
    ("has_word(text, ['x', 'slack thread'])", True),
    ("has_word(text, list[1])", True),
    ("has_word(nope, 'x')", False),
    ("matches(text, 'sl.ck')", True),
    ("matches(text, '^thread')", False),
    ("matches(nope, 'x')", False),
    ("matches(text, '\\bcafé\\b')", True),
    ("glob(text, 'user*café')", True),
    ("glob(text, 'slack')", False),
    ("glob(list[0], 'SL?CK')", True),
    ("glob(nope, '*')", False),
    ("lower(list[0])", "slack"),
    ("upper(list[0])", "SLACK"),
    ("lower(nope)", None),
    ("trim('  x ')", "x"),
    ("trim(empty)", ""),
    ("seconds(`90000`)", 90),
    ("seconds(`1500`)", 1.5),
    ("seconds('5m')", 300),
    ("seconds('1h30m')", 5400),
    ("seconds('250ms')", 0.25),
    ("seconds(' 1d 2h ')", 93600),
    ("seconds('1.5s')", 1.5),
    ("seconds(nope)", None),
    ("seconds('2w')", 1209600),
    ("ago(at)", "3m"),
    ("ago(nope)", None),
    ("time(at)", "10:04:00"),
    ("time(at, '%H:%M')", "10:04"),
    (
        "time(at, '%A %a, %d %B %b %Y-%m-%d %H:%M:%S 100%% %q %')",
        "Monday Mon, 02 March Mar 2026-03-02 10:04:00 100% %q %",
    ),
    ("time(nope)", None),
    ("time(`0`, '%Y-%m-%d %a')", "1970-01-01 Thu"),
    ("time(`-86400000`, '%Y-%m-%d %H')", "1969-12-31 01"),
    ("dur(`125000`)", "2m 5s"),
    ("dur(`0`)", "0s"),
    ("dur(`850`)", "850ms"),
    ("dur(`120000`)", "2m"),
    ("dur(`3780000`)", "1h 3m"),
    ("dur(`273600000`)", "3d 4h"),
    ("dur(`-5000`)", "-5s"),
    ("dur(nope)", None),
    ("dur(`3600500`)", "1h"),
    ("dur(`5000.7`)", "5s"),
    ("first_line(lines)", "first"),
    ("first_line(empty)", ""),
    ("first_line(nope)", None),
    ("cut(text, `4`)", "Use…"),
    ("cut(list[0], `5`)", "slack"),
    ("cut(list[0], `0`)", ""),
    ("cut(list[0], `1`)", "…"),
    ("cut(nope, `1`)", None),
    ("cut('ab cd', `4`)", "ab…"),
    ("count_words(text)", 9),
    ("count_words(empty)", 0),
    ("count_words(nope)", None),
    (
        "table(rows, 'key', 'seconds', 'data.x')",
        "key                 seconds    x\nSlack                    75  1.5\nEditor with a line        8",
    ),
    ("table(rows[:0], 'key')", "key"),
    ("table(nope, 'key')", None),
    ("table(mixed, 'key')", "key\n\n"),
]

WRONG: list[tuple[str, Any]] = [
    ("has(n, 'x')", False),
    ("has(list, 'slack')", False),
    ("has(text, n)", False),
    ("has(text, mixed[1:])", False),
    ("has_all(text, mixed)", False),
    ("has_exact(n, 'x')", False),
    ("has_all_exact(text, n)", False),
    ("has_word_exact(yes, 'x')", False),
    ("matches_exact(n, '5')", False),
    ("has_word(yes, 'x')", False),
    ("matches(n, '5')", False),
    ("glob(n, '5')", False),
    ("lower(n)", None),
    ("upper(list)", None),
    ("trim(yes)", None),
    ("seconds('soon')", None),
    ("seconds('')", None),
    ("seconds(yes)", None),
    ("seconds(list)", None),
    ("seconds('5')", None),
    ("seconds(`1e300`)", None),
    ("ago('x')", None),
    ("ago(yes)", None),
    ("time(yes)", None),
    ("time(text)", None),
    ("time(at, n)", None),
    ("time(`1e18`)", None),
    ("dur(text)", None),
    ("dur(`1e300`)", None),
    ("dur(yes)", None),
    ("first_line(n)", None),
    ("cut(n, `1`)", None),
    ("cut(text, 'x')", None),
    ("cut(text, `-1`)", None),
    ("cut(text, nope)", None),
    ("cut(text, to_number('nan'))", None),
    ("count_words(list)", None),
    ("table(n, 'key')", None),
    ("table(rows, n)", None),
    ("ago(to_number('nan'))", None),
    ("seconds(to_number('inf'))", None),
]


def context() -> Context:
    return Context(MONDAY_MS + 3 * 60_000 + 59_999, lambda at_ms: 60)


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_value(text: str, expected: Any) -> None:
    shared = context()
    found = compile_expression(text).search(DOCUMENT, shared)
    assert (found, type(found)) == (expected, type(expected))
    assert shared.coercions == {}


@pytest.mark.parametrize(("text", "expected"), WRONG, ids=[text for text, _ in WRONG])
def test_wrong_type_is_counted(text: str, expected: Any) -> None:
    shared = context()
    assert compile_expression(text).search(DOCUMENT, shared) is expected
    assert shared.coercions == {"type": 1}
    assert shared.sample.startswith(f"type: {text.partition('(')[0]} got ")


def test_every_added_function_has_both() -> None:
    for table in (CASES, WRONG):
        expressions = " ".join(text for text, _ in table)
        assert [name for name in ADDED if f"{name}(" not in expressions] == []


@given(st.text(max_size=30), st.text(min_size=1, max_size=4).filter(lambda needle: fold(needle).strip() != ""))
def test_has_is_a_substring_of_folded_text(text: str, needle: str) -> None:
    document = {"text": text, "needle": needle}
    written = needle.replace("\\", "\\\\").replace("`", "\\`").replace('"', '\\"')
    late = compile_expression("has(text, needle)").holds(document, Context(0))
    assert late is (fold(needle) in fold(text))
    if written.isprintable():
        literal = f'has(text, `"{written}"`)'
        assert compile_expression(literal).holds(document, Context(0)) is late


def test_a_long_table_says_what_it_left_out() -> None:
    rows = [{"key": f"row {number}"} for number in range(130)]
    lines = compile_expression("table(@, 'key')").search(rows, context()).splitlines()
    assert (len(lines), lines[-1]) == (102, "… and 30 more")


def test_a_cell_is_one_short_line() -> None:
    rows = [{"a": "x" * 500, "b": [1], "c": {"d": 1}, "e": True, "f": 0.1 + 0.2}]
    lines = compile_expression("table(@, 'a', 'b', 'c', 'e', 'f')").search(rows, context()).splitlines()
    assert lines[1].split() == ["x" * 59 + "…", "(1", "items)", "(1", "fields)", "true", "0.3"]


@pytest.mark.parametrize("filler", [1, 5_000])
@pytest.mark.parametrize(
    ("holder", "expected", "kinds"),
    [
        ({"text": "a Slack thread"}, (True, True), {}),
        ({"text": "a slack thread"}, (True, False), {}),
        ({"text": "none"}, (False, False), {}),
        ({"text": ["Slack"]}, (False, True), {"type": 1}),
        ({"text": 5}, (False, False), {"type": 2}),
        ({"text": None}, (False, False), {"type": 1}),
        ({}, (False, False), {"type": 1}),
        (None, (False, False), {"type": 1}),
        ("Slack", (False, False), {"type": 1}),
    ],
)
def test_the_usual_forms(filler: int, holder: Any, expected: tuple[bool, bool], kinds: dict[str, int]) -> None:
    if isinstance(holder, dict) and isinstance(holder.get("text"), str):
        holder = {"text": "x" * filler + " " + holder["text"]}
    shared = context()
    has = compile_expression("has(_.text, 'Slack')")
    contains = compile_expression("contains(_.text, 'Slack')")
    assert (has.holds({"_": holder}, shared), contains.holds({"_": holder}, shared)) == expected
    assert shared.coercions == kinds
    # The same by the general way, which reads the field by a closure of its own.
    assert compile_expression("has(@._.text, 'Slack')").holds({"_": holder}, shared) is expected[0]
    assert compile_expression("contains(@._.text, 'Slack')").holds({"_": holder}, shared) is expected[1]
