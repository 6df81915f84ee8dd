"""Where a character of a scalar's text stands in the file, so that a caret points into the expression itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.model.errors import Span
from engine.rulebook.yaml_guard import Scalar

__all__ = ["inside"]

_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)|.")
_QUOTED = re.compile(r"''|.")


def inside(scalar: Scalar, offset: int, lines: Sequence[str], width: int = 1) -> Span:
    """Return the place of the character at `offset` of the scalar's text.

    Exact for plain and quoted scalars on one line and for lines of a `|` block; else the scalar's own place.
    """
    span = scalar.span
    if not 0 < span.line <= len(lines):
        return span
    source = lines[span.line - 1][span.column - 1 :]
    if source[:1] == "|":
        return _literal_line(scalar, offset, lines)
    column = _column(source, scalar.text, offset)
    return span if column is None else Span(span.file, span.line, span.column + column, width)


def _column(source: str, text: str, offset: int) -> int | None:
    """Return how far behind the scalar's first character that of `offset` stands, or None across lines."""
    if source[:1] in ("'", '"'):
        marks = (_QUOTED if source[0] == "'" else _ESCAPE).finditer(source, 1)
        starts = [mark.start() for mark, _ in zip(marks, range(len(text) + 1), strict=False)]
        is_whole = len(starts) == len(text) + 1 and source[starts[-1]] == source[0]
        return starts[min(offset, len(text))] if is_whole else None
    return min(offset, max(len(text) - 1, 0)) if text and source.startswith(text) else None


def _literal_line(scalar: Scalar, offset: int, lines: Sequence[str]) -> Span:
    """Return the whole line of a `|` block that holds the offset."""
    number = scalar.span.line + 1 + scalar.text.count("\n", 0, offset)
    if number > len(lines) or not lines[number - 1].strip():
        return scalar.span
    line = lines[number - 1]
    content = line.strip()
    return Span(scalar.span.file, number, line.index(content[0]) + 1, len(content))
