"""What becomes of an outbox row after each attempt, and of a destination after each outcome.

Two small machines on values, no clock and no chance: `now_ms` and `jitter` are arguments. The legal moves of a row
are the table `MOVES`; every other function here goes through it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, assert_never

from engine.model.delivery import Delivery, DeliveryState, Outcome, Permanent, Sent, Temporary

__all__ = [
    "CLOSED", "MAX_AGE_MS", "MAX_CRASHES", "MAX_TRIES", "MAX_WAIT_MS", "MIN_WAIT_MS", "MOVES", "OPEN_AFTER",
    "PAUSE_MS", "Breaker", "Cause", "IllegalMove", "after", "after_crash", "allow", "backoff_ms", "bury", "claimed",
    "crashed", "handed_back", "move", "record", "revived", "window",
]  # fmt: skip

MIN_WAIT_MS: Final = 1_000
MAX_WAIT_MS: Final = 3_600_000
MAX_TRIES: Final = 50
MAX_AGE_MS: Final = 86_400_000
MAX_CRASHES: Final = 3
OPEN_AFTER: Final = 5
"""So many temporary failures in a row open a destination's breaker."""
PAUSE_MS: Final = 900_000
"""A destination that refuses us is asked again after this long, unless a person resumes it before."""


class Cause(StrEnum):
    """Why a row moves."""

    CLAIMED = "claimed"
    SENT = "sent"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    SPENT = "spent"
    CRASHED = "crashed"
    HANDED_BACK = "handed back"
    REVIVED = "revived"


class IllegalMove(RuntimeError):  # noqa: N818  its name is what it is
    """A row was moved as the table does not allow: a fault of this program."""


MOVES: Final[Mapping[tuple[DeliveryState, Cause], DeliveryState]] = {
    (DeliveryState.PENDING, Cause.CLAIMED): DeliveryState.SENDING,
    (DeliveryState.SENDING, Cause.SENT): DeliveryState.SENT,
    (DeliveryState.SENDING, Cause.TEMPORARY): DeliveryState.PENDING,
    (DeliveryState.SENDING, Cause.PERMANENT): DeliveryState.DEAD,
    (DeliveryState.SENDING, Cause.SPENT): DeliveryState.DEAD,
    (DeliveryState.SENDING, Cause.CRASHED): DeliveryState.PENDING,
    (DeliveryState.SENDING, Cause.HANDED_BACK): DeliveryState.PENDING,
    (DeliveryState.PENDING, Cause.SPENT): DeliveryState.DEAD,
    (DeliveryState.DEAD, Cause.REVIVED): DeliveryState.PENDING,
}


def move(state: DeliveryState, cause: Cause) -> DeliveryState:
    """Return the state that follows. Errors: `IllegalMove`."""
    try:
        return MOVES[state, cause]
    except KeyError:
        raise IllegalMove(f"a {state} row cannot be {cause}") from None


def after(
    delivery: Delivery, outcome: Outcome, now_ms: int, jitter: float, *, max_age_ms: int = MAX_AGE_MS
) -> Delivery:
    """Return the row after one attempt. A row that is SENT or DEAD then carries that instant as `due_ms`.

    Shape: `jitter` in [0, 1). Errors: `IllegalMove` unless the row is SENDING.
    """
    match outcome:
        case Sent():
            return _moved(delivery, Cause.SENT, now_ms, "")
        case Permanent():
            return _moved(delivery, Cause.PERMANENT, now_ms, outcome.reason)
        case Temporary():
            if delivery.tries >= MAX_TRIES or now_ms - delivery.created_ms > max_age_ms:
                return _moved(delivery, Cause.SPENT, now_ms, f"gave up after {delivery.tries} tries: {outcome.reason}")
            wait_ms = max(backoff_ms(delivery.tries, jitter), _wish_ms(outcome))
            return _moved(delivery, Cause.TEMPORARY, now_ms + wait_ms, outcome.reason)
        case _:
            assert_never(outcome)


