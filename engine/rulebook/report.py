"""Problems as text for people, JSON for programs and SARIF for code review.

Rule files are not trusted: control characters never reach the terminal, and a line is cut around its caret.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from engine.model.errors import Problem, Span

__all__ = ["as_json", "as_sarif", "as_text", "summary"]

_LINE_CAP = 160
_COLOURS = {"error": "\x1b[31m", "warning": "\x1b[33m", "dim": "\x1b[2m", "bold": "\x1b[1m"}
_RESET = "\x1b[0m"
# Controls, invisible direction marks (which reorder what a reader sees) and lone surrogates, but not the tab.
_UNSAFE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def as_text(problems: Sequence[Problem], color: bool = False) -> str:
    """Return one paragraph a problem, `file:line:column severity message`, source line, caret and hint; then the sum.

    Shape: empty text when there is no problem; else it ends in a newline.
    """
    if not problems:
        return ""
    paragraphs = [_paragraph(problem, color) for problem in problems]
    return "\n".join([*paragraphs, summary(problems)]) + "\n"


def summary(problems: Sequence[Problem]) -> str:
    """Return the sum in words: `2 errors, 1 warning in 3 files`."""
    found = Counter(problem.severity for problem in problems)
    counts = [_plural(found[severity], severity) for severity in ("error", "warning") if found[severity]]
    if not counts:
        return "no problems"
    files = len({problem.span.file for problem in problems})
    return f"{', '.join(counts)} in {_plural(files, 'file')}"


def as_json(problems: Sequence[Problem]) -> str:
    """Return one JSON document with stable field names. Units: line and column count from 1, in code points."""
    found = Counter(problem.severity for problem in problems)
    document = {
        "version": 1,
        "problems": [
            {
                "file": problem.span.file,
                "line": problem.span.line,
                "column": problem.span.column,
                "width": problem.span.width,
                "severity": problem.severity,
                "code": problem.code,
                "message": problem.message,
                "hint": problem.hint,
            }
            for problem in problems
        ],
        "summary": {"errors": found["error"], "warnings": found["warning"]},
    }
    return json.dumps(document, indent=2) + "\n"


def as_sarif(problems: Sequence[Problem]) -> str:
    """Return a SARIF 2.1.0 log with one result a problem. Source: OASIS sarif-v2.1.0."""
    codes = sorted({problem.code for problem in problems})
    run = {
        "tool": {"driver": {"name": "engine check", "rules": [{"id": code} for code in codes]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, codes) for problem in problems],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2) + "\n"


def _result(problem: Problem, codes: list[str]) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(problem.span.file)}}
    if problem.span.line:
        physical["region"] = _region(problem.span)
    text = f"{problem.message} ({problem.hint})" if problem.hint else problem.message
    return {
        "ruleId": problem.code,
        "ruleIndex": codes.index(problem.code),
        "level": problem.severity,
        "message": {"text": text},
        "locations": [{"physicalLocation": physical}],
    }


def _region(span: Span) -> dict[str, int]:
    column = max(1, span.column)
    return {"startLine": span.line, "startColumn": column, "endColumn": column + max(1, span.width)}


def _uri(path: str) -> str:
    forward = path.replace("\\", "/")
    if re.match(r"[A-Za-z]:/", forward):
        return f"file:///{forward[:2]}{quote(forward[2:])}"
    return f"file://{quote(forward)}" if forward.startswith("/") else quote(forward)


def _paragraph(problem: Problem, color: bool) -> str:
    word = _painted(f"{problem.severity:<7}", problem.severity, color)
    lines = [f"{_painted(_safe(str(problem.span)), 'bold', color)}  {word} {_safe(problem.message)}"]
    hint = _safe(problem.hint)
    if problem.line_text.strip() and problem.span.line:
        gutter = f"{problem.span.line:>5} | "
        source, pad, carets = _underlined(problem.line_text, problem.span)
        margin = _painted(" " * (len(gutter) - 2) + "| ", "dim", color)
        lines.append(_painted(gutter, "dim", color) + source)
        lines.append(f"{margin}{pad}{_painted(carets, problem.severity, color)} {hint}".rstrip())
    elif hint:
        lines.append(f"        {hint}")
    return "\n".join(lines)


def _underlined(line: str, span: Span) -> tuple[str, str, str]:
    """Return the line as shown, the padding before the caret and the caret, aligned in a terminal's cells."""
    line = _safe(line.rstrip("\r\n"))
    start = min(max(span.column - 1, 0), len(line))
    first = max(0, start - _LINE_CAP // 2) if len(line) > _LINE_CAP else 0
    last = first + _LINE_CAP
    end = min(start + max(1, span.width), len(line), last)
    head, tail = "…" if first else "", "…" if last < len(line) else ""
    # A tab before the caret stays a tab, so that both lines reach the same stop whatever the terminal's width.
    pad = " " * len(head) + "".join("\t" if char == "\t" else " " * _cells(char) for char in line[first:start])
    carets = "^" * max(1, sum(map(_cells, line[start:end])))
    return f"{head}{line[first:last]}{tail}", pad, carets


def _cells(char: str) -> int:
    """Return how many terminal cells the character takes; a tab counts as one."""
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def _safe(text: str) -> str:
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def _painted(text: str, colour: str, color: bool) -> str:
    return f"{_COLOURS[colour]}{text}{_RESET}" if color else text


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
