"""Every trap with its column, severity and edit."""

from __future__ import annotations

import pytest

from engine.core.jmes.compile import compile_expression
from engine.core.jmes.context import Context
from engine.core.jmes.faults import FilterError
from engine.core.jmes.lint import lint_expression
from engine.core.jmes.nearest import nearest

CLEAN = [
    "has(_.text, 'Slack')",
    "_.kind == 'visual_index' && has(_.text, ['Slack', 'Teams'])",
    "contains(['a', 'b'], _.kind)",
    "contains(tags, 'x')",
    "!(data.nope) && !data",
    "!has(_.text, 'x')",
    "not_null(confidence, data.confidence) >= `0.8`",
    "data.is_final == `true`",
    "\"content-type\" == 'x'",
    '@."content-type" == data.kind',
    'length("odd-name") > `3`',
    "data.true == `true`",
    '"null" == `null`',
    "!data == `true`",
    "'it\\'s' == data.text || data.text == `\"text\"`",
    "rows[?kind == 'x'] | contains(@, `1`)",
    "data.text == '\u201ccurly\u201d'",
]

# expression, then (column, code, severity, a part of message and hint) of each finding
FOUND: list[tuple[str, list[tuple[int, str, str, str]]]] = [
    ('data.text == "Slack"', [(14, "quoted-operand", "error", '"Slack" reads as a field. Write \'Slack\'.')]),
    ('"Slack" != data.text', [(1, "quoted-operand", "error", "Write 'Slack'.")]),
    ('has(_.text, "it\'s")', [(13, "quoted-operand", "error", "Write 'it\\'s'.")]),
    (
        "data.is_final == true",
        [(18, "bare-constant", "warning", "`data.is_final == true` compares with a field called true. "
          "Write data.is_final == `true`.")],
    ),
    ("null != data.x", [(1, "bare-constant", "warning", "Write `null` != data.x.")]),
    ("!false", [(2, "bare-constant", "warning", "Write `false`.")]),
    ("!data.nope == `1`", [(1, "not-scope", "warning", "this reads as (!data).nope. Write !(data.nope).")]),
    ("!status == 'active'", [(1, "not-scope", "warning", "(!status) == 'active'. Write !(status == 'active').")]),
    ("a == `1` && !b.* == `null`", [(13, "not-scope", "warning", "Write !(b.…).")]),
    ("foo(x)", [(1, "unknown-function", "error", "there is no function foo().")]),
    ("contians(tags, 'x')", [(1, "unknown-function", "error", "Did you mean contains()?")]),
    ("a == `1` || has_wrod(_.text, 'x')", [(13, "unknown-function", "error", "Did you mean has_word()?")]),
    ("len(a) > `1`", [(1, "unknown-function", "error", "Did you mean length()?")]),
    ("contains(a)", [(1, "arity", "error", "contains() takes 2 arguments, not 1. Write contains(list or")]),
    ("abs(a, b) > `1`", [(1, "arity", "error", "takes 1 argument, not 2. Write abs(number).")]),
    ("time() == 'x'", [(1, "arity", "error", "takes 1 to 2 arguments, not 0.")]),
    ("merge() == a", [(1, "arity", "error", "takes 1 or more arguments, not 0.")]),
    ("sort_by(a, b) == c", [(12, "expref", "error", "Put & before it")]),
    ("&a == b", [(1, "expref", "error", "sort_by")]),
    ("length(&a) == b", [(8, "expref", "error", "sort_by")]),
    ("has(tags 'x')", [(10, "missing-comma", "error", "a comma or an operator is missing before this.")]),
    ("{a: b c: d} == a", [(7, "missing-comma", "error", "a comma")]),
    ("'a' == 'b'", [(1, "literal-compare", "warning", "both sides are constants")]),
    ("data.kind == `{bad`", [(14, "literal-text", "warning", "not JSON, so it is read as text. Write '{bad'.")]),
    ("data.kind == `Slack`", [(14, "literal-text", "warning", "Write 'Slack'.")]),
    ("data.error", [(1, "not-boolean", "warning", "data.error == 'text'")]),
    ("length(tags)", [(1, "not-boolean", "warning", "0 holds too")]),
    ("contains(data.text, 'x')", [(1, "contains-text", "warning", "Write has(data.text, 'x'), or has_exact")]),
    ("contains(window_title, 'x')", [(1, "contains-text", "warning", "Write has(window_title, 'x')")]),
    ("", [(1, "empty", "error", "the expression is empty")]),
    ("  \n", [(1, "empty", "error", "the expression is empty")]),
    ("has(_.text, '')", [(13, "needle", "error", "empty text is found everywhere")]),
    ("has_word(_.text, ['x', ' * '])", [(19, "needle", "error", "empty text")]),
    ("has(_.text, `5`)", [(13, "needle", "error", "has() looks for text.")]),
    ("has_word_exact(_.text, '*')", [(24, "needle", "error", "empty text")]),
    ("matches_exact(a, \"b\")", [(18, "pattern", "error", "written here"), (18, "quoted-operand", "error", "'b'")]),
    ("has(_.text, `[]`)", [(13, "needle", "error", "has() looks for text.")]),
    ("matches(_.text, data.x)", [(17, "pattern", "error", "must be a text written here")]),
    ("glob(_.text, data.x)", [(14, "pattern", "error", "must be a text written here")]),
    ("a = 'b'", [(3, "syntax", "error", "one = is not a comparison. Write ==.")]),
    ("a == \u2018b\u2019", [(6, "syntax", "error", "straight quotes")]),
    ("a == 5", [(6, "syntax", "error", "Write `5` in backticks.")]),
    ("a == 'b", [(6, "syntax", "error", "this ' is never closed.")]),
    ("a and b", [(3, "syntax", "error", "`and` is not a word of jmespath. Write &&.")]),
    ("not a", [(5, "syntax", "error", "`not` is not a word of jmespath. Write !.")]),
    ("a == ", [(6, "syntax", "error", "stops in the middle")]),
    ("(a || b", [(8, "syntax", "error", "stops in the middle")]),
    ("a.b c", [(5, "syntax", "error", "`c` cannot stand here.")]),
    ("$.a", [(1, "syntax", "error", "`$` is not a sign of jmespath.")]),
    ("a # b", [(3, "syntax", "error", "`#` is not a sign of jmespath.")]),
    ('"has"(a)', [(1, "syntax", "error", "no quotes")]),
    ('a == "\\q"', [(6, "syntax", "error", "not JSON")]),
    (
        "lenght(a) == `1` && data.kind == \"x\" && !a.b",
        [
            (1, "unknown-function", "error", "length()"),
            (34, "quoted-operand", "error", "'x'"),
            (41, "not-scope", "warning", "!(a.b)"),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize("text", CLEAN)
def test_clean(text: str) -> None:
    assert lint_expression(text) == ()


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize(("text", "expected"), FOUND, ids=[text for text, _ in FOUND])
def test_found(text: str, expected: list[tuple[int, str, str, str]]) -> None:
    findings = lint_expression(text)
    assert [each[:3] for each in findings] == [each[:3] for each in expected]
    for finding, (*_, part) in zip(findings, expected, strict=True):
        assert part in f"{finding.message} {finding.hint}"
        assert finding.hint


def test_a_bad_pattern_is_found_where_it_is() -> None:
    (finding,) = lint_expression("a == 'b' && matches(_.text, 'ok(')")
    assert (finding.code, finding.severity) == ("pattern", "error")
    assert 29 <= finding.column <= 34


def test_a_template_may_be_any_value() -> None:
    assert lint_expression("data.error || 'no reason'", condition=False) == ()
    assert lint_expression("data.error || nope(a)", condition=False)[0].code == "unknown-function"


def test_compile_raises_the_first_error() -> None:
    with pytest.raises(FilterError) as raised:
        compile_expression("foo(x) && contains(a)")
    assert raised.value.finding == lint_expression("foo(x) && contains(a)")[0]
    assert str(raised.value).startswith("column 1: there is no function foo().")


def test_compile_accepts_what_only_lint_forbids() -> None:
    assert compile_expression('text == "slack"').holds({"text": "x", "slack": "x"}, Context(0))


@pytest.mark.parametrize(
    ("word", "name"), [("lenght", "length"), ("Has", "has"), ("hsa", "has"), ("zzzzzz", None), ("sortby", "sort_by")]
)
def test_nearest(word: str, name: str | None) -> None:
    assert nearest(word, ("has", "has_all", "length", "sort_by")) == name