def after_crash(delivery: Delivery, now_ms: int) -> Delivery:
    """Return a released row as it is, or DEAD when its sender has died too often to be chance."""
    if delivery.crashes < MAX_CRASHES:
        return delivery
    return bury(delivery, f"the sender died {delivery.crashes} times while sending this", now_ms)


def bury(delivery: Delivery, reason: str, now_ms: int) -> Delivery:
    """Return the row DEAD, for a reason of our own (too old, too many crashes)."""
    return _moved(delivery, Cause.SPENT, now_ms, reason)


def claimed(delivery: Delivery) -> Delivery:
    """Return the row SENDING, this try counted."""
    return replace(delivery, state=move(delivery.state, Cause.CLAIMED), tries=delivery.tries + 1)


def crashed(delivery: Delivery, now_ms: int) -> Delivery:
    """Return the row PENDING and due, one more crash counted."""
    return replace(delivery, state=move(delivery.state, Cause.CRASHED), crashes=delivery.crashes + 1, due_ms=now_ms)


def handed_back(delivery: Delivery) -> Delivery:
    """Return a claimed row that was never tried as it was before the claim (shutdown, breaker)."""
    return replace(delivery, state=move(delivery.state, Cause.HANDED_BACK), tries=delivery.tries - 1)


def revived(delivery: Delivery, now_ms: int) -> Delivery:
    """Return a dead row as if queued now: a person asked, so its tries and its age start again."""
    state = move(delivery.state, Cause.REVIVED)
    return replace(delivery, state=state, tries=0, crashes=0, created_ms=now_ms, due_ms=now_ms)


def backoff_ms(failures: int, jitter: float) -> int:
    """Return a wait spread over 1 s to `min(1 h, 1 s * 2^failures)`: full jitter, but never at once."""
    # 2^12 s is already above the cap; a larger power would only be a larger number.
    ceiling_ms = min(MAX_WAIT_MS, MIN_WAIT_MS << min(max(failures, 0), 12))
    return MIN_WAIT_MS + int(jitter * (ceiling_ms - MIN_WAIT_MS))


def _moved(delivery: Delivery, cause: Cause, due_ms: int, error: str) -> Delivery:
    return replace(delivery, state=move(delivery.state, cause), due_ms=due_ms, last_error=error)


def _wish_ms(outcome: Temporary) -> int:
    return min(MAX_WAIT_MS, max(0, outcome.retry_after_ms or 0))


@dataclass(frozen=True, slots=True)
class Breaker:
    """How a destination fares. Nothing goes out before `until_ms`; from then on one probe, if it had opened.

    `failures` counts temporary failures in a row. `paused` says why the destination refuses us, for people.
    """

    failures: int = 0
    until_ms: int = 0
    paused: str = ""


CLOSED: Final = Breaker()
"""A destination in order; also what a person's "resume" sets."""


def allow(breaker: Breaker, now_ms: int) -> bool:
    """Return whether anything may go out now."""
    return now_ms >= breaker.until_ms


def window(breaker: Breaker, now_ms: int, most: int) -> int:
    """Return how many sends may be under way at once: none while open, one as a probe, else `most`."""
    if not allow(breaker, now_ms):
        return 0
    return min(1, most) if breaker.paused or breaker.failures >= OPEN_AFTER else most


def record(breaker: Breaker, outcome: Outcome, now_ms: int, jitter: float) -> Breaker:
    """Return the breaker after one attempt.

    A service's own wish (`retry_after_ms`) holds for the whole destination, from the first failure on. A permanent
    refusal of one message proves that the destination answers, so it closes the breaker.
    """
    match outcome:
        case Sent():
            return CLOSED
        case Permanent():
            return Breaker(until_ms=now_ms + PAUSE_MS, paused=outcome.reason or "refused") if outcome.pause else CLOSED
        case Temporary():
            failures = breaker.failures + 1
            wait_ms = _wish_ms(outcome)
            if breaker.paused:
                wait_ms = PAUSE_MS
            elif failures >= OPEN_AFTER:
                wait_ms = max(wait_ms, backoff_ms(failures, jitter))
            return Breaker(failures, max(breaker.until_ms, now_ms + wait_ms), breaker.paused)
        case _:
            assert_never(outcome)
