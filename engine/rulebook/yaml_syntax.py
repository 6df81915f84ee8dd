"""What the YAML parser stumbled over, in words for the author: the place, the fault, the edit that mends it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

from engine.model.errors import Problem, Span
from engine.rulebook.yaml_text import problem

__all__ = ["explain_syntax"]

_VALUE = re.compile(r"^\s*(?:- +)*(?:[^\s:#'\"\[{][^:#]*: +)?(?P<value>\S.*)$")


class _Known(NamedTuple):
    """A complaint of the parser. `sure` ones need no look at the line; some are better placed at their context."""

    pattern: re.Pattern[str]
    message: str
    hint: str
    sure: bool = False
    at_context: bool = False


# The two parsers word the same accident differently; each pattern covers both.
_BY_COMPLAINT = (
    _Known(re.compile("unknown escape|hexa?decimal number|invalid Unicode character|chr|int too large"),
           "unknown escape in a double-quoted text",
           "put patterns and paths in single quotes: '\\d', not \"\\d\"", sure=True),
    _Known(re.compile("quoted scalar.*unexpected (end of stream|document separator)"),
           "the quote that opens here is never closed",
           "close it; inside single quotes write '' for an apostrophe", sure=True, at_context=True),
    _Known(re.compile("mapping values are not allowed"),
           "a second `: ` in this line, or a line indented too far",
           "put a text that contains `: ` in quotes; keys of one block begin in the same column"),
    _Known(re.compile("(block )?sequence entries are not allowed"),
           "a list cannot begin behind a key",
           "begin it on the next line, or write [a, b]; a text that begins with - goes in quotes"),
    _Known(re.compile("mapping keys are not allowed"),
           "? at the beginning of a value opens a YAML map", "put the text in quotes"),
    _Known(re.compile("could not find expected ':'|simple key"),
           "a line without `: ` among keys",
           "write `key: value`; put a text of several lines in quotes, or after `|`"),
    _Known(re.compile("flow sequence"),
           "the list that opens with [ is not written as a list",
           "separate entries by commas and close with ]; put a text that begins with [ in quotes", at_context=True),
    _Known(re.compile("flow mapping"),
           "the map that opens with { is not written as a map",
           "write {key: value, key: value}; put a text that begins with { in quotes", at_context=True),
    _Known(re.compile("block (mapping|collection|sequence|end)|<block|document start"),
           "this line does not fit into the block around it",
           "check the indentation; keys of one block begin in the same column"),
)  # fmt: skip

_IN_QUOTES = "put the text in quotes"
_BEHIND_QUOTE = "put the whole text in single quotes; inside them write '' for an apostrophe"
_BY_FIRST = {
    "@": ("YAML reserves @ at the beginning of a value", _IN_QUOTES),
    "`": ("YAML reserves ` at the beginning of a value", _IN_QUOTES),
    "%": ("YAML reserves % at the beginning of a value", _IN_QUOTES),
    "!": ("! at the beginning of a value is a YAML tag", _IN_QUOTES),
    "*": ("* at the beginning of a value is a YAML alias", _IN_QUOTES),
    "&": ("& at the beginning of a value is a YAML anchor", _IN_QUOTES),
    ">": ("> at the beginning of a value opens a YAML text block", _IN_QUOTES),
    "|": ("| at the beginning of a value opens a YAML text block", _IN_QUOTES),
    "[": ("[ at the beginning of a value opens a list, and this is none", "write [a, b], or put the text in quotes"),
    "'": ("text stands behind the closing quote", _BEHIND_QUOTE),
    '"': ("text stands behind the closing quote", _BEHIND_QUOTE),
}


def explain_syntax(error: Exception, lines: tuple[str, ...], last: Span) -> Problem:
    """Return the one problem that stands for a failed parse, at `last` if the parser does not tell where.

    Shape: code `yaml-syntax`, severity error.
    """
    complaint = " ".join(str(part) for part in (getattr(error, "context", ""), getattr(error, "problem", "")) if part)
    complaint = complaint or str(error)
    known = next((each for each in _BY_COMPLAINT if each.pattern.search(complaint)), None)
    at_context = known is not None and known.at_context
    span = _span(error, last, len(lines), at_context=at_context)
    message = known.message if known else "this is not YAML"
    hint = known.hint if known else "check quotes and indentation here and on the line above"
    line = lines[span.line - 1] if 0 < span.line <= len(lines) else ""
    accident = None if known and known.sure else _accident(line)
    if accident:
        span, message, hint = span._replace(column=accident.column), accident.message, accident.hint
    return problem(lines, span, "yaml-syntax", message, hint)


class _Accident(NamedTuple):
    column: int
    message: str
    hint: str


def _accident(line: str) -> _Accident | None:
    """Return the usual accident in the indentation or at the beginning of the line's value, if there is one."""
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    if "\t" in indent:
        return _Accident(indent.index("\t") + 1, "a tab stands where only spaces may", "indent with spaces")
    found = _VALUE.match(line)
    if found is None:
        return None
    value, column = found["value"], found.start("value") + 1
    if value.startswith("{{"):
        return _Accident(column, "{{ at the beginning of a value opens a YAML map", _IN_QUOTES)
    if value[0] in _BY_FIRST:
        return _Accident(column, *_BY_FIRST[value[0]])
    return None


def _span(error: Exception, last: Span, most: int, *, at_context: bool) -> Span:
    mark: Any = None
    if isinstance(error, yaml.MarkedYAMLError):
        mark = (error.context_mark or error.problem_mark) if at_context else (error.problem_mark or error.context_mark)
    if mark is None:
        return last
    # A file that ends too early is complained about one line past its last.
    return Span(last.file, min(mark.line + 1, most), mark.column + 1)
