"""Which rules hold for one event. Stateless: the same event and program always give the same hits."""

from __future__ import annotations

from typing import Any

from engine.core.compile import CompiledRule, Program
from engine.core.json_text import json_text
from engine.core.subject import Subject
from engine.model.event import Event
from engine.model.match import Hit

__all__ = ["group_text", "select"]


def select(program: Program, subject: Subject) -> list[Hit]:
    """Return the rules whose condition holds, in file order.

    Text that was superseded reaches only the rules that ask for it (`partials`), blank speech none (RULES 6).
    """
    event = subject.event
    superseded = False
    if event.kind == "transcript":
        superseded = not event.final
        if superseded and not program.wants_partials:
            return []
        if event.text is not None and not event.text.strip():
            return []
    hits: list[Hit] = []
    for number in program.index(event.kind).nominate(subject):
        compiled = program.rules[number]
        if superseded and not compiled.wants_partials:
            continue
        if compiled.holds(subject):
            hits.append(hit_of(compiled, subject))
        subject.charge(compiled.rule.name)
    return hits


def hit_of(compiled: CompiledRule, subject: Subject) -> Hit:
    """Return the hit of a rule that holds: its group, its class and the named groups of its patterns."""
    found: dict[str, Any] = {}
    for capture in compiled.captures:
        found |= capture(subject)
    event = subject.event
    if compiled.classes or compiled.rule.classify_else is not None:
        # `_replace` costs 2 us more, and a day has hundreds of thousands of hits with a label, the last field.
        event = tuple.__new__(Event, (*event[:-1], _label(compiled, subject)))
    group = None
    if compiled.group_of:
        labelled = subject if event is subject.event else Subject(event, subject.in_state, subject.offset_min)
        group = group_text([find(labelled) for find in compiled.group_of])
    return Hit(compiled.rule.name, group, event, found)


def _label(compiled: CompiledRule, subject: Subject) -> str | None:
    for label, holds in compiled.classes:
        if holds(subject):
            return label
    return compiled.rule.classify_else


def group_text(values: list[Any]) -> str | None:
    """Return the group a list of `by` values names: itself for one text, None for null alone, else JSON."""
    if len(values) > 1:
        return json_text(values, sort=True)
    value = values[0]
    return value if value is None or (isinstance(value, str) and value) else json_text(value, sort=True)
