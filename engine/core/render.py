"""Firing to words: templates filled once, with the event as data. Captured text is never evaluated again.

Invariant: the output is bounded and made of the template's own text and of values; missing values are empty text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.core.jmes.compile import Expression, compile_expression
from engine.core.jmes.context import Context
from engine.core.json_text import json_text
from engine.core.subject import view
from engine.model.event import Event
from engine.model.match import Match
from engine.model.rule import Rule, Template

__all__ = ["Rendered", "Renderer", "digest_text"]

TITLE_MAX = 200
BODY_MAX = 16_000
VALUE_MAX = 4_000
DIGEST_LINE_MAX = 500

Rendered = tuple[str, str]
"""(title, body)."""


class Renderer:
    """The compiled title and message of one rule."""

    __slots__ = ("_emit", "_message", "_rule", "_title", "_vars")

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._title = _compile(rule.title)
        self._message = _compile(rule.message)
        self._vars = dict(rule.variables)
        fields = rule.emit.fields if rule.emit is not None else ()
        self._emit = [(name, _compile(template)) for name, template in fields]

    def render(self, match: Match, suppressed: int, offset_min: Callable[[int], int]) -> Rendered:
        """Return title and body. The count of silenced firings is added to the body (RULES 7)."""
        document = self._document(match, suppressed)
        context = Context(match.at_ms, offset_min)
        title = _fill(self._title, document, context, TITLE_MAX) if self._title is not None else self._rule.name
        if self._message is not None:
            body = _fill(self._message, document, context, BODY_MAX)
        else:
            body = _default_body(match.events[-1])
        if suppressed:
            body = f"{body}\n(and {suppressed} more since the last message)"
        return " ".join(title.split()) or self._rule.name, body

    def emitted(self, match: Match, body: str, offset_min: Callable[[int], int]) -> dict[str, Any]:
        """Return the data of the event that a firing writes back."""
        if not self._emit:
            return {"text": match.events[-1].text or body, "rule": match.rule, "group": match.group}
        document = self._document(match, 0)
        context = Context(match.at_ms, offset_min)
        return {name: _fill(filled, document, context, VALUE_MAX) for name, filled in self._emit if filled is not None}

    def _document(self, match: Match, suppressed: int) -> dict[str, Any]:
        last = match.events[-1]
        rule = self._rule
        return {
            **last.body,
            **match.found,
            "_": view(last),
            "rule": {
                "name": rule.name, "severity": rule.severity, "description": rule.description,
                "owner": rule.owner, "tags": list(rule.tags),
            },
            "group": match.group,
            "count": len(match.events),
            "suppressed": suppressed,
            "duration": match.at_ms - match.events[0].at_ms,
            "events": [{**event.body, "_": view(event)} for event in match.events],
            "vars": self._vars,
            "link": link_of(last),
        }  # fmt: skip


Filled = list[str | Expression]


def _compile(template: Template | None) -> Filled | None:
    if template is None:
        return None
    return [compile_expression(part) if number % 2 else part for number, part in enumerate(template.parts)]


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


def value_text(value: Any) -> str:
    """Return a value as a reader expects it: text as it is, null as nothing, everything else as JSON, cut."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value[:VALUE_MAX]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json_text(value)[:VALUE_MAX]


def _default_body(event: Event) -> str:
    """Return the message of a rule that writes none."""
    if event.text and event.text.strip():
        return event.text[:BODY_MAX]
    if event.kind == "session":
        link = link_of(event)
        return f"Session {event.session or 'unknown'}: {event.status or 'changed'}" + (f"\n{link}" if link else "")
    return json_text(event.body)[:500]


def link_of(event: Event) -> str:
    """Return the address to watch, where the event carries one."""
    data = event.body.get("data")
    for holder in (data, event.body):
        if isinstance(holder, dict):
            for key in ("player_url", "stream_url"):
                if isinstance(holder.get(key), str):
                    return str(holder[key])
    return ""


def digest_text(rule: Rule, messages: list[tuple[str, str]], more: int) -> Rendered:
    """Return one message for several (time, body) that waited; what does not fit is counted."""
    lines: list[str] = []
    room = BODY_MAX
    for clock, body in messages:
        line = f"{clock}  {body[:DIGEST_LINE_MAX]}"
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    more += len(messages) - len(lines)
    if more:
        lines.append(f"(and {more} more)")
    return f"{rule.name}: {len(messages)} while quiet", "\n".join(lines)
