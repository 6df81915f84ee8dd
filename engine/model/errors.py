"""Errors, split by who must act: the rule author, the operator; the world's failures are values elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = [
    "NOWHERE", "ConfigError", "EngineError", "Problem", "RecordingError", "RulebookError", "Span", "StoreError",
]  # fmt: skip


class Span(NamedTuple):
    """A place in a text file. Units: line and column count from 1; 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0
    width: int = 1

    def __str__(self) -> str:
        """`file:line:column`, without the parts that are unknown."""
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}"


NOWHERE = Span("")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing an author should know, with its place and the smallest edit that mends it.

    `severity` error stops the file from loading; warning does not. `code` is stable (`unknown-key`), for
    machines. `line_text` is the source line, for the caret.
    """

    span: Span
    code: str
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    line_text: str = ""


class EngineError(Exception):
    """Anything this program raises on purpose."""


class RulebookError(EngineError):
    """Every problem found in the rule files, in file order; at least one is an error."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"{len(problems)} problem(s) in the rules")
        self.problems = problems


class ConfigError(EngineError):
    """`engine.yaml` or the command line cannot be used as it is; the operator must act."""

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class StoreError(EngineError):
    """The state directory cannot be used; nothing was lost, nothing goes on."""


class RecordingError(EngineError):
    """A recording cannot be read, or holds more bad lines than allowed."""
