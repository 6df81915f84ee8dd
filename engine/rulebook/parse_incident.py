"""`escalate`, `until` and `resolve`: how long a firing stays open, who else is told, and what is said at its end."""

from __future__ import annotations

from typing import NamedTuple

from engine.model.condition import Condition, Kinds
from engine.model.rule import Escalation, Incident
from engine.rulebook.parse_action import read_destinations
from engine.rulebook.parse_expression import read_template
from engine.rulebook.parse_pattern import closes
from engine.rulebook.parse_range import MINUTE_MS, read_length, read_whole, required
from engine.rulebook.parse_reader import Reader
from engine.rulebook.parse_when import read_selectors
from engine.rulebook.yaml_guard import Items, Mapping, Node

__all__ = ["ACKED", "INCIDENT_KEYS", "MOST_ESCALATIONS", "read_incident"]

ACKED = "acked"
INCIDENT_KEYS = ("escalate", "until", "resolve")
MOST_ESCALATIONS = 20
# Who repeats without a bound is told so often and no more: nobody acts on the eleventh message.
_USUAL_REPEATS = 10
_EXAMPLE = "{after: 15m, notify: oncall}"


class _End(NamedTuple):
    """What ends an incident besides its pattern."""

    events: Condition | None = None
    acked: bool = False


def read_incident(reader: Reader, rule: Mapping) -> Incident | None:
    """Return what becomes of a firing after it was told; None where nothing does."""
    escalate, until, resolve = (rule.get(key) for key in INCIDENT_KEYS)
    if escalate is None and until is None and resolve is None:
        return None
    _check_digest(reader, rule)
    end = _End() if until is None else _end(reader, until)
    ends_itself = closes(rule)
    if resolve is not None and not ends_itself and (until is None or end == _End(None, True)):
        _unresolved(reader, rule, until is not None)
    return Incident(
        steps=() if escalate is None else _steps(reader, escalate),
        until=end.events,
        # What nothing else can end is ended by whoever says that it was seen.
        until_acked=end.acked or (end.events is None and not ends_itself),
        resolve=None if resolve is None else read_template(reader, resolve, "resolve"),
    )


def _check_digest(reader: Reader, rule: Mapping) -> None:
    if rule.get("digest") is None:
        return
    for pair in rule.pairs:
        if pair.key.text in INCIDENT_KEYS:
            message = f"`{pair.key.text}` does not go with `digest`: what is collected is not open"
            hint = "write two rules: one that collects, and one that tells at once"
            reader.error(pair.key.span, "contradiction", message, hint)


def _unresolved(reader: Reader, rule: Mapping, is_acked: bool) -> None:
    message = "`resolve` has no effect: nothing but an ack ends this" if is_acked else "`resolve` has no effect here"
    hint = "add until: session.active or another event; absent and for end by themselves"
    reader.error(rule.place("resolve"), "no-effect", message, hint)


def _end(reader: Reader, node: Node) -> _End:
    scalars = reader.scalars(node, "until")
    selectors = read_selectors(reader, (scalar for scalar in scalars if scalar.text != ACKED), "until")
    return _End(Kinds(selectors) if selectors else None, any(scalar.text == ACKED for scalar in scalars))


def _steps(reader: Reader, node: Node) -> tuple[Escalation, ...]:
    if not isinstance(node, Items):
        hint = f"put a dash before each step, or write escalate: [{_EXAMPLE}]"
        reader.error(node.span, "wrong-form", "`escalate` takes a list of steps", hint)
        return ()
    if not node.items:
        reader.error(node.span, "empty-list", "`escalate` is an empty list", f"such as escalate: [{_EXAMPLE}]")
    if len(node.items) > MOST_ESCALATIONS:
        message = f"`escalate` has more than {MOST_ESCALATIONS} steps"
        reader.error(node.span, "out-of-range", message, "let the last one repeat")
    steps: list[Escalation] = []
    for part in node.items:
        step = _step(reader, part)
        if step is not None and steps and step.after_ms < steps[-1].after_ms:
            hint = "every `after` counts from the firing; write the steps in order of time"
            reader.error(part.span, "contradiction", "escalate: this step comes before the one above it", hint)
        steps += [] if step is None else [step]
    return tuple(steps)


def _step(reader: Reader, node: Node) -> Escalation | None:
    step = reader.mapping(node, "escalate", _EXAMPLE)
    if step is None:
        return None
    reader.check_keys(step, ("after", "notify", "repeat", "max"))
    after = required(reader, step, "escalate", "after", _EXAMPLE)
    notify = required(reader, step, "escalate", "notify", _EXAMPLE)
    repeat, most = step.get("repeat"), step.get("max")
    after_ms = None if after is None else read_length(reader, after, "after")
    told = () if notify is None else read_destinations(reader, notify)
    repeat_ms = None if repeat is None else read_length(reader, repeat, "repeat", MINUTE_MS)
    if most is not None and repeat is None:
        reader.error(most.span, "no-effect", "`max` has no effect without `repeat`", "add repeat: 15m, or remove it")
    limit = _USUAL_REPEATS if most is None else read_whole(reader, most, "max", 2, 1_000)
    if after_ms is None or not told or limit is None:
        return None
    return Escalation(after_ms, told, repeat_ms, limit if repeat_ms is not None else 1)
