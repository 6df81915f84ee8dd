"""Items for operators that wait for something not to happen, and a driver that feeds them as the engine does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import orjson

from engine.core.moment import clock_text
from engine.core.window.memory import freeze, thaw
from engine.model.event import Event, Position
from engine.model.match import Step
from engine.model.window import Fired, Item

__all__ = [
    "BASE",
    "MINUTE",
    "Operator",
    "after_lateness",
    "at_base",
    "clock",
    "in_order",
    "item",
    "play",
    "same_anyhow",
]

BASE = 1_772_442_000_000
MINUTE = 60_000


class Operator(Protocol):
    EMPTY: Any

    def on_hit(self, spec: Any, state: Any, item: Item, /) -> Step[Any, tuple[Fired, ...]]: ...

    def on_time(self, spec: Any, state: Any, now_ms: int, /) -> Step[Any, tuple[Fired, ...]]: ...


class _Run(NamedTuple):
    """An operator at work on one group. `stored` sends the state through bytes at every step, as a restart does."""

    operator: Operator
    spec: Any
    stored: bool = False

    def take(self, state: Any, one: Item) -> Step[Any, tuple[Fired, ...]]:
        return self._checked(self.operator.on_hit(self.spec, state, one))

    def wait(self, state: Any, now_ms: int) -> Step[Any, tuple[Fired, ...]]:
        return self._checked(self.operator.on_time(self.spec, state, now_ms))

    def _checked(self, step: Step[Any, tuple[Fired, ...]]) -> Step[Any, tuple[Fired, ...]]:
        """Hold the operator to what every one promises: evidence, and a wake-up that misses nothing."""
        state, out, wake_ms = step
        for fired in out:
            assert fired.items
            assert len(fired.items) <= 50
        before_ms = BASE * 2 if wake_ms is None else wake_ms - 1
        assert self.operator.on_time(self.spec, state, before_ms) == Step(state, (), wake_ms)
        if state == self.operator.EMPTY:
            assert wake_ms is None
        if self.stored:
            state = type(state)(*thaw(orjson.loads(orjson.dumps(freeze(state)))))
            assert state == step.state
        return Step(state, out, wake_ms)


def item(
    at: int, end: int | None = None, value: Any = None, role: int = 0, seen: int | None = None, unit: int = 1
) -> Item:
    """Return an item that begins `at` units after the base; it ends there and is seen as it ends unless told."""
    start_ms = BASE + at * unit
    end_ms = start_ms if end is None else BASE + end * unit
    seen_ms = end_ms if seen is None else BASE + seen * unit
    event = Event(
        Position("log", start_ms), "log", 1, {"channel": "transcript"}, "transcript", None, f"event {at}", start_ms,
        end_ms, seen_ms, "media", True, "mic", "mic", "cap-1", ("transcript", start_ms, end_ms, role),
    )  # fmt: skip
    return Item(start_ms, end_ms, seen_ms, (role,), value, event, {})


def at_base(instant: int, unit: int = 1) -> int:
    return BASE + instant * unit


def in_order(items: Iterable[Item]) -> list[Item]:
    """Sort items as the engine does: by start, session events and holes before the events of their instant."""
    return sorted(items, key=lambda one: (one.at_ms, one.roles))


def play(
    operator: Operator,
    spec: Any,
    items: Sequence[Item],
    until: int,
    calls: Iterable[int] = (),
    stored: bool = False,
    woken: bool = True,
) -> list[Fired]:
    """Feed items in order of time, with every deadline (if `woken`) and further calls of `on_time` between them."""
    run, state, wake_ms = _Run(operator, spec, stored), operator.EMPTY, None
    out: list[Fired] = []
    waiting = sorted(calls)
    for one in (*items, None):
        limit_ms = until + 1 if one is None else one.at_ms
        while (due_ms := _earliest(waiting, wake_ms if woken else None, limit_ms)) < limit_ms:
            if waiting[:1] == [due_ms]:
                waiting.pop(0)
            state, fired, wake_ms = run.wait(state, due_ms)
            out += fired
        state, fired, wake_ms = run.wait(state, until) if one is None else run.take(state, one)
        out += fired
    return out


def _earliest(waiting: list[int], wake_ms: int | None, limit_ms: int) -> int:
    return min((*waiting[:1], *(() if wake_ms is None else (wake_ms,))), default=limit_ms)


def same_anyhow(operator: Operator, spec: Any, items: Sequence[Item], until: int, calls: Iterable[int]) -> list[Fired]:
    """Play four ways, which must not differ: as due, called more often, restarted at every step, called only at the
    end."""
    told = play(operator, spec, items, until)
    assert play(operator, spec, items, until, calls=calls) == told
    assert play(operator, spec, items, until, stored=True) == told
    assert play(operator, spec, items, until, woken=False) == told
    return told


def after_lateness(operator: Operator, spec: Any, items: Sequence[Item]) -> Any:
    """Feed items in any order, deadlines as the newest item goes beyond them; return the state."""
    run, state, wake_ms, newest_ms = _Run(operator, spec, stored=True), operator.EMPTY, None, 0
    for one in items:
        newest_ms = max(newest_ms, one.at_ms)
        while wake_ms is not None and wake_ms < newest_ms:
            state, _, wake_ms = run.wait(state, wake_ms)
        state, _, wake_ms = run.take(state, one)
    return state


def clock(at_ms: int) -> str:
    return clock_text(at_ms, 0)
