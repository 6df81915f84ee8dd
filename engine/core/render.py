"""Firing to words: templates filled once, with the event as data. Captured text is never evaluated again.

Invariant: the output is bounded and made of the template's own text and of values; missing values are empty text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from engine.core.default_words import BODY_MAX, default_words, link_of
from engine.core.jmes.compile import Expression, compile_expression
from engine.core.jmes.context import Context
from engine.core.json_text import json_text
from engine.core.subject import view
from engine.model.match import Match
from engine.model.rule import Rule, Template

__all__ = ["BODY_MAX", "SUMMARY", "Rendered", "Renderer", "deferred_text", "scalars", "value_text"]

TITLE_MAX = 200
VALUE_MAX = 4_000
FIELD_MAX = 500
LINE_MAX = 500
SUMMARY = "summary"
"""The hole in a template that a summary goes into."""

Rendered = tuple[str, str]
"""(title, body)."""

OffsetOf: TypeAlias = Callable[[int], int]
Filled: TypeAlias = list[str | Expression]


class Renderer:
    """The compiled title, message and other texts of one rule."""

    __slots__ = ("_emit", "_message", "_resolve", "_rule", "_summary_at", "_title", "_vars")

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._title = _compile(rule.title)
        self._message = _compile(rule.message)
        self._resolve = _compile(rule.incident.resolve if rule.incident is not None else None)
        self._summary_at = _place_of(SUMMARY, rule.message)
        self._vars = dict(rule.variables)
        fields = rule.emit.fields if rule.emit is not None else ()
        self._emit = [(name, _compile(template)) for name, template in fields]

    def render(self, match: Match, suppressed: int, offset_min: OffsetOf) -> Rendered:
        """Return title and body. The count of silenced firings is added to the body (RULES 7)."""
        if self._message is None and self._title is None:
            return self._rule.name, and_more(default_words(self._rule, match, offset_min), suppressed)
        document = self._document(match, suppressed)
        context = Context(match.at_ms, offset_min)
        if self._message is not None:
            body = _fill(self._message, document, context, BODY_MAX)
        else:
            body = default_words(self._rule, match, offset_min)
        return self.title(document, context, self._rule.name), and_more(body, suppressed)

    def title(self, document: dict[str, Any], context: Context, default: str) -> str:
        """Return the title on one line, never empty."""
        title = _fill(self._title, document, context, TITLE_MAX) if self._title is not None else default[:TITLE_MAX]
        return " ".join(title.split()) or self._rule.name

    def around(self, document: dict[str, Any], context: Context, most: int) -> tuple[str, str] | None:
        """Return what the template writes before and after its summary; None for a rule without a template.

        Where it has no place for one, the summary goes first.
        """
        if self._message is None:
            return None
        before, after = self._message[: self._summary_at], self._message[self._summary_at :]
        if self._summary_at:
            after = after[1:]
        head = _fill(before, document, context, most)
        return head, _fill(after, document, context, most - len(head))

    @property
    def places_summary(self) -> bool:
        """Whether the template says where the summary goes."""
        return self._summary_at > 0

    def resolved(self, match: Match, suppressed: int, offset_min: OffsetOf) -> str | None:
        """Return the text that tells of an incident's end, None where the rule has none."""
        if self._resolve is None:
            return None
        context = Context(match.at_ms, offset_min)
        return and_more(_fill(self._resolve, self._document(match, suppressed), context, BODY_MAX), suppressed)

    def emitted(self, match: Match, body: str, offset_min: OffsetOf) -> dict[str, Any]:
        """Return the data of the event that a firing writes back."""
        if not self._emit:
            text = body if self._rule.window is not None else match.events[-1].text or body
            return {**scalars(match.found), "text": text, "rule": match.rule, "group": match.group}
        return self.fields(self._document(match, 0), Context(match.at_ms, offset_min))

    def fields(self, document: dict[str, Any], context: Context) -> dict[str, Any]:
        """Return the fields that the rule gives to its event; none where it names none."""
        return {name: _fill(filled, document, context, VALUE_MAX) for name, filled in self._emit if filled is not None}

    def _document(self, match: Match, suppressed: int) -> dict[str, Any]:
        last = match.events[-1]
        began_ms = match.events[0].at_ms if match.since_ms is None else match.since_ms
        count = match.found.get("count")
        return {
            **last.body,
            **match.found,
            "_": view(last),
            **self.about(match.group, suppressed),
            "count": count if isinstance(count, int) else len(match.events),
            "duration": match.at_ms - began_ms,
            "events": [{**event.body, "_": view(event)} for event in match.events],
            "link": link_of(last),
        }

    def about(self, group: str | None, suppressed: int) -> dict[str, Any]:
        """Return the variables that every message has."""
        rule = self._rule
        return {
            "rule": {
                "name": rule.name, "severity": rule.severity, "description": rule.description,
                "owner": rule.owner, "tags": list(rule.tags),
            },
            "group": group,
            "suppressed": suppressed,
            "vars": self._vars,
        }  # fmt: skip


def _compile(template: Template | None) -> Filled | None:
    if template is None:
        return None
    return [compile_expression(part) if number % 2 else part for number, part in enumerate(template.parts)]


def _place_of(variable: str, template: Template | None) -> int:
    """Return the number of the hole that is this variable alone, 0 if there is none."""
    parts = template.parts if template is not None else ()
    return next((number for number, part in enumerate(parts) if number % 2 and part.strip() == variable), 0)


def _fill(parts: Filled, document: dict[str, Any], context: Context, most: int) -> str:
    written: list[str] = []
    room = most
    for part in parts:
        text = part if isinstance(part, str) else value_text(part.search(document, context))
        written.append(text[:room])
        room -= len(written[-1])
        if room <= 0:
            break
    # A literal in a template may hold a lone surrogate, which nothing after us could write down.
    return "".join(written).encode("utf-8", "replace").decode()


def and_more(body: str, suppressed: int) -> str:
    """Return the text with how many firings were held since the last message."""
    return f"{body}\n(and {suppressed} more since the last message)" if suppressed else body


def value_text(value: Any) -> str:
    """Return a value as a reader expects it: text as it is, null as nothing, everything else as JSON, cut."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value[:VALUE_MAX]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json_text(value)[:VALUE_MAX]


def scalars(found: dict[str, Any]) -> dict[str, Any]:
    """Return the variables of a match that are plain values, texts cut: what is worth writing down."""
    return {
        name: value[:FIELD_MAX] if isinstance(value, str) else value
        for name, value in found.items()
        if isinstance(value, str | int | float | bool)
    }


def deferred_text(name: str, messages: list[tuple[str, str]], more: int) -> Rendered:
    """Return one message for several (time, body) of a rule that waited; what does not fit is counted."""
    lines: list[str] = []
    room = BODY_MAX
    for clock, body in messages:
        line = f"{clock}  {body[:LINE_MAX]}"
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    more += len(messages) - len(lines)
    if more:
        lines.append(f"(and {more} more)")
    return f"{name}: {len(messages)} while quiet", "\n".join(lines)
