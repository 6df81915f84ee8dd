"""Rule files for the commands that look at rules: all problems told at once, and the program of the good ones."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.core.compile import Program, compile_rulebook
from engine.model.errors import Problem, RulebookError
from engine.model.rule import Rule, Rulebook
from engine.rulebook.check_tests import check_tests
from engine.rulebook.parse import Parsed, parse_file, parse_rules
from engine.rulebook.parse_test_file import TestFile, named_rule, read_test_file
from engine.rulebook.yaml_guard import Scalar, problem
from engine.run.case import Case, cases_of
from engine.source.rules_dir import RuleFiles, find_pack, read_rules

__all__ = ["RuleSet", "Suite", "load_rules", "load_suite", "read_problems"]

# What every file of tests has on a line of its own. Reading each file twice would cost a quarter of loading.
_NAMES_RULES = re.compile(rb"^[\"']?rules?[\"']?[ \t]*:", re.MULTILINE)
_HAS_TESTS = re.compile(rb"^[\"']?tests[\"']?[ \t]*:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules a command was asked about. `program` may hold more: the rules that those listen to."""

    program: Program
    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Suite:
    """Rules and tests. Shape: `rules` are those of the rule files, else those that the files of tests name."""

    rules: RuleSet
    cases: tuple[Case, ...]


def read_problems(paths: tuple[str, ...], destinations: frozenset[str] | None) -> tuple[Parsed, tuple[Problem, ...]]:
    """Return the parsed rule files and all problems, those of reading first; files of tests are looked at, too."""
    read, test_files = _sorted_out(read_rules(paths))
    parsed = parse_rules(read.files, destinations, find_pack)
    found: list[Problem] = [*read.problems, *parsed.problems, *_weak_tests(parsed)]
    for test_file in test_files:
        found += _suite_of(test_file, destinations)[1]
    return parsed, tuple(dict.fromkeys(found))


def load_rules(paths: tuple[str, ...], destinations: frozenset[str] | None = None) -> RuleSet:
    """Return the rules of these files and folders. Errors: `RulebookError` with every problem of every file."""
    return _load(paths, _sorted_out(read_rules(paths))[0], destinations)


def load_suite(paths: tuple[str, ...], destinations: frozenset[str] | None = None) -> Suite:
    """Return the rules of these files with their tests, and the tests of files that hold nothing else.

    Errors: `RulebookError` with every problem of every file.
    """
    read, test_files = _sorted_out(read_rules(paths))
    problems: list[Problem] = []
    own: RuleSet | None = None
    if read.files or read.problems or not test_files:
        try:
            own = _load(paths, read, destinations)
        except RulebookError as error:
            problems += error.problems
    cases = cases_of(own.program, own.rules) if own is not None else []
    named: list[RuleSet] = []
    for test_file in test_files:
        found, faults = _suite_of(test_file, destinations)
        problems += faults
        if found is not None:
            cases += found.cases
            named.append(found.rules)
    if _has_error(problems):
        raise RulebookError(tuple(dict.fromkeys(problems)))
    return Suite(own if own is not None else _merged(named), tuple(cases))


def _sorted_out(read: RuleFiles) -> tuple[RuleFiles, list[TestFile]]:
    """Return the files of rules, and the files of tests."""
    rules: list[tuple[str, bytes]] = []
    tests: list[TestFile] = []
    for name, content in read.files:
        is_likely = _NAMES_RULES.search(content) and _HAS_TESTS.search(content)
        test_file = read_test_file(name, content) if is_likely else None
        if test_file is None:
            rules.append((name, content))
        else:
            tests.append(test_file)
    return RuleFiles(tuple(rules), read.problems), tests


def _load(paths: Sequence[str], read: RuleFiles, destinations: frozenset[str] | None) -> RuleSet:
    parsed = parse_rules(read.files, destinations, find_pack)
    problems = (*read.problems, *parsed.problems, *_weak_tests(parsed))
    if any(one.code == "unknown-rule" for one in problems):
        return _with_neighbours(paths, {name for name, _ in read.files}, destinations)
    if _has_error(problems):
        raise RulebookError(problems)
    return RuleSet(compile_rulebook(parsed.rulebook), parsed.rulebook.rules, problems)


def _with_neighbours(paths: Sequence[str], asked: set[str], destinations: frozenset[str] | None) -> RuleSet:
    """Load the folders of the files too: a rule may listen to one in the file beside it."""
    folders = tuple(dict.fromkeys(str(path if path.is_dir() else path.parent) for path in map(Path, paths)))
    own = {os.path.normpath(name) for name in asked}
    read, _ = _sorted_out(read_rules(folders))
    good = [
        (name, content)
        for name, content in read.files
        if os.path.normpath(name) in own or not _has_error(parse_file(name, content, find_pack).problems)
    ]
    parsed = parse_rules(good, destinations, find_pack)
    weak = _weak_tests(parsed)
    problems = tuple(one for one in (*parsed.problems, *weak) if os.path.normpath(one.span.file) in own)
    if _has_error(problems):
        raise RulebookError(problems)
    rules = tuple(rule for rule in parsed.rulebook.rules if os.path.normpath(rule.span.file) in own)
    return RuleSet(compile_rulebook(Rulebook(parsed.rulebook.rules)), rules, problems)


def _weak_tests(parsed: Parsed) -> list[Problem]:
    """Return the tests inside rules that could never fail."""
    return [
        found for file in parsed.files for rule in file.rules for found in check_tests(rule, rule.tests, file.lines)
    ]


def _suite_of(test_file: TestFile, destinations: frozenset[str] | None) -> tuple[Suite | None, list[Problem]]:
    """Return the tests of one file with the rules it names, or its problems and those of the rules."""
    problems = [*test_file.problems]
    paths = [path for scalar in test_file.rules if (path := _path(test_file, scalar, problems)) is not None]
    if _has_error(problems) or not paths:
        return None, problems
    try:
        rules = load_rules(tuple(paths), destinations)
    except RulebookError as error:
        return None, [*problems, *error.problems]
    cases: list[Case] = []
    for written in test_file.tests:
        rule = named_rule(written, rules.rules, test_file.lines)
        if isinstance(rule, Problem):
            problems.append(rule)
            continue
        problems += check_tests(rule, (written.test,), test_file.lines)
        cases.append(Case(rules.program, rule, written.test))
    return Suite(rules, tuple(cases)), problems


def _path(test_file: TestFile, scalar: Scalar, problems: list[Problem]) -> str | None:
    """Return the path of a rule file that is named from the folder of the file of tests."""
    path = os.path.normpath(Path(test_file.file).parent / scalar.text)
    if Path(path).exists():
        return path
    message = f"there is no file or folder {path}"
    hint = "the path counts from the folder of this file"
    problems.append(problem(test_file.lines, scalar.span, "no-such-path", message, hint))
    return None


def _merged(sets: Sequence[RuleSet]) -> RuleSet:
    """Return the rules of several files of tests as one set, each rule once."""
    heard = {rule.name: rule for each in sets for rule in (one.rule for one in each.program.rules)}
    asked = {rule.name: rule for each in sets for rule in each.rules}
    return RuleSet(compile_rulebook(Rulebook(tuple(heard.values()))), tuple(asked.values()), ())


def _has_error(problems: Iterable[Problem]) -> bool:
    return any(one.severity == "error" for one in problems)
