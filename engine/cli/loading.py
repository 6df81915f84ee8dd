"""Rule files for the commands that look at rules: all problems told at once, and the program of the good ones."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from engine.core.compile import Program, compile_rulebook
from engine.model.errors import Problem, RulebookError
from engine.model.rule import Rule, Rulebook
from engine.rulebook.parse import Parsed, parse_file, parse_rules
from engine.source.rules_dir import read_rules

__all__ = ["RuleSet", "load_rules", "read_problems"]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules a command was asked about. `program` may hold more: the rules that those listen to."""

    program: Program
    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...]


def read_problems(paths: tuple[str, ...], destinations: frozenset[str] | None) -> tuple[Parsed, tuple[Problem, ...]]:
    """Return the parsed files and all problems, those of reading first."""
    read = read_rules(paths)
    parsed = parse_rules(read.files, destinations)
    return parsed, (*read.problems, *parsed.problems)


def load_rules(paths: tuple[str, ...], destinations: frozenset[str] | None = None) -> RuleSet:
    """Return the rules of these files and folders. Errors: `RulebookError` with every problem of every file."""
    parsed, problems = read_problems(paths, destinations)
    if any(problem.code == "unknown-rule" for problem in problems):
        return _with_neighbours(paths, destinations)
    if any(problem.severity == "error" for problem in problems):
        raise RulebookError(problems)
    return RuleSet(compile_rulebook(parsed.rulebook), parsed.rulebook.rules, problems)


def _with_neighbours(paths: tuple[str, ...], destinations: frozenset[str] | None) -> RuleSet:
    """Load the folders of the files too: a rule may listen to one in the file beside it."""
    folders = tuple(dict.fromkeys(str(path if path.is_dir() else path.parent) for path in map(Path, paths)))
    own = {os.path.normpath(name) for name, _ in read_rules(paths).files}
    read = read_rules(folders)
    good = [
        (name, content)
        for name, content in read.files
        if os.path.normpath(name) in own or not _has_error(parse_file(name, content).problems)
    ]
    parsed = parse_rules(good, destinations)
    problems = tuple(one for one in parsed.problems if os.path.normpath(one.span.file) in own)
    if _has_error(problems):
        raise RulebookError(problems)
    rules = tuple(rule for rule in parsed.rulebook.rules if os.path.normpath(rule.span.file) in own)
    return RuleSet(compile_rulebook(Rulebook(parsed.rulebook.rules)), rules, problems)


def _has_error(problems: tuple[Problem, ...]) -> bool:
    return any(problem.severity == "error" for problem in problems)
