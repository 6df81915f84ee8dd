"""What can be wrong with an expression, as its author should hear it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from engine.model.errors import EngineError

__all__ = ["FilterError", "Finding"]


class Finding(NamedTuple):
    """One thing the author should know. Units: `column` counts characters of the expression from 1.

    `code` is stable (`unknown-function`); an error keeps the rule from loading, a warning does not.
    """

    column: int
    code: str
    severity: Literal["error", "warning"]
    message: str
    hint: str = ""


class FilterError(EngineError):
    """The expression cannot be used. Units: `column` counts characters of the expression from 1."""

    def __init__(self, message: str, column: int = 1, hint: str = "", code: str = "syntax") -> None:
        super().__init__(f"column {column}: {message}" + (f" {hint}" if hint else ""))
        self.message = message
        self.column = column
        self.hint = hint
        self.code = code

    @property
    def finding(self) -> Finding:
        """The same fault as an entry of a list."""
        return Finding(self.column, self.code, "error", self.message, self.hint)
