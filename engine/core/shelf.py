"""States of one kind: one a (rule, group), each kept only while it differs from empty, and how they become bytes.

Invariant: what `changes` hands out is proportional to what changed since the last call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from engine.core.json_text import json_text, json_value
from engine.model.checkpoint import StateKey

__all__ = ["Shelf", "pack", "unpack"]

S = TypeVar("S")


class Shelf(Generic[S]):
    """The states of all rules under one suffix. `evicted` counts by rule the groups forgotten for want of room."""

    def __init__(
        self, suffix: str, empty: S, dump: Callable[[S], bytes], most: int, evicted: Counter[str] | None = None
    ) -> None:
        self.suffix = suffix
        self.evicted: Counter[str] = Counter() if evicted is None else evicted
        self._empty = empty
        self._dump = dump
        self._most = most
        self._states: dict[str, dict[str, S]] = {}
        self._dirty: dict[tuple[str, str], None] = {}

    def restore(self, owner: str, group: str, state: S) -> None:
        """Take over a state that the store has already."""
        self._states.setdefault(owner, {})[group] = state

    def get(self, owner: str, group: str) -> S:
        """Return the state of a group, empty if it has none."""
        groups = self._states.get(owner)
        return self._empty if groups is None else groups.get(group, self._empty)

    def groups(self, owner: str) -> dict[str, S]:
        """Return the states of a rule by group, the one used longest ago first. For reading."""
        return self._states.get(owner, {})

    def put(self, owner: str, group: str, state: S, may_go: Callable[[S], bool] | None = None) -> str | None:
        """File a state as the group used last. Returns the group that had to go for it, if one had to.

        That is the one idle for longest, if possible one that `may_go`.
        """
        groups = self._states.setdefault(owner, {})
        known = groups.pop(group, self._empty)
        if known == self._empty and state == self._empty:
            return None
        if known != state:
            self._dirty[owner, group] = None
        if state == self._empty:
            return None
        groups[group] = state
        if len(groups) <= self._most:
            return None
        idle = next((one for one, kept in groups.items() if may_go is None or may_go(kept)), next(iter(groups)))
        del groups[idle]
        self._dirty[owner, idle] = None
        self.evicted[owner.rpartition("#")[0]] += 1
        return idle

    def all(self) -> Iterator[tuple[str, str, S]]:
        """Yield every (owner, group, state)."""
        for owner, groups in self._states.items():
            for group, state in groups.items():
                yield owner, group, state

    def snapshot(self) -> dict[StateKey, bytes]:
        """Return all states as bytes."""
        return {(owner + self.suffix, group): self._dump(state) for owner, group, state in self.all()}

    def changes(self) -> dict[StateKey, bytes | None]:
        """Return the states that changed since the last call; None for one to forget."""
        changed: dict[StateKey, bytes | None] = {}
        for owner, group in self._dirty:
            state = self._states[owner].get(group)
            changed[owner + self.suffix, group] = None if state is None else self._dump(state)
        self._dirty = {}
        return changed


def pack(version: int, value: Any) -> bytes:
    """Return plain JSON values as bytes for the store, whatever texts are in them."""
    return json_text([version, value]).encode()


def unpack(blob: bytes) -> Any:
    """Return what `pack` was given, but for tuples, which come back as lists."""
    return json_value(blob)[1]
