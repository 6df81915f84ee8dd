"""What the runner itself knows and writes into the journal, as messages with the channel `capture`.

They are lines like any other, so that a reader can tell silence from deafness. Units: `from` and `to` are epoch
milliseconds.
"""

from __future__ import annotations

from typing import Any

__all__ = ["gap", "generation"]


def generation(number: int, connection_id: str) -> dict[str, Any]:
    """A websocket connection is up; what was bound to an earlier one hears nothing more."""
    return _fact("generation", {"generation": number, "connection_id": connection_id})


def gap(from_ms: int, to_ms: int, reason: str, *, filled: bool) -> dict[str, Any]:
    """Nothing could be heard meanwhile; `filled` tells whether what was missed was fetched afterwards."""
    return _fact("gap", {"from": from_ms, "to": to_ms, "reason": reason, "filled": filled})


def _fact(name: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"channel": "capture", "event": f"capture.{name}", "data": data}
