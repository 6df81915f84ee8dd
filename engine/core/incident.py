"""A firing that stays open until somebody or something ends it, and who else is told meanwhile.

Pure steps. Invariant: each message of a step is due at one instant, known when the incident opens; a call that comes
late gives of each step only the latest one it missed.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.core.shelf import pack, unpack
from engine.core.window.memory import freeze, thaw
from engine.model.event import Event
from engine.model.match import Step
from engine.model.rule import Escalation, Incident
from engine.model.window import Absent, Held, Window

__all__ = ["EMPTY", "Call", "OpenIncident", "ack", "dump", "load", "next_call", "on_time", "told_to"]

VERSION = 1
# The opening message is quoted by those that follow it.
MAX_BODY = 2_000


class OpenIncident(NamedTuple):
    """One open incident. `firing` is the id of what opened it, empty when none is open.

    `since_ms` is where the thing began, `told_ms` when the first message went out: steps count from there. `sent` has
    the messages sent by each step, `told` the destinations of steps. `title`, `body` and `event` are the opening's.
    """

    firing: str = ""
    at_ms: int = 0
    since_ms: int = 0
    told_ms: int = 0
    acked_ms: int | None = None
    sent: tuple[int, ...] = ()
    told: tuple[str, ...] = ()
    title: str = ""
    body: str = ""
    event: Event | None = None


EMPTY = OpenIncident()


class Call(NamedTuple):
    """A message of one step: its number within the rule and within the step, from 0 and 1, and when it was due."""

    at_ms: int
    step: int
    number: int


def on_time(spec: Incident, state: OpenIncident, now_ms: int) -> Step[OpenIncident, tuple[Call, ...]]:
    """Return who is to be called by now, in order of time; of calls that one step missed only the last."""
    if not state.firing or state.acked_ms is not None:
        return Step(state, ())
    sent = list(_sent(spec, state))
    calls: list[Call] = []
    for step, escalation in enumerate(spec.steps):
        number = _number(escalation, now_ms - state.told_ms)
        if number > sent[step]:
            sent[step] = number
            calls.append(Call(_due_ms(escalation, state, number), step, number))
    if calls:
        state = state._replace(sent=tuple(sent))
    return Step(state, tuple(sorted(calls)), next_call(spec, state))


def _number(step: Escalation, elapsed_ms: int) -> int:
    """Return how many messages of a step belong into that time."""
    if elapsed_ms < step.after_ms:
        return 0
    if not step.repeat_ms:
        return min(1, step.most)
    return min(step.most, (elapsed_ms - step.after_ms) // step.repeat_ms + 1)


def _due_ms(step: Escalation, state: OpenIncident, number: int) -> int:
    return state.told_ms + step.after_ms + (number - 1) * (step.repeat_ms or 0)


def _sent(spec: Incident, state: OpenIncident) -> tuple[int, ...]:
    """The messages of each step, also after an edit that changed how many steps there are."""
    return (*state.sent, *(0 for _ in spec.steps))[: len(spec.steps)]


def next_call(spec: Incident, state: OpenIncident) -> int | None:
    """Return when the next message is due, None if nobody is left to tell or somebody took it on."""
    if not state.firing or state.acked_ms is not None:
        return None
    return min(
        (
            _due_ms(step, state, sent + 1)
            for step, sent in zip(spec.steps, _sent(spec, state), strict=True)
            if sent < (step.most if step.repeat_ms else min(1, step.most))
        ),
        default=None,
    )


def ack(spec: Incident, window: Window | None, state: OpenIncident, at_ms: int) -> OpenIncident:
    """Let somebody take it on: nobody else is called. What nothing else could end, or `acked` does, is over."""
    can_end = spec.until is not None or isinstance(window, Absent | Held)
    if spec.until_acked or not can_end:
        return EMPTY
    return state._replace(acked_ms=at_ms) if state.acked_ms is None else state


def told_to(state: OpenIncident, names: tuple[str, ...]) -> OpenIncident:
    """Remember who else was told."""
    return state._replace(told=tuple(dict.fromkeys((*state.told, *names))))


def dump(state: OpenIncident) -> bytes:
    """Return a state as bytes for the store."""
    return pack(VERSION, freeze(tuple(state)))


def load(blob: bytes) -> OpenIncident:
    """Return what `dump` wrote."""
    return OpenIncident(*thaw(unpack(blob)))
