"""Problems as people and programs read them."""

from __future__ import annotations

import json
import unicodedata

import pytest

from engine.model.errors import Problem, Span
from engine.rulebook.report import as_json, as_sarif, as_text, summary

UNKNOWN = Problem(
    Span("rules/slack.yaml", 3, 1, 8),
    "unknown-key",
    'unknown key "contians"; did you mean "contains"?',
    "rename it to contains",
    "error",
    "contians: Slack",
)
SHORT = Problem(
    Span("rules/day.yaml", 4, 12, 2),
    "short-needle",
    'contains: "AI" (2 letters) also matches "main", "said"',
    "use word: AI",
    "warning",
    "contains: [AI]",
)
WHOLE = Problem(Span("rules/empty.yaml"), "empty-file", "there is no rule in this file", "write a rule", "warning")


def test_text() -> None:
    assert (
        as_text([UNKNOWN, SHORT, WHOLE])
        == """\
rules/slack.yaml:3:1  error   unknown key "contians"; did you mean "contains"?
    3 | contians: Slack
      | ^^^^^^^^ rename it to contains
rules/day.yaml:4:12  warning contains: "AI" (2 letters) also matches "main", "said"
    4 | contains: [AI]
      |            ^^ use word: AI
rules/empty.yaml  warning there is no rule in this file
        write a rule
1 error, 2 warnings in 3 files
"""
    )


def test_a_file_without_a_line_and_a_problem_without_a_hint() -> None:
    assert as_text([Problem(Span("x.yaml"), "code", "message")]) == "x.yaml  error   message\n1 error in 1 file\n"


def test_nothing_to_say() -> None:
    assert as_text([]) == ""
    assert summary([]) == "no problems"


@pytest.mark.parametrize(
    ("problems", "text"),
    [
        ([UNKNOWN], "1 error in 1 file"),
        ([SHORT], "1 warning in 1 file"),
        ([UNKNOWN, UNKNOWN, SHORT], "2 errors, 1 warning in 2 files"),
    ],
)
def test_summary(problems: list[Problem], text: str) -> None:
    assert summary(problems) == text


def test_colour_adds_nothing_but_colour() -> None:
    plain, coloured = as_text([UNKNOWN, SHORT, WHOLE]), as_text([UNKNOWN, SHORT, WHOLE], color=True)
    assert "\x1b[31m" in coloured and "\x1b[33m" in coloured
    for code in ("\x1b[31m", "\x1b[33m", "\x1b[2m", "\x1b[1m", "\x1b[0m"):
        coloured = coloured.replace(code, "")
    assert coloured == plain


def lines_of(line: str, column: int, width: int) -> tuple[str, str]:
    problem = Problem(Span("x.yaml", 1, column, width), "code", "message", "", "error", line)
    _, source, carets, _, _ = as_text([problem]).split("\n")
    return source[8:], carets[8:]


@pytest.mark.parametrize(
    ("line", "column", "width", "carets"),
    [
        ("ab: cd", 5, 2, "    ^^"),
        ("\tab: cd", 6, 2, "\t    ^^"),
        ("a\tb: cd", 6, 2, " \t   ^^"),
        ("世界: ab", 5, 2, "      ^^"),
        ("a: 世界x", 4, 2, "   ^^^^"),
        ("e\u0301: ab", 5, 2, "   ^^"),
        ("a: ab", 9, 3, "     ^"),
        ("a: ab", 4, 99, "   ^^"),
        ("a: ab", 0, 0, "^"),
    ],
)
def test_the_caret_stays_under_its_place(line: str, column: int, width: int, carets: str) -> None:
    assert lines_of(line, column, width) == (line, carets)


def test_a_long_line_is_cut_around_the_caret() -> None:
    line = "x" * 5_000 + "HERE" + "y" * 5_000
    source, carets = lines_of(line, 5_001, 4)
    assert len(source) < 200 and source[0] == source[-1] == "…"
    assert source[carets.index("^") : carets.rindex("^") + 1] == "HERE"


def test_control_characters_do_not_reach_the_terminal() -> None:
    nasty = "a\x1b]0;title\x07\x9b31m\u202eb\ud800"
    problem = Problem(Span(f"{nasty}.yaml", 1, 1, 3), "code", nasty, nasty, "error", nasty)
    shown = as_text([problem])
    assert not {char for char in shown if unicodedata.category(char) in ("Cc", "Cs")} - {"\n"}
    assert "\u202e" not in shown
    shown.encode("utf-8")


def test_json() -> None:
    found = json.loads(as_json([UNKNOWN, WHOLE]))
    assert found["version"] == 1
    assert found["summary"] == {"errors": 1, "warnings": 1}
    assert found["problems"][0] == {
        "file": "rules/slack.yaml",
        "line": 3,
        "column": 1,
        "width": 8,
        "severity": "error",
        "code": "unknown-key",
        "message": 'unknown key "contians"; did you mean "contains"?',
        "hint": "rename it to contains",
    }
    assert json.loads(as_json([])) == {"version": 1, "problems": [], "summary": {"errors": 0, "warnings": 0}}


def test_sarif() -> None:
    log = json.loads(as_sarif([SHORT, UNKNOWN, WHOLE, UNKNOWN]))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["empty-file", "short-needle", "unknown-key"]
    assert [(each["ruleId"], each["ruleIndex"], each["level"]) for each in run["results"]] == [
        ("short-needle", 1, "warning"),
        ("unknown-key", 2, "error"),
        ("empty-file", 0, "warning"),
        ("unknown-key", 2, "error"),
    ]
    assert run["results"][1]["message"]["text"] == (
        'unknown key "contians"; did you mean "contains"? (rename it to contains)'
    )
    assert run["results"][1]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "rules/slack.yaml"},
                "region": {"startLine": 3, "startColumn": 1, "endColumn": 9},
            }
        }
    ]
    assert "region" not in run["results"][2]["locations"][0]["physicalLocation"]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("rules/a b#ä.yaml", "rules/a%20b%23%C3%A4.yaml"),
        ("/home/me/rules/a.yaml", "file:///home/me/rules/a.yaml"),
        ("C:\\rules\\a b.yaml", "file:///C:/rules/a%20b.yaml"),
        ("rules\\a.yaml", "rules/a.yaml"),
    ],
)
def test_sarif_names_files_as_uris(path: str, uri: str) -> None:
    log = json.loads(as_sarif([Problem(Span(path, 1, 1), "code", "message")]))
    location = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == uri
