"""Builders of what operators take in, and a state's way through the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from engine.core.window.memory import freeze, thaw
from engine.model.event import Event, Position
from engine.model.window import Fired, Item

__all__ = ["Told", "clock", "in_order", "item", "lines", "numbered", "play", "stored"]


def item(
    at_ms: int, roles: tuple[int, ...] = (0,), *, long_ms: int = 0, value: Any = None, number: int = 0, late_ms: int = 0
) -> Item:
    """Return a hit; `number` is its line, so two with the same number are the same event."""
    end_ms = at_ms + long_ms
    seen_ms = end_ms + late_ms
    event = Event(
        position=Position("log", number),
        path="log",
        line_no=number,
        body={"data": {"text": f"line {number}"}},
        kind="transcript",
        status=None,
        text=f"line {number}",
        at_ms=at_ms,
        end_ms=end_ms,
        seen_ms=seen_ms,
        clock="media",
        final=True,
        stream=None,
        source=None,
        session=None,
        key=("transcript", number),
    )
    return Item(at_ms, end_ms, seen_ms, roles, value, event, {})


def numbered(items: Iterable[Item]) -> list[Item]:
    """Return the items as lines 1, 2, 3 and so on."""
    return [one._replace(event=one.event._replace(position=Position("log", n))) for n, one in enumerate(items, 1)]


def in_order(items: Iterable[Item]) -> list[Item]:
    """Return the items in the order in which operators get them, numbered so."""
    return numbered(sorted(items, key=lambda one: (one.at_ms, min(one.roles), one.end_ms)))


def lines(items: Iterable[Item]) -> tuple[int, ...]:
    """Return the lines the items come from: who they are."""
    return tuple(one.event.position.offset for one in items)


class Told(NamedTuple):
    """A firing as tests compare it: the line that completed it or the instant it was due, and what it rests on."""

    line: int | None
    due_ms: int | None
    evidence: tuple[int, ...]
    since_ms: int | None
    found: dict[str, Any]


def play(
    operator: Any,
    spec: Any,
    items: Iterable[Item],
    *,
    ticks: Iterable[int] = (),
    touching: bool = False,
    keep: bool = False,
    wake: bool = True,
) -> list[Told]:
    """Return what fires when the items come one after the other, and then time goes on until nothing waits.

    `ticks`: needless calls of `on_time`, when all items that began by then have come; with `touching` before the items
    of that instant. `keep`: each state goes through the store. `wake` False: no call of `on_time` between items.
    """
    told: list[Told] = []
    state, wake_ms, waiting = operator.EMPTY, None, sorted(ticks)

    def take(step: Any, line: int | None) -> tuple[Any, int | None]:
        told.extend(_told(fired, line) for fired in step.out)
        assert (step.state == operator.EMPTY) == (step.wake_at_ms is None)
        return stored(step.state) if keep else step.state, step.wake_at_ms

    def rouse(state: Any, due_ms: int) -> tuple[Any, int | None]:
        after, next_ms = take(operator.on_time(spec, state, due_ms), None)
        assert next_ms is None or next_ms > due_ms
        return after, next_ms

    for one in items:
        while waiting and waiting[0] < one.at_ms + touching:
            state, wake_ms = take(operator.on_time(spec, state, waiting.pop(0)), None)
        while wake and wake_ms is not None and wake_ms < one.at_ms:
            state, wake_ms = rouse(state, wake_ms)
        state, wake_ms = take(operator.on_hit(spec, state, one), one.event.position.offset)
    while wake_ms is not None:
        state, wake_ms = rouse(state, wake_ms)
    assert state == operator.EMPTY
    return told


def _told(fired: Fired, line: int | None) -> Told:
    assert fired.items
    assert not fired.closes
    starts = [one.at_ms for one in fired.items]
    assert starts == sorted(starts)
    assert fired.at_ms is not None or line is not None
    return Told(None if fired.at_ms is not None else line, fired.at_ms, lines(fired.items), fired.since_ms, fired.found)


def stored(state: Any) -> Any:
    """Return the state as it comes back from the store."""
    return type(state)(*thaw(orjson.loads(orjson.dumps(freeze(state)))))


def clock(at_ms: int) -> str:
    """Return an instant as words tell it in tests: its milliseconds."""
    return f"t{at_ms}"
