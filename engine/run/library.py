"""The rules in force: which files there are, the last good version of each, and the program made of them.

Invariant: a broken file changes nothing; its last good version stays until it is mended or gone (RULES 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from engine.core.compile import Program, compile_rulebook
from engine.model.errors import Problem
from engine.rulebook.parse import ParsedFile, join_files, parse_file
from engine.source.rules_dir import read_rules

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
        return any(problem.severity == "error" for problem in self.problems)


@dataclass(slots=True)
class Library:
    """Rule files with their last good versions. `paths` are files and folders, as the user named them."""

    paths: Sequence[str]
    destinations: frozenset[str] | None = None
    _good: dict[str, ParsedFile] = field(default_factory=dict)
    _digest: bytes = b""

    def load(self) -> Loaded:
        """Read every file again. Returns a program when the good versions differ from those of the last call."""
        read = read_rules(self.paths)
        parsed = [parse_file(name, content) for name, content in read.files]
        joined = join_files([self._best(each) for each in parsed], self.destinations)
        broken_across = {one.span.file for one in joined.problems if one.severity == "error"}
        self._good = {each.file: self._good.get(each.file, each) for each in parsed}
        self._good |= {each.file: each for each in parsed if each.file not in broken_across}
        problems = (*read.problems, *joined.problems)
        digest = blake2b(repr(joined.rulebook).encode("utf-8", "replace")).digest()
        if digest == self._digest:
            return Loaded(None, problems, tuple(parsed))
        self._digest = digest
        return Loaded(compile_rulebook(joined.rulebook), problems, tuple(parsed))

    def _best(self, parsed: ParsedFile) -> ParsedFile:
        """Return the file as it stands, or its last good version with the problems of this one."""
        if any(problem.severity == "error" for problem in parsed.problems) and parsed.file in self._good:
            return self._good[parsed.file]._replace(problems=parsed.problems)
        return parsed
