"""What holds a firing back: one state a (rule, group), one fixed order, and a reason for every silence.

Invariant: cooldown, dedup and limit run from firings that passed every gate, never from a mere match (RULES 7).
"""

from __future__ import annotations

from typing import NamedTuple

from engine.core.hours import covers, end_of_span_ms
from engine.core.shelf import pack, unpack
from engine.model.match import Reason, Step
from engine.model.rule import Gates, Severity

__all__ = [
    "EMPTY", "Attempt", "Deferred", "GateState", "cooldown_end_ms", "defer", "dump", "load", "on_match", "on_time",
]  # fmt: skip

# A digest of more than this is not read; the rest is counted. Only the first keeps its whole text, for it may go out
# alone: the state is written anew with every message that joins it.
MAX_DEFERRED = 200
MAX_DEFERRED_BODY = 500
MAX_KEYS = 1_000
# 2: a message that waits names destinations of its own; one of version 1 has none.
VERSION = 2


class Deferred(NamedTuple):
    """A message that waits for the end of `quiet`. It owns its text. `also` are destinations beyond the rule's own."""

    at_ms: int
    firing: str
    title: str
    body: str
    also: tuple[str, ...] = ()


class GateState(NamedTuple):
    """The memory of one group. `held` counts the firings silenced since the last message.

    Units: epoch ms. Shape: `passed` has the last firings, at most `limit.count`; `keys` pairs of (key, instant),
    oldest first and within `dedup.for_ms`.
    """

    last_ms: int | None = None
    passed: tuple[int, ...] = ()
    keys: tuple[tuple[str, int], ...] = ()
    held: int = 0
    deferred: tuple[Deferred, ...] = ()


EMPTY = GateState()


class Attempt(NamedTuple):
    """One firing at the gates. Offsets are looked up by the caller: the core knows no zones.

    `snoozed`: somebody wants no messages of the rule now; `open`: the group's incident is open already.
    """

    at_ms: int
    severity: Severity
    unless: bool
    dedup_key: str
    active_offset_min: int
    quiet_offset_min: int
    snoozed: bool = False
    open: bool = False


def on_match(gates: Gates, state: GateState, attempt: Attempt) -> Step[GateState, Reason | None]:
    """Let the firing pass (None), defer it (`QUIET`, with the end of the quiet span as wake-up), or hold it."""
    now = attempt.at_ms
    reason = _first_objection(gates, state, attempt)
    if reason is not None:
        return Step(state._replace(held=state.held + 1), reason)
    quiet = gates.quiet
    is_quiet = quiet is not None and attempt.severity != "critical" and covers(quiet, now, attempt.quiet_offset_min)
    passed = _passed(gates, state, attempt)
    if quiet is not None and is_quiet:
        return Step(passed, Reason.QUIET, end_of_span_ms(quiet, now, attempt.quiet_offset_min))
    return Step(passed, None)


def _first_objection(gates: Gates, state: GateState, attempt: Attempt) -> Reason | None:
    now = attempt.at_ms
    if not gates.enabled:
        return Reason.DISABLED
    if gates.expires_ms is not None and now >= gates.expires_ms:
        return Reason.EXPIRED
    if attempt.snoozed:
        return Reason.SNOOZED
    if gates.active is not None and not covers(gates.active, now, attempt.active_offset_min):
        return Reason.INACTIVE
    if attempt.unless:
        return Reason.UNLESS
    if gates.dedup is not None and _was_sent(state, attempt.dedup_key, now, gates.dedup.for_ms):
        return Reason.DEDUP
    if gates.cooldown_ms and state.last_ms is not None and state.last_ms <= now < state.last_ms + gates.cooldown_ms:
        return Reason.COOLDOWN
    if gates.limit is not None and _in_window(state, now, gates.limit.per_ms) >= gates.limit.count:
        return Reason.LIMIT
    return Reason.OPEN if attempt.open else None


def _was_sent(state: GateState, key: str, now: int, for_ms: int) -> bool:
    return any(known == key and now - for_ms < at_ms <= now for known, at_ms in state.keys)


def _in_window(state: GateState, now: int, per_ms: int) -> int:
    return sum(1 for at_ms in state.passed if now - per_ms < at_ms <= now)


def _passed(gates: Gates, state: GateState, attempt: Attempt) -> GateState:
    """Remember a firing that passed, and that its message tells of those held before it.

    A gate the rule does not have leaves no trace, so most rules keep no state.
    """
    now = attempt.at_ms
    keys, passed = state.keys, state.passed
    if gates.dedup is not None:
        since = now - gates.dedup.for_ms
        recent = tuple((key, at) for key, at in keys if at > since and key != attempt.dedup_key)
        keys = (*recent, (attempt.dedup_key, now))[-MAX_KEYS:]
    if gates.limit is not None:
        passed = (*(at for at in passed if at > now - gates.limit.per_ms), now)[-gates.limit.count :]
    return state._replace(last_ms=now if gates.cooldown_ms else None, keys=keys, passed=passed, held=0)


def cooldown_end_ms(gates: Gates, state: GateState) -> int | None:
    """Return when the cooldown that runs now will be over, for people."""
    return state.last_ms + gates.cooldown_ms if gates.cooldown_ms and state.last_ms is not None else None


def defer(state: GateState, message: Deferred, suppressed: int) -> GateState:
    """Keep a message for the end of `quiet`; past the cap it is only counted, with those it would have told of."""
    if len(state.deferred) >= MAX_DEFERRED:
        return state._replace(held=state.held + 1 + suppressed)
    if state.deferred:
        message = message._replace(body=message.body[:MAX_DEFERRED_BODY])
    return state._replace(deferred=(*state.deferred, message))


def on_time(gates: Gates, state: GateState, now_ms: int, offset_min: int) -> Step[GateState, tuple[Deferred, ...]]:
    """Release what was deferred once `quiet` is over, or was removed from the rule; else say when to ask again."""
    if not state.deferred:
        return Step(state, ())
    if gates.quiet is not None and covers(gates.quiet, now_ms, offset_min):
        return Step(state, (), end_of_span_ms(gates.quiet, now_ms, offset_min))
    return Step(state._replace(deferred=(), held=0), state.deferred)


def dump(state: GateState) -> bytes:
    """Return a state as bytes for the store."""
    *plain, deferred = state
    return pack(VERSION, [*plain, [list(message) for message in deferred]])


def load(blob: bytes) -> GateState:
    """Return what `dump` wrote."""
    last_ms, passed, keys, held, deferred = unpack(blob)
    return GateState(
        last_ms,
        tuple(passed),
        tuple((key, at_ms) for key, at_ms in keys),
        held,
        tuple(Deferred(*item[:4], *map(tuple, item[4:])) for item in deferred),
    )
