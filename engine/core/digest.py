"""When collected firings are told: the head of one digest. What it collected is kept beside it, a row each.

Pure steps. The times of a digest: a tick of its timers once enough wait, `or_at` items, the end of the session.
Invariant: each item that was collected is told once, or counted once among those held.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from engine.core.shelf import pack, unpack
from engine.core.statistics import NOTHING, Tally
from engine.model.match import Step
from engine.model.rule import Digest

__all__ = [
    "EMPTY", "MAX_ITEMS", "Arrived", "Head", "Ticks", "Verdict", "begin", "collect", "due", "dump", "end", "is_enough",
    "load", "on_time",
]  # fmt: skip

# Nobody reads more in one message, and it bounds what a digest holds (8 MB at the longest texts).
MAX_ITEMS = 1_000
VERSION = 1


class Ticks(NamedTuple):
    """The timers of a digest: `after` gives the first tick later than an instant, `until` the last one not later."""

    after: Callable[[int], int | None]
    until: Callable[[int], int | None]


class Verdict(Enum):
    """What becomes of a digest whose time has come."""

    TELL = "tell"
    DROP = "drop"


class Head(NamedTuple):
    """What a digest knows of itself. `size` firings were collected, the first `kept` of them are there in full.

    `held` counts firings that gates held before those collected; `more` is the tally of those that are only counted.
    `since_ms` is where the wait for a tick began, None while too few are there; `due_ms` a time that came without a
    tick; `ends` says that the session is over. Units: epoch ms.
    """

    size: int = 0
    kept: int = 0
    held: int = 0
    first_ms: int | None = None
    since_ms: int | None = None
    due_ms: int | None = None
    ends: bool = False
    more: Tally = NOTHING


EMPTY = Head()


def begin(spec: Digest, head: Head, now_ms: int) -> Head:
    """Begin to wait for ticks although nothing came yet, where a digest is told even then."""
    return head._replace(since_ms=now_ms) if spec.send_empty and head.since_ms is None else head


class Arrived(NamedTuple):
    """One firing to collect. `after_ms` is when it reached us, at its own time or later; `tally` is of it alone.

    `room` is False when the rule holds so much already that it can only be counted.
    """

    at_ms: int
    after_ms: int
    tally: Tally
    held: int = 0
    room: bool = True


def collect(spec: Digest, head: Head, arrived: Arrived, ticks: Ticks) -> Step[Head, bool]:
    """Take in a firing. Says whether it is to be kept; the wake-up is when the digest is due, if it can be."""
    keep = head.kept < MAX_ITEMS and (arrived.room or not head.kept)
    size = head.size + 1
    since_ms, due_ms = head.since_ms, head.due_ms
    if since_ms is None and size >= spec.minimum:
        since_ms = arrived.after_ms
    if due_ms is None and spec.or_at is not None and size >= spec.or_at:
        due_ms = arrived.after_ms
    head = head._replace(
        size=size,
        kept=head.kept + keep,
        held=head.held + arrived.held,
        first_ms=arrived.at_ms if head.first_ms is None else head.first_ms,
        since_ms=since_ms,
        due_ms=due_ms,
        more=head.more if keep else head.more + arrived.tally,
    )
    return Step(head, keep, due(spec, head, ticks))


def end(head: Head, at_ms: int) -> Head:
    """Let the session be over: the digest is due then, unless it is already."""
    return head._replace(due_ms=at_ms if head.due_ms is None else min(head.due_ms, at_ms), ends=True)


def due(spec: Digest, head: Head, ticks: Ticks) -> int | None:
    """Return when the digest is due, None while nothing but another firing can make it so."""
    tick_ms = None
    if head.since_ms is not None and (head.size >= spec.minimum or spec.send_empty):
        tick_ms = ticks.after(head.since_ms)
    return min((at_ms for at_ms in (tick_ms, head.due_ms) if at_ms is not None), default=None)


def is_enough(spec: Digest, head: Head) -> bool:
    """Tell whether a digest is told when its time comes.

    `min` is for the timers; only where there are none, the end of a session minds it too: nothing comes after it.
    """
    return head.size >= spec.minimum or (head.due_ms is not None and not (head.ends and not spec.timers))


def on_time(
    spec: Digest, head: Head, now_ms: int, ticks: Ticks, woke_ms: int | None = None
) -> Step[Head, Verdict | None]:
    """Judge the digest at an instant. `woke_ms`: the engine slept until then, so of empty ticks only the last counts.

    After a verdict the head is that of the next digest.
    """
    due_ms = due(spec, head, ticks)
    if due_ms is None or now_ms < due_ms:
        return Step(head, None, due_ms)
    after = begin(spec, EMPTY, now_ms)
    if head.due_ms is not None and head.due_ms <= now_ms:
        return Step(after, Verdict.TELL if is_enough(spec, head) else Verdict.DROP, due(spec, after, ticks))
    if head.size >= spec.minimum:
        return Step(after, Verdict.TELL, due(spec, after, ticks))
    last_ms = due_ms if woke_ms is None else ticks.until(woke_ms) or due_ms
    if head.size or last_ms <= due_ms:
        after = head._replace(since_ms=now_ms) if head.size else after
        return Step(after, None if head.size else Verdict.TELL, due(spec, after, ticks))
    slept = head._replace(since_ms=last_ms - 1)
    return Step(slept, None, due(spec, slept, ticks))


def dump(head: Head) -> bytes:
    """Return a head as bytes for the store."""
    return pack(VERSION, [*head[:-1], None if head.more == NOTHING else list(head.more)])


def load(blob: bytes) -> Head:
    """Return what `dump` wrote."""
    *plain, more = unpack(blob)
    tally = NOTHING
    if more is not None:
        tally = Tally._make(tuple(map(tuple, part)) if isinstance(part, list) else part for part in more)
    return Head._make((*plain, tally))
