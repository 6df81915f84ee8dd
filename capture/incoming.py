"""Bytes from outside to a JSON object, or the reason why not: the one gate for websocket, webhook and recorder.

Nothing that passes here can trip a later reader: it is an object, UTF-8, without NaN, at most 64 levels deep and short
enough for a line of the journal.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple, NoReturn

import orjson

__all__ = ["MAX_DEPTH", "MAX_MESSAGE", "Refused", "parse_object"]

MAX_DEPTH = 64
MAX_MESSAGE = (1 << 20) - 4096
"""Bytes a message may have: a line of the journal less what the journal adds."""


class Refused(NamedTuple):
    """Why this is no message. Shape: a short word, for the dead-letter file."""

    reason: str


def parse_object(raw: bytes, limit: int = MAX_MESSAGE) -> dict[str, Any] | Refused:
    """Return the object these bytes say, at most `limit` of them. Errors: none, a Refused tells what is wrong."""
    if len(raw) > limit:
        return Refused("too-long")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        value = _parse_odd(raw)
    if isinstance(value, Refused):
        return value
    if not isinstance(value, dict):
        return Refused("not-object")
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        return Refused("too-deep")
    return value


def _parse_odd(raw: bytes) -> Any:
    """Parse what orjson refuses and JSON allows: lone surrogates, integers of any length."""
    try:
        return json.loads(raw.decode(), parse_constant=_refuse)
    except RecursionError:
        return Refused("too-deep")
    except UnicodeDecodeError:
        return Refused("not-utf8")
    except ValueError:
        return Refused("not-json")


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _depth(value: Any) -> int:
    """Return how deep it is nested, without recursion, and no more than one level past the limit."""
    depth, layer = 0, [value]
    while layer and depth <= MAX_DEPTH:
        depth += 1
        inner = (v.values() if isinstance(v, dict) else v for v in layer if isinstance(v, dict | list))
        layer = [each for values in inner for each in values]
    return depth
