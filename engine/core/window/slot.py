"""The memory of one group of a rule over time, and how it is stored.

A stored state is read when it is first needed: with 100,000 open windows only the deadlines are looked at in a start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from engine.core.compile import CompiledRule
from engine.core.json_text import json_text, json_value
from engine.core.window.memory import freeze, thaw
from engine.core.window.operators import OPERATORS
from engine.model.match import Step
from engine.model.window import Fired, Item

__all__ = ["Closed", "Operator", "Slot"]

VERSION = 1


class Operator(Protocol):
    """What a module of `core/window` offers."""

    EMPTY: Any

    def on_hit(self, spec: Any, state: Any, item: Item, /) -> Step[Any, tuple[Fired, ...]]:
        """Take in one item."""
        ...

    def on_time(self, spec: Any, state: Any, now_ms: int, /) -> Step[Any, tuple[Fired, ...]]:
        """Let time pass. Units: event time."""
        ...

    def words(self, spec: Any, state: Any, now_ms: int, clock: Callable[[int], str], /) -> str:
        """Tell a person how far it is."""
        ...


class Closed(NamedTuple):
    """A window that was over before it fired, though it had two thirds of what it wanted. `last_ms`: its last hit."""

    compiled: CompiledRule
    group: str | None
    at_ms: int
    state: Any
    last_ms: int

    def words(self, clock: Callable[[int], str]) -> str:
        """Return how far it had come."""
        spec = self.compiled.rule.window
        return str(OPERATORS[type(spec)].words(spec, self.state, self.last_ms, clock))


class Slot:
    """The memory of one group: the operator's state, the hits that still wait, and the next deadline.

    `frozen` is a state as it came from the store, not looked at yet. `rung_ms` is the earliest deadline in the heap.
    """

    __slots__ = ("compiled", "done_ms", "frozen", "gone", "group", "lateness_ms", "operator", "rung_ms", "spec",
                 "state", "waiting", "wake_ms")  # fmt: skip

    def __init__(self, compiled: CompiledRule, group: str, lateness_ms: int) -> None:
        self.compiled = compiled
        self.group = group
        self.spec = compiled.rule.window
        self.operator: Operator = OPERATORS[type(self.spec)]
        self.lateness_ms = lateness_ms
        self.state: Any = self.operator.EMPTY
        self.frozen: bytes | None = None
        self.waiting: dict[int, Item] = {}
        self.wake_ms: int | None = None
        self.rung_ms: int | None = None
        self.done_ms = 0
        self.gone = False

    def thawed(self) -> Any:
        """Return the state, read from its stored form when it is first asked for."""
        if self.frozen is not None:
            self.state, self.frozen = type(self.operator.EMPTY)(*thaw(json_value(self.frozen))), None
        return self.state

    def dump(self) -> bytes:
        """Return three lines: version, deadline and newest instant; the hits that wait; the state."""
        head = f"{VERSION} {-1 if self.wake_ms is None else self.wake_ms} {self.done_ms}".encode()
        waiting = json_text([freeze(item) for item in self.waiting.values()]).encode() if self.waiting else b""
        state = self.frozen if self.frozen is not None else json_text(freeze(self.state)).encode()
        return b"\n".join((head, waiting, state))

    def load(self, blob: bytes) -> list[Item]:
        """Take over what `dump` wrote and return the hits that wait. The state itself is not looked at yet."""
        head, waiting, self.frozen = blob.split(b"\n", 2)
        _, wake_ms, done_ms = head.split()
        self.wake_ms, self.done_ms = int(wake_ms), int(done_ms)
        if self.wake_ms < 0:
            self.wake_ms = None
        return [thaw(item) for item in json_value(waiting)] if waiting else []
