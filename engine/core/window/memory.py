"""What windows keep of events, and how any operator's state becomes bytes and comes back.

A state is a NamedTuple of numbers, texts, tuples and `Item`s; `freeze` and `thaw` need no more than that, so no
operator writes a format of its own.
"""

from __future__ import annotations

from typing import Any

from engine.core.json_text import json_text
from engine.model.event import Event, Position
from engine.model.window import Item

__all__ = ["freeze", "thaw", "trim"]

# A body of up to 4 kB is kept as it is (screen descriptions have some 2 kB); of a larger one only the short fields.
MAX_BODY = 4_000
MAX_TEXT = 4_000
MAX_FIELD = 500

_ITEM, _EVENT, _PLAIN = "i", "e", "p"


def trim(event: Event) -> Event:
    """Return the event with no more text than a message may show. An ordinary event is returned as it is."""
    if event.text is not None and len(event.text) > MAX_TEXT:
        event = event._replace(text=event.text[:MAX_TEXT])
    return event if len(json_text(event.body)) <= MAX_BODY + MAX_TEXT else event._replace(body=_short(event.body))


def _short(body: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if len(str(value)) <= MAX_FIELD}
    data = body.get("data")
    if isinstance(data, dict) and "data" not in kept:
        kept["data"] = {name: value for name, value in data.items() if len(str(value)) <= MAX_FIELD}
    return kept


def freeze(value: Any) -> Any:
    """Return plain JSON values from which `thaw` makes an equal state."""
    if isinstance(value, Item):
        return {_ITEM: [*value[:3], list(value.roles), value.value, freeze(value.event), value.found]}
    if isinstance(value, Event):
        return {_EVENT: [*value.position, *value[1:15], list(value.key), *value[16:]]}
    if isinstance(value, tuple | list):
        return [freeze(part) for part in value]
    if isinstance(value, dict):
        return {_PLAIN: value}
    return value


def thaw(value: Any) -> Any:
    """Return what `freeze` was given, but for lists, which come back as tuples."""
    if isinstance(value, list):
        return tuple(thaw(part) for part in value)
    if not isinstance(value, dict):
        return value
    if _ITEM in value:
        at_ms, end_ms, seen_ms, roles, found_value, event, found = value[_ITEM]
        return Item(at_ms, end_ms, seen_ms, tuple(roles), found_value, thaw(event), found)
    if _EVENT in value:
        return _event(value[_EVENT])
    return value[_PLAIN]


def _event(parts: list[Any]) -> Event:
    log, offset, *middle, key, late_ms, label = parts
    return Event._make((Position(log, offset), *middle, tuple(key), late_ms, label))
