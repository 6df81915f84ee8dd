"""A file of tests beside the rules: `rule:` or `rules:` name rule files, `tests:` are as in a rule.

Rules that work on each other are tested together this way, and rules that somebody else wrote without editing them.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.model.errors import Problem, Span
from engine.model.rule import Rule, RuleTest
from engine.rulebook.parse_reader import Reader, masked
from engine.rulebook.parse_tests import read_test
from engine.rulebook.scalars import nearest
from engine.rulebook.yaml_guard import Items, Mapping, Node, Scalar, load, problem

__all__ = ["TestFile", "WrittenTest", "named_rule", "read_test_file"]

FOR_RULE = "for rule"
_KEYS = ("rule", "rules", "tests")
_EXAMPLE = "tests: [{given: [{at: 0s, screen: Slack}], expect: 1}]"


class WrittenTest(NamedTuple):
    """One test. `about` is the rule it names, if it names one; `place` is where it does, else the test's own."""

    test: RuleTest
    about: str | None
    place: Span


class TestFile(NamedTuple):
    """Shape: `rules` are the files as written, each with its place; `tests` is empty if a problem is an error."""

    file: str
    rules: tuple[Scalar, ...]
    tests: tuple[WrittenTest, ...]
    problems: tuple[Problem, ...]
    lines: tuple[str, ...]


def read_test_file(file: str, content: bytes) -> TestFile | None:
    """Return the tests of a file, or None if it holds rules (or nothing that can be read)."""
    document = load(content, file)
    top = document.node
    if not isinstance(top, Mapping) or not _names_rules(top):
        return None
    reader = Reader(file, document.lines)
    reader.check_keys(top, _KEYS)
    rules, tests = _rules(reader, top), _tests(reader, top)
    found = (*map(masked, document.problems), *reader.problems)
    problems = tuple(sorted(found, key=lambda one: (one.span.line, one.span.column)))
    if any(one.severity == "error" for one in problems):
        tests = ()
    return TestFile(file, rules, tests, problems, document.lines)


def named_rule(written: WrittenTest, rules: tuple[Rule, ...], lines: tuple[str, ...]) -> Rule | Problem:
    """Return the rule that a test is about: the one it names, else the only one there is."""
    if written.about is None:
        if len(rules) == 1:
            return rules[0]
        message = f"the test does not say which of {len(rules)} rules it is about"
        hint = f"add {FOR_RULE}: {rules[0].name}" if rules else "name a file with a rule under rules"
        return problem(lines, written.place, "missing-key", message, hint, "error")
    for rule in rules:
        if rule.name == written.about:
            return rule
    close = nearest(written.about, [rule.name for rule in rules])
    hint = f"write {close}" if close else "name a rule of the files under rules"
    return problem(lines, written.place, "unknown-rule", f'there is no rule "{written.about}" here', hint, "error")


def _names_rules(top: Mapping) -> bool:
    """Tell a file that names rule files from one that holds rules."""
    listed = top.get("rules")
    if isinstance(listed, Items):
        return bool(listed.items) and all(isinstance(part, Scalar) for part in listed.items)
    return isinstance(listed, Scalar) or (top.get("rule") is not None and top.get("when") is None)


def _rules(reader: Reader, top: Mapping) -> tuple[Scalar, ...]:
    one, several = top.get("rule"), top.get("rules")
    if one is not None and several is not None:
        reader.error(one.span, "contradiction", "`rule` and `rules` stand together", "put all of them under rules")
    found: tuple[Scalar, ...] = ()
    for key, node in (("rule", one), ("rules", several)):
        if node is not None:
            found += reader.scalars(node, key)
    return found


def _tests(reader: Reader, top: Mapping) -> tuple[WrittenTest, ...]:
    node = top.get("tests")
    if not isinstance(node, Items) or not node.items:
        at = top.span if node is None else node.span
        reader.error(at, "missing-key", "a file of tests has a list of them under `tests`", _EXAMPLE)
        return ()
    found = [_test(reader, part, number) for number, part in enumerate(node.items, 1)]
    return tuple(written for written in found if written is not None)


def _test(reader: Reader, node: Node, number: int) -> WrittenTest | None:
    test = read_test(reader, node, number, (FOR_RULE,))
    named = node.get(FOR_RULE) if isinstance(node, Mapping) else None
    if test is None:
        return None
    if named is None:
        return WrittenTest(test, None, test.span)
    return WrittenTest(test, reader.text(named, FOR_RULE), named.span)
