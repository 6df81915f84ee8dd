"""Expressions and templates in rule files: jmespath checked where it stands, `{{ }}` taken apart."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from engine.core.jmes.faults import Finding
from engine.core.jmes.lint import lint_expression
from engine.model.rule import Template
from engine.rulebook.parse_place import inside
from engine.rulebook.parse_reader import Reader
from engine.rulebook.yaml_guard import Node, Scalar

__all__ = ["Fault", "Hole", "TemplateText", "check_expression", "parse_template", "read_paths", "read_template"]


class Hole(NamedTuple):
    """One `{{ }}`. Units: `offset` is that of the expression's first character in the template, from 0."""

    offset: int
    expression: str


class Fault(NamedTuple):
    """What is wrong with a template. Units: `offset` from 0."""

    offset: int
    code: str
    message: str
    hint: str


class TemplateText(NamedTuple):
    """A template taken apart. Shape: `parts` alternates literal and expression and begins and ends with a literal."""

    parts: tuple[str, ...]
    holes: tuple[Hole, ...]
    faults: tuple[Fault, ...]


def parse_template(text: str) -> TemplateText:
    """Return the literals and the expressions between `{{` and `}}`; any other brace is a literal character."""
    parts: list[str] = []
    holes: list[Hole] = []
    faults: list[Fault] = []
    rest = 0
    while (opened := text.find("{{", rest)) >= 0:
        closed = _closing(text, opened + 2)
        if closed is None:
            faults.append(
                Fault(opened, "template-unclosed", "`{{` is never closed", "add }}, or write {{ '{{' }} for two braces")
            )
            break
        inner = text[opened + 2 : closed]
        expression = inner.strip()
        if not expression:
            faults.append(
                Fault(opened, "template-empty", "`{{ }}` is empty", "write a field in it, such as {{ _.text }}")
            )
        holes.append(Hole(opened + 2 + len(inner) - len(inner.lstrip()), expression))
        parts += [text[rest:opened], expression]
        rest = closed + 2
    return TemplateText((*parts, text[rest:]), tuple(holes), tuple(faults))


def _closing(text: str, start: int) -> int | None:
    """Return where the `}}` of this hole stands: not in a quoted text and not at the end of `{a: {b: c}}`."""
    depth = 0
    quote = ""
    at = start
    while at < len(text):
        char = text[at]
        if quote:
            at += char == "\\"
            quote = "" if char == quote else quote
        elif char in "'\"`":
            quote = char
        elif char == "{":
            depth += 1
        elif char == "}" and depth:
            depth -= 1
        elif text.startswith("}}", at):
            return at
        at += 1
    return None


def read_template(reader: Reader, node: Node, key: str) -> Template | None:
    """Read a template and check the expressions in it."""
    text = reader.text(node, key)
    if text is None or not isinstance(node, Scalar):
        return None
    template = parse_template(text)
    for fault in template.faults:
        at = inside(node, fault.offset, reader.lines)
        reader.error(at, fault.code, f"{key}: {fault.message}", fault.hint)
    for hole in filter(_has_expression, template.holes):
        check_expression(reader, node, key, hole.expression, hole.offset)
    return Template(text, template.parts, node.span)


def _has_expression(hole: Hole) -> bool:
    return bool(hole.expression)


def read_paths(reader: Reader, node: Node, key: str) -> tuple[str, ...]:
    """Read one jmespath expression or a list of them."""
    scalars = reader.scalars(node, key)
    for scalar in scalars:
        check_expression(reader, scalar, key, scalar.text)
    return tuple(dict.fromkeys(scalar.text for scalar in scalars))


def check_expression(reader: Reader, scalar: Scalar, key: str, expression: str, offset: int = 0) -> None:
    """Report what the expression lint finds, each at its own character.

    `offset` is where the expression begins in the scalar's text. Only a `filter` has to be a condition.
    """
    for finding in _findings(expression, key == "filter"):
        at = inside(scalar, offset + max(0, finding.column - 1), reader.lines)
        reader.report(at, finding.severity, finding.code, f"{key}: {finding.message}", finding.hint)


@lru_cache(maxsize=4096)
def _findings(expression: str, condition: bool) -> tuple[Finding, ...]:
    return lint_expression(expression, condition=condition)
