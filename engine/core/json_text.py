"""Any value an expression can give, as JSON text.

Total: numbers of more than 64 bits and keys that are no text are values too.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

__all__ = ["json_text", "json_value"]

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS


def json_text(value: Any, *, sort: bool = False) -> str:
    """Return the value as JSON on one line; keys keep their order unless `sort`."""
    try:
        return orjson.dumps(value, option=_OPTIONS if sort else orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return json.dumps(value, default=str, separators=(",", ":"))


def json_value(text: bytes) -> Any:
    """Return what `json_text` wrote. Errors: `ValueError` for anything that is no JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:  # a lone surrogate in hostile text, which orjson writes by escape but does not read
        return json.loads(text)
