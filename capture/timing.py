"""Every wait of the capture runner in one place, so that tests run the real thing a hundred times faster."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

__all__ = ["VARIABLE", "Timing", "timing_from"]

VARIABLE = "CAPTURE_TIMING"
"""The environment variable with other values: `heartbeat_s=1,poll_far_s=5`. For tests; not part of the interface."""


@dataclass(frozen=True, slots=True)
class Timing:
    """All in seconds. The defaults were chosen for the real cloud; a visual index costs money at every rebind."""

    greeting_s: float = 60.0
    "How long the first connection may take before `start` gives up."
    active_s: float = 120.0
    "How long a session may take to become active."
    call_s: float = 40.0
    "How long one call to the cloud may take; the SDK's own limit is 30 s for each of its attempts."
    recorder_s: float = 15.0
    "How long the recorder may take to start."
    command_s: float = 90.0
    "How long a command of the recorder may take at most; most have shorter deadlines of their own."
    poll_near_s: float = 3.0
    "Between looks at the session while its state is about to change."
    poll_far_s: float = 30.0
    "Between looks at it otherwise."
    grace_s: float = 2.0
    "What polling finds is written only if the socket has not said it by then."
    retry_s: float = 120.0
    "For how long a pipeline's start is tried again before it counts as failed for now."
    retry_first_s: float = 0.5
    retry_most_s: float = 30.0
    rebind_after_s: float = 5.0
    "How long a new connection must hold before pipelines move to it."
    rebind_every_s: float = 60.0
    "At least so long between two moves."
    refill_s: float = 20.0
    "When a filled gap is looked at once more, for what the cloud was still working on."
    overlap_s: float = 30.0
    "How far before a gap polling begins: what was said before may have been finished within."
    heartbeat_s: float = 30.0
    "Between heartbeat lines."
    sleep_s: float = 10.0
    "How far the wall clock may run ahead of the machine's own before that was a sleep."
    drain_s: float = 5.0
    "How long last messages are waited for after the recording stopped."
    settle_s: float = 30.0
    "How long the end waits for what was missed; without a network that is in vain."
    stop_call_s: float = 10.0
    "How long stopping one pipeline may take."
    export_first_s: float = 3.0
    export_most_s: float = 30.0
    export_for_s: float = 1800.0
    "For how long an export is waited for in one go."
    backoff_first_s: float = 0.5
    backoff_most_s: float = 60.0
    "Of the websocket."


def timing_from(environ: Mapping[str, str] = os.environ) -> Timing:
    """Return the defaults with what `CAPTURE_TIMING` overrides. Errors: ValueError."""
    known = {field.name for field in fields(Timing)}
    changes: dict[str, float] = {}
    for pair in filter(None, environ.get(VARIABLE, "").split(",")):
        name, _, text = pair.partition("=")
        if name not in known:
            raise ValueError(f"{VARIABLE}: there is no {name!r}")
        changes[name] = float(text)
    return replace(Timing(), **changes)
