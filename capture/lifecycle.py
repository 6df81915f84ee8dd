"""The life of a session as lines, also when only polling told it: what was skipped is said in order. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

__all__ = ["FINAL", "TERMINAL", "lifecycle_message", "status_of", "unsaid"]

_ORDER = ("created", "starting", "active", "stopping", "stopped", "exported")
_ALIASES = {"stop_requested": "stopping"}
TERMINAL = frozenset(("stopped", "exported", "failed"))
"""Statuses after which nothing is recorded any more."""
FINAL = frozenset(("exported", "failed"))
"""Statuses that no other follows."""


def status_of(message: Mapping[str, Any]) -> str | None:
    """Return the status a lifecycle message tells, wherever it stands; None for any other message."""
    event = message.get("event")
    if isinstance(event, str) and event.startswith("capture_session."):
        return event.partition(".")[2]
    if message.get("channel") != "capture_session":
        return None
    data = message.get("data")
    told = message.get("status") or (data.get("status") if isinstance(data, dict) else None)
    return told if isinstance(told, str) else None


def unsaid(said: Collection[str], status: str) -> tuple[str, ...]:
    """Return the statuses to write, in order, when polling finds `status`. A failure says nothing of what came before.

    A poll may be answered from before what is already known: then there is nothing to write.
    """
    status = _ALIASES.get(status, status)
    if status not in _ORDER:
        return () if status in said else (status,)
    reached = _ORDER.index(status)
    if FINAL & set(said) or any(_ORDER.index(each) > reached for each in said if each in _ORDER):
        return ()
    return tuple(each for each in _ORDER[: reached + 1] if each not in said)


def lifecycle_message(
    session_id: str, status: str, end_user_id: str, at_iso: str, data: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the message as the cloud would have sent it."""
    return {
        "channel": "capture_session", "event": f"capture_session.{status}", "capture_session_id": session_id,
        "status": status, "timestamp": at_iso, "end_user_id": end_user_id, "data": dict(data),
    }  # fmt: skip
