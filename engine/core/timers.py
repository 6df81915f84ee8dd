"""Rules that go by the clock alone: when each is due next, remembered over restarts.

Units: arrival time, which is the wall clock of the machine that captured.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson

from engine.core.compile import CompiledRule, Program
from engine.core.window import timer
from engine.model.checkpoint import StateKey
from engine.model.window import Timer

__all__ = ["Timers"]

SUFFIX = ":timer"
VERSION = 1


class Timers:
    """The timer rules of a program. `wake_ms` is when the first is due; 0 while one does not know what time it is."""

    def __init__(self, program: Program, states: dict[StateKey, bytes], offset: Callable[[str, int], int]) -> None:
        self._offset = offset
        self._specs = {
            compiled.owner: (compiled, compiled.rule.window)
            for compiled in program.timers
            if isinstance(compiled.rule.window, Timer)
        }
        self._states: dict[str, timer.State] = {}
        self._due: dict[str, int] = {}
        self._dirty: set[str] = set()
        for owner, (_, spec) in self._specs.items():
            blob = states.get((owner + SUFFIX, ""))
            if blob is not None:
                self._states[owner] = timer.State(*orjson.loads(blob)[1])
                self._due[owner] = timer.next_ms(spec, self._states[owner], offset)
        self.wake_ms = self._next()

    def _next(self) -> int | None:
        if len(self._due) < len(self._specs):
            return 0
        return min(self._due.values(), default=None)

    def on_time(self, now_ms: int) -> list[tuple[CompiledRule, int]]:
        """Return the rules that are due by now with their due instants, in order of time, then of the file.

        A timer met for the first time is due at its next instant after now.
        """
        told: list[tuple[int, CompiledRule]] = []
        for owner, (compiled, spec) in self._specs.items():
            state = self._states.get(owner)
            if state is None:
                step = timer.start(spec, now_ms, self._offset)
            elif self._due[owner] <= now_ms:
                step = timer.on_time(spec, state, now_ms, self._offset)
            else:
                continue
            self._states[owner] = step.state
            self._due[owner] = step.wake_at_ms or now_ms
            self._dirty.add(owner)
            told += [(due_ms, compiled) for due_ms in step.out]
        self.wake_ms = self._next()
        told.sort(key=lambda one: one[0])
        return [(compiled, due_ms) for due_ms, compiled in told]

    def words(self, compiled: CompiledRule, now_ms: int) -> str:
        """Tell a person when the rule is due."""
        known = self._specs.get(compiled.owner)
        state = self._states.get(compiled.owner)
        return "" if known is None or state is None else timer.words(known[1], state, now_ms, self._offset)

    def snapshot(self) -> dict[StateKey, bytes]:
        """Return all states."""
        return {(owner + SUFFIX, ""): orjson.dumps([VERSION, list(state)]) for owner, state in self._states.items()}

    def changes(self) -> dict[StateKey, bytes | None]:
        """Return the states that changed since the last call."""
        dirty, self._dirty = self._dirty, set()
        return {(owner + SUFFIX, ""): orjson.dumps([VERSION, list(self._states[owner])]) for owner in sorted(dirty)}
