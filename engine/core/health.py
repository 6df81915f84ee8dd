"""Whether a rule speaks as often as its author expects (`expect`), in each local hour, day or week.

Pure steps. Invariant: at most one verdict of each sort a period; silence is judged only over a period that the engine
saw from its beginning and in which nobody asked the rule to be silent.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from engine.core.moment import DAY_MS
from engine.core.shelf import pack, unpack
from engine.model.match import Step
from engine.model.rule import Expect
from engine.model.window import Timer

__all__ = ["EMPTY", "HealthState", "Verdict", "dump", "load", "mute", "on_time", "on_told", "period_name", "turns"]

VERSION = 1
WEEK_MS = 7 * DAY_MS
_NAMES = {3_600_000: "hour", DAY_MS: "day", WEEK_MS: "week"}

EndOf = Callable[[int], int]
"""Gives the first end of a period after an instant."""


class Verdict(Enum):
    """How a rule is not as expected. The value is the name of the engine's event about it."""

    NOISY = "rule_noisy"
    SILENT = "rule_silent"


class HealthState(NamedTuple):
    """The period that ends at `ends_ms`, 0 before the first. `told` messages went out in it.

    `whole`: it was seen from its beginning; `muted`: the rule was snoozed in it; `noisy`: that was said already.
    """

    ends_ms: int = 0
    told: int = 0
    whole: bool = False
    muted: bool = False
    noisy: bool = False


EMPTY = HealthState()


def turns(spec: Expect) -> Timer:
    """Return the timer at which periods begin: local midnight, Monday's, or the full hour."""
    if spec.per_ms == WEEK_MS:
        return Timer(at_min=(0,), days=(0,))
    return Timer(at_min=(0,)) if spec.per_ms == DAY_MS else Timer(every_ms=spec.per_ms)


def period_name(spec: Expect) -> str:
    """Return `hour`, `day` or `week`."""
    return _NAMES.get(spec.per_ms, "period")


def on_told(spec: Expect, state: HealthState, at_ms: int, end_of: EndOf) -> Step[HealthState, Verdict | None]:
    """Count a message; one more than expected is noise. The period must not be over (`on_time` first)."""
    if not state.ends_ms:
        state = HealthState(end_of(at_ms))
    state = state._replace(told=state.told + 1)
    if spec.at_most is None or state.told <= spec.at_most or state.noisy:
        return Step(state, None, state.ends_ms)
    return Step(state._replace(noisy=True), Verdict.NOISY, state.ends_ms)


def mute(state: HealthState) -> HealthState:
    """Judge no silence in this period: somebody asked for it."""
    return state._replace(muted=True) if state.ends_ms else state


def on_time(
    spec: Expect, state: HealthState, now_ms: int, end_of: EndOf, woke_ms: int | None = None
) -> Step[HealthState, Verdict | None]:
    """End the period if it is over by now. `woke_ms`: the engine slept until then, and judges no period it slept in."""
    if state.ends_ms > now_ms:
        return Step(state, None, state.ends_ms)
    few = spec.at_least is not None and state.told < spec.at_least
    verdict = Verdict.SILENT if state.whole and few and not state.muted else None
    if spec.at_least is None:
        return Step(EMPTY, verdict)
    ends_ms = end_of(now_ms)
    whole = state.ends_ms == now_ms or end_of(now_ms - 1) == now_ms
    if woke_ms is not None and ends_ms <= woke_ms:
        ends_ms, whole = end_of(woke_ms), False
    return Step(HealthState(ends_ms, whole=whole), verdict, ends_ms)


def dump(state: HealthState) -> bytes:
    """Return a state as bytes for the store."""
    return pack(VERSION, list(state))


def load(blob: bytes) -> HealthState:
    """Return what `dump` wrote."""
    return HealthState(*unpack(blob))
