"""Rule files to a rulebook.

Every problem of every file is collected. A file with an error contributes no rule; the others do, so one broken edit
never takes the rest down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.model.errors import Problem
from engine.model.pack import FindPack
from engine.model.rule import Rulebook
from engine.rulebook.parse_check import check_rulebook
from engine.rulebook.parse_file import ParsedFile, parse_file
from engine.rulebook.parse_rule import Written

__all__ = ["Parsed", "ParsedFile", "Written", "check_rulebook", "join_files", "parse_file", "parse_rules"]


class Parsed(NamedTuple):
    """All files. Shape: `rulebook` holds the rules of the files without errors, `problems` are in file order."""

    rulebook: Rulebook
    problems: tuple[Problem, ...]
    files: tuple[ParsedFile, ...]


def parse_rules(
    files: Sequence[tuple[str, bytes]], known_destinations: frozenset[str] | None, find_pack: FindPack | None = None
) -> Parsed:
    """Return the rules of all good files and the problems of all files.

    Shape: `files` are (name, content); without `known_destinations` the names under `notify` are not checked, and
    without `find_pack` there are no packs to use.
    """
    return join_files([parse_file(file, content, find_pack) for file, content in files], known_destinations)


def join_files(files: Sequence[ParsedFile], known_destinations: frozenset[str] | None) -> Parsed:
    """Return one book of files parsed before; who reloads gives the last good version of a broken file.

    Shape: the files that an error of `check_rulebook` points into are left out of the book.
    """
    across = check_rulebook(files, known_destinations)
    bad = {problem.span.file for problem in across if problem.severity == "error"}
    rules = tuple(rule for each in files if each.file not in bad for rule in each.rules)
    problems = [
        problem
        for each in files
        for problem in sorted(
            (*each.problems, *(found for found in across if found.span.file == each.file)),
            key=lambda problem: (problem.span.line, problem.span.column),
        )
    ]
    return Parsed(Rulebook(rules), tuple(problems), tuple(files))
