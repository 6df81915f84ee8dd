"""The rules in force: which files there are, the last good version of each, and the program made of them.

Invariant: a broken file changes nothing; its last good version stays until it is mended or gone (RULES 7).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from engine.core.compile import Program, compile_rulebook
from engine.model.errors import Problem
from engine.rulebook.parse import ParsedFile, join_files, parse_file
from engine.source.rules_dir import find_pack, read_rules, signature

__all__ = ["Library", "Loaded"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """One look at the rule files. `program` is None when what is in force did not change."""

    program: Program | None
    problems: tuple[Problem, ...]
    files: tuple[ParsedFile, ...] = ()

    @property
    def is_broken(self) -> bool:
        """Whether some problem is an error."""
        return _has_error(self.problems)


@dataclass(slots=True)
class Library:
    """Rule files with their last good versions. `paths` are files and folders, as the user named them.

    `seen` is the signature of the files just before they were last read: if it differs later, they changed since.
    """

    paths: Sequence[str]
    destinations: frozenset[str] | None = None
    seen: Hashable = None
    _good: dict[str, ParsedFile] = field(default_factory=dict)
    _digest: bytes = b""

    def load(self) -> Loaded:
        """Read every file again. Returns a program when the good versions differ from those of the last call."""
        self.seen = signature(self.paths)
        read = read_rules(self.paths)
        parsed = [parse_file(name, content, find_pack) for name, content in read.files]
        unread = {problem.span.file for problem in read.problems if problem.code != "no-such-path"}
        chosen = [self._best(each) for each in parsed] + [
            good for file, good in self._good.items() if file in unread
        ]  # fmt: skip
        joined = join_files(chosen, self.destinations)
        in_force, clashing = joined, _clashing(chosen, joined.problems)
        if clashing:
            chosen = self._taken_back(chosen, clashing)
            in_force = join_files(chosen, self.destinations)
            clashing = _clashing(chosen, in_force.problems)
        fresh = {each.file: each for each in chosen if each.file not in clashing and not _has_error(each.problems)}
        self._good = {each.file: self._good[each.file] for each in chosen if each.file in self._good} | fresh
        problems = (*read.problems, *joined.problems)
        digest = blake2b(repr(in_force.rulebook).encode("utf-8", "replace")).digest()
        if digest == self._digest:
            return Loaded(None, problems, tuple(parsed))
        self._digest = digest
        return Loaded(compile_rulebook(in_force.rulebook), problems, tuple(parsed))

    def _best(self, parsed: ParsedFile) -> ParsedFile:
        """Return the file as it stands, or its last good version with the problems of this one."""
        if _has_error(parsed.problems) and parsed.file in self._good:
            return self._good[parsed.file]._replace(problems=parsed.problems)
        return parsed

    def _taken_back(self, chosen: list[ParsedFile], clashing: set[str]) -> list[ParsedFile]:
        """Return the files with the edits that do not go together undone: those of the files at fault.

        Where the fault shows in a file that nobody touched, no single edit can be blamed and all are undone.
        """
        edited = {
            each.file for each in chosen if each.file not in self._good or each.rules != self._good[each.file].rules
        }
        back = clashing if clashing <= edited else edited
        kept = [self._good.get(each.file) if each.file in back else each for each in chosen]
        return [each for each in kept if each is not None]


def _has_error(problems: Iterable[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


def _clashing(files: Sequence[ParsedFile], problems: Sequence[Problem]) -> set[str]:
    """Return the files with an error that only all files together show."""
    own = {problem for each in files for problem in each.problems}
    return {problem.span.file for problem in problems if problem.severity == "error" and problem not in own}
