"""Templates taken apart, and characters found again in the file."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.rulebook.parse_expression import parse_template
from engine.rulebook.parse_place import inside
from engine.rulebook.yaml_guard import Mapping, Scalar, load


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ("",)),
        ("plain", ("plain",)),
        ("{{ _.text }}", ("", "_.text", "")),
        ("a {{x}} b {{ y }} c", ("a ", "x", " b ", "y", " c")),
        ("{{x}}{{y}}", ("", "x", "", "y", "")),
        ("one { brace } and }} two", ("one { brace } and }} two",)),
        ("{% if x %} ${x} %s", ("{% if x %} ${x} %s",)),
        ("{{ {a: {b: c}} }}", ("", "{a: {b: c}}", "")),
        ("{{ {a: b}}}!", ("", "{a: b}", "!")),
        ("{{ '}}' }}", ("", "'}}'", "")),
        ('{{ "}}" }}', ("", '"}}"', "")),
        ('{{ `{"a": 1}` }}', ("", '`{"a": 1}`', "")),
        (r"{{ 'it\'s }}' }}", ("", r"'it\'s }}'", "")),
        ("{{ '{{' }}", ("", "'{{'", "")),
    ],
)
def test_literals_and_expressions_alternate(text: str, parts: tuple[str, ...]) -> None:
    template = parse_template(text)
    assert template.parts == parts
    assert template.faults == ()
    assert [text[hole.offset :].startswith(hole.expression) for hole in template.holes] == [True] * len(template.holes)


@pytest.mark.parametrize(
    ("text", "offset", "code"),
    [
        ("a {{ b", 2, "template-unclosed"),
        ("{{ 'a }}", 0, "template-unclosed"),
        ("{{ a }} {{", 8, "template-unclosed"),
        ("ab {{   }}", 3, "template-empty"),
        ("{{}}", 0, "template-empty"),
    ],
)
def test_faults_have_a_place(text: str, offset: int, code: str) -> None:
    assert [(fault.offset, fault.code) for fault in parse_template(text).faults] == [(offset, code)]


@given(st.text(alphabet="{}'\"`\\ ab%"))
def test_any_text_is_taken_apart_without_loss(text: str) -> None:
    template = parse_template(text)
    assert len(template.parts) % 2 == 1
    literals = "".join(template.parts[::2])
    assert all(literal in text for literal in template.parts[::2])
    if not template.holes:
        assert literals == text


def scalar_of(text: str) -> tuple[Scalar, tuple[str, ...]]:
    document = load(text, "f.yaml")
    assert isinstance(document.node, Mapping)
    node = document.node.pairs[0].value
    assert isinstance(node, Scalar)
    return node, document.lines


@pytest.mark.parametrize(
    ("text", "wanted", "line", "column"),
    [
        ("a: one two", "two", 1, 8),
        ("a: 'it''s two'", "two", 1, 11),
        ('a: "tab\\t two"', "two", 1, 11),
        ('a: "\\u00e4 \\x41 two"', "two", 1, 17),
        ("a: |\n  one\n  two three", "three", 3, 3),
        ("a: |\n\n  one\n    two", "two", 4, 5),
        ("a: >\n  one\n  two", "two", 1, 4),
        ("a: one\n  two", "two", 1, 4),
        ("a: 'one\n  two'", "two", 1, 4),
        ("a: !!str two", "wo", 1, 4),
    ],
)
def test_a_character_is_found_again(text: str, wanted: str, line: int, column: int) -> None:
    scalar, lines = scalar_of(text)
    at = inside(scalar, scalar.text.index(wanted), lines)
    assert (at.line, at.column) == (line, column)


@given(st.text(alphabet="ab'\"\\ \u00e4\u4e16#:", min_size=1), st.sampled_from(["'", '"']), st.data())
def test_in_one_quoted_line_every_offset_is_exact(text: str, style: str, data: Any) -> None:
    dumped = yaml.dump({"a": text}, default_style=style, allow_unicode=True, width=10_000)
    scalar, lines = scalar_of(dumped)
    offset = data.draw(st.integers(0, len(text) - 1))
    at = inside(scalar, offset, lines)
    written = lines[at.line - 1][at.column - 1 :]
    if text[offset] == "'" and style == "'":
        assert written.startswith("''")
    elif text[offset] in '\\"' and style == '"':
        assert written.startswith("\\" + text[offset])
    else:
        assert written[0] == text[offset]
