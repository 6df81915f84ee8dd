"""Files of tests: told from rule files, and every test matched with its rule."""

from __future__ import annotations

import pytest

from engine.model.errors import Problem
from engine.model.rule import Rule
from engine.rulebook.parse import parse_rules
from engine.rulebook.parse_test_file import TestFile, named_rule, read_test_file

TestFile.__test__ = False  # type: ignore[attr-defined]

TESTS = "tests:\n  - {given: [{at: 0s, screen: x}], expect: 1}\n"


def _read(text: str) -> TestFile:
    found = read_test_file("t/x.yaml", text.encode())
    assert found is not None
    return found


def _rules(*names: str) -> tuple[Rule, ...]:
    text = "rules:\n" + "".join(f"  - {{name: {name}, when: screen}}\n" for name in names)
    return parse_rules([("r.yaml", text.encode())], None).rulebook.rules


@pytest.mark.parametrize(
    "text",
    [
        f"when: screen\n{TESTS}",
        f"rules:\n  - {{name: a, when: screen}}\n{TESTS}",
        f"when: screen\nrule: a\n{TESTS}",
        "- a\n",
        "",
        "rules: []\ntests: []\n",
        "a: [",
    ],
)
def test_a_file_that_holds_rules_is_none_of_tests(text: str) -> None:
    assert read_test_file("x.yaml", text.encode()) is None


@pytest.mark.parametrize("head", ["rule: a.yaml", "rules: a.yaml", "rules: [a.yaml, b.yaml]", "rules:\n  - a.yaml"])
def test_a_file_that_names_rules_has_tests_with_places(head: str) -> None:
    found = _read(f"{head}\n{TESTS}")
    assert not found.problems
    assert found.rules[0].text == "a.yaml"
    assert all(scalar.span.line <= 2 for scalar in found.rules)
    (written,) = found.tests
    assert written.test.name == "test 1" and written.test.expect == {"fires": 1} and written.about is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("rule: a.yaml\n", "missing-key"),
        ("rule: a.yaml\ntests: []\n", "missing-key"),
        (f"rule: a.yaml\nrules: [b.yaml]\n{TESTS}", "contradiction"),
        (f"rule: a.yaml\nwhen_: x\n{TESTS}", "unknown-key"),
        ("rule: a.yaml\ntests: [{given: [{at: 0s, screen: x}], expect: 1, for rules: a}]\n", "unknown-key"),
        ("rule: a.yaml\ntests: [{given: [{at: 0s, screen: x}]}]\n", "test-cannot-fail"),
    ],
)
def test_faults_are_told_with_their_place_and_no_test_is_left(text: str, code: str) -> None:
    found = _read(text)
    assert [problem.code for problem in found.problems] == [code]
    assert found.problems[0].span.line and not found.tests


def test_each_test_finds_its_rule() -> None:
    text = "rules: [a.yaml]\ntests:\n  - {for rule: %s, given: [{at: 0s, screen: x}], expect: 1}\n"
    found = _read(text % "beta")
    rule = named_rule(found.tests[0], _rules("alpha", "beta"), found.lines)
    assert isinstance(rule, Rule) and rule.name == "beta"
    missing = named_rule(_read(text % "betta").tests[0], _rules("alpha", "beta"), found.lines)
    assert isinstance(missing, Problem)
    assert (missing.code, missing.hint, missing.span.column) == ("unknown-rule", "write beta", 16)


def test_one_rule_needs_no_name_and_several_do() -> None:
    found = _read(f"rules: [a.yaml]\n{TESTS}")
    (only,) = _rules("alpha")
    assert named_rule(found.tests[0], (only,), found.lines) == only
    unclear = named_rule(found.tests[0], _rules("alpha", "beta"), found.lines)
    assert isinstance(unclear, Problem)
    assert (unclear.code, unclear.hint) == ("missing-key", "add for rule: alpha")
    nothing = named_rule(found.tests[0], (), found.lines)
    assert isinstance(nothing, Problem)
