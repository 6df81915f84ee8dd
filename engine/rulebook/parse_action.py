"""What a firing does: whom it tells, what it says, what it writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from engine.model.rule import Emit, Template
from engine.rulebook.parse_expression import read_template
from engine.rulebook.parse_reader import Reader
from engine.rulebook.scalars import ScalarError, file_name, rule_name
from engine.rulebook.yaml_guard import Items, Mapping, Node, Scalar, short

__all__ = ["ALWAYS_KNOWN", "Action", "read_action", "read_destinations", "told_names"]

ALWAYS_KNOWN = frozenset({"default", "console"})
"""Destinations that exist without any configuration."""

# A rule with one of these means somebody to read it.
_SPEAKS = ("title", "message", "summarize", "escalate", "until", "resolve")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


class Action(NamedTuple):
    """The part of a rule that acts."""

    notify: tuple[str, ...]
    title: Template | None
    message: Template | None
    record: str | None
    emit: Emit | None


def read_action(reader: Reader, rule: Mapping) -> Action:
    """Return what the rule does. Without `notify` it tells `default`; if it only records or emits, nobody.

    A digest that is emitted is for the rules that hear it, too.
    """
    notify, title, message, emit = rule.get("notify"), rule.get("title"), rule.get("message"), rule.get("emit")
    says = any(rule.get(key) is not None for key in _SPEAKS) or (rule.get("digest") is not None and emit is None)
    is_silent = not says and (rule.get("record") is not None or emit is not None)
    return Action(
        notify=(() if is_silent else ("default",)) if notify is None else read_destinations(reader, notify),
        title=None if title is None else read_template(reader, title, "title"),
        message=None if message is None else read_template(reader, message, "message"),
        record=reader.optional(rule, "record", "bad-file-name", file_name),
        emit=None if emit is None else _emit(reader, emit),
    )


def read_destinations(reader: Reader, node: Node) -> tuple[str, ...]:
    """Return the names of one destination or of several, each once."""
    names = [name for scalar in reader.scalars(node, "notify") if (name := _destination(reader, scalar))]
    return tuple(dict.fromkeys(names))


def told_names(rule: Mapping) -> Iterator[Scalar]:
    """Yield the names of all destinations as they are written, those of the escalation too."""
    escalate = rule.get("escalate")
    steps = escalate.items if isinstance(escalate, Items) else ()
    for place in (rule, *(step for step in steps if isinstance(step, Mapping))):
        node = place.get("notify")
        for part in node.items if isinstance(node, Items) else (node,):
            if isinstance(part, Scalar):
                yield part


def _destination(reader: Reader, scalar: Scalar) -> str | None:
    """Read a name. Addresses hold secrets and rules are shared, so an address here is an error."""
    if "://" in scalar.text:
        hint = "declare it in engine.yaml under destinations and write its name here"
        reader.error(scalar.span, "url-in-rule", "notify: addresses do not belong into rules", hint)
        return None
    try:
        return rule_name(scalar.text)
    except ScalarError as fault:
        reader.error(scalar.span, "bad-name", f"notify: {fault.message}", fault.hint)
        return None


def _emit(reader: Reader, node: Node) -> Emit | None:
    """Read true, false or a map of field to template."""
    if not isinstance(node, Mapping):
        return Emit() if reader.flag(node, "emit") else None
    fields: list[tuple[str, Template]] = []
    for pair in node.pairs:
        name = pair.key.text
        if not _FIELD.fullmatch(name):
            hint = "letters, digits and underscores, a letter first"
            reader.error(pair.key.span, "bad-name", f'emit: "{short(name)}" is not a field name', hint)
        template = read_template(reader, pair.value, name)
        fields += [(name, template)] if template else []
    if not node.pairs:
        reader.error(node.span, "empty-value", "`emit` is an empty mapping", "write emit: true")
    return Emit(tuple(fields))
