"""Hits to matches over time: each (rule, group) has a state, and its hits reach it in the order in which they happened.

A hit waits until event time has gone `lateness` beyond it; then nothing that comes in time can stand before it, so
operators see one order whatever the order of arrival (ADR 0014). Deadlines wait in the same heap, behind the hits of
their instant. Invariant: what comes out depends on the hits and on how far event time has come, not on the calls.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any, NamedTuple

from engine.core.compile import CompiledRule, Program
from engine.core.intake import ENDED
from engine.core.select import group_text
from engine.core.subject import InState, Subject
from engine.core.window.closing import was_near
from engine.core.window.memory import trim
from engine.core.window.operators import OPERATORS, reach_ms
from engine.core.window.slot import Closed, Slot
from engine.model.checkpoint import StateKey
from engine.model.config import LIMITS, Limits
from engine.model.event import Event, Position
from engine.model.match import Hit
from engine.model.window import BLIND, STATE, Absent, Fired, Item, Track

__all__ = ["SUFFIX", "Came", "Closed", "Windows"]

SUFFIX = ":window"
# As far as a media clock may be from the time of arrival (RULES 7).
AHEAD_MS = 900_000
MAX_VALUE = 500
_ONE_ROLE = (0,)
# Behind every hit of its instant: a window is closed to the right, so a hit at a deadline is in time.
_HIT, _DEADLINE = 0, 1


class Came(NamedTuple):
    """An operator gave something out for a group."""

    compiled: CompiledRule
    group: str | None
    fired: Fired


class Windows:
    """The states of all rules with a pattern. Shape: one a (rule, group), while it holds anything.

    `evicted` counts by rule the groups forgotten because there were too many, `late` the hits that came too late for
    any window of theirs; `broken` has the rules whose operator raised, `closed` the windows that ended when near.
    """

    def __init__(
        self,
        program: Program,
        states: dict[StateKey, bytes],
        limits: Limits = LIMITS,
        owns: Callable[[str, str | None], bool] | None = None,
    ) -> None:
        self._owns = owns
        self.evicted: Counter[str] = Counter()
        self.late: Counter[str] = Counter()
        self.broken: list[tuple[CompiledRule, Exception]] = []
        self.closed: list[Closed] = []
        self.heap: list[tuple[Any, ...]] = []
        self._limits = limits
        self._silences = program.silences
        self._tracks = [compiled for compiled in program.rules if isinstance(compiled.rule.window, Track)]
        self._numbers = 0
        self._groups: dict[str, dict[str, Slot]] = {
            compiled.owner: {} for compiled in program.rules if type(compiled.rule.window) in OPERATORS
        }
        # How far event time must have gone beyond an event's end for no window to have a place for it.
        self._reaches: dict[str, int | None] = {}
        for compiled in program.rules:
            reach = reach_ms(compiled.rule.window) if compiled.rule.window is not None else None
            self._reaches[compiled.owner] = None if reach is None else reach + self._lateness_ms(compiled)
        self._dirty: dict[Slot, None] = {}
        by_owner = {compiled.owner: compiled for compiled in program.rules}
        for (owner, group), blob in states.items():
            if owner.endswith(SUFFIX) and owner.removesuffix(SUFFIX) in self._groups:
                self._restore(by_owner[owner.removesuffix(SUFFIX)], group, blob)

    def _lateness_ms(self, compiled: CompiledRule) -> int:
        own = compiled.rule.lateness_ms
        return self._limits.lateness_ms if own is None else own

    def _restore(self, compiled: CompiledRule, group: str, blob: bytes) -> None:
        slot = self._groups[compiled.owner][group] = Slot(compiled, group, self._lateness_ms(compiled))
        for item in slot.load(blob):
            self._wait(slot, item)
        self._ring(slot)

    def begin(self, in_state: InState, at_ms: int) -> None:
        """Begin to watch for silence in a state that holds already: a rule may be new while a session is on."""
        for compiled in self._silences:
            spec = compiled.rule.window
            if not isinstance(spec, Absent) or spec.during is None or not self._watches(compiled):
                continue
            if not self._groups[compiled.owner] and at_ms and in_state(spec.during):
                event = _beginning(compiled.rule.name, at_ms)
                self._wait(self._open(compiled, ""), Item(at_ms, at_ms, at_ms, (STATE,), True, event, {}))

    def _watches(self, compiled: CompiledRule) -> bool:
        """Whether the rule minds silence before it heard of any group: one without groups does, if it is ours."""
        return not compiled.rule.by and (self._owns is None or self._owns(compiled.rule.name, None))

    @property
    def front_ms(self) -> int | None:
        """How far event time must come for the next thing to happen; None if nothing waits."""
        return self.heap[0][0] if self.heap else None

    def on_hit(self, compiled: CompiledRule, hit: Hit, subject: Subject, front_ms: int) -> None:
        """Take in a hit of a rule with a pattern. It acts when event time has gone beyond it.

        One that no window can hold any more is counted in `late`. Units: `front_ms` is how far event time has come.
        """
        event = hit.event
        reach = self._reaches[compiled.owner]
        if reach is not None and event.end_ms + reach < front_ms:
            self.late[compiled.rule.name] += 1
            return
        roles: tuple[int, ...] = _ONE_ROLE
        found, value = hit.found, None
        if compiled.steps or compiled.value_of is not None:
            labelled = subject if event is subject.event else Subject(event, subject.in_state, subject.offset_min)
            if compiled.steps:
                roles, found = _roles(compiled, hit, labelled)
                if not roles:
                    return
            if compiled.value_of is not None:
                value = _bounded(group_text([compiled.value_of(labelled)]))
        slot = self._slot(compiled, hit.group or "", subject)
        at_ms, end_ms, seen_ms = event.at_ms, event.end_ms, event.seen_ms
        # What claims to last beyond its arrival is an indexer's fault; it would stay near everything for ever.
        if end_ms > seen_ms + AHEAD_MS:
            at_ms, end_ms = min(at_ms, seen_ms), seen_ms
        # `tuple.__new__` skips the named constructor: 0.2 us of the 5 that a hit may cost.
        self._wait(slot, tuple.__new__(Item, (at_ms, end_ms, seen_ms, roles, value, trim(event), found)))

    def on_session(self, subject: Subject) -> None:
        """Tell the rules with `while` that sessions changed, and those with `track` that one is over.

        A rule with `while` and without groups begins to watch now.
        """
        if subject.event.status in ENDED:
            for compiled in self._tracks:
                self._tell_all(compiled, subject.event, STATE, False)
        for compiled in self._silences:
            spec = compiled.rule.window
            if isinstance(spec, Absent) and spec.during is not None:
                holds = subject.in_state(spec.during)
                if holds and self._watches(compiled):
                    self._open(compiled, "")
                self._tell_all(compiled, subject.event, STATE, holds)

    def on_deaf(self, event: Event) -> None:
        """Tell the rules that mind silence that the recorder heard nothing until the event's end."""
        for compiled in self._silences:
            self._tell_all(compiled, event, BLIND, None)

    def _tell_all(self, compiled: CompiledRule, event: Event, role: int, value: Any) -> None:
        item = Item(event.at_ms, event.end_ms, event.seen_ms, (role,), value, trim(event), {})
        for slot in list(self._groups[compiled.owner].values()):
            self._wait(slot, item)

    def _slot(self, compiled: CompiledRule, group: str, subject: Subject) -> Slot:
        """Return the group's memory as the one used last; a new one learns at once whether its `while` holds."""
        groups = self._groups[compiled.owner]
        slot = groups.pop(group, None)
        if slot is not None:
            groups[group] = slot
            return slot
        slot = self._open(compiled, group)
        if isinstance(slot.spec, Absent) and slot.spec.during is not None:
            event = subject.event
            holds = subject.in_state(slot.spec.during)
            self._wait(slot, Item(event.at_ms, event.at_ms, event.seen_ms, (STATE,), holds, trim(event), {}))
        return slot

    def _open(self, compiled: CompiledRule, group: str) -> Slot:
        groups = self._groups[compiled.owner]
        known = groups.get(group)
        if known is not None:
            return known
        if len(groups) >= self._limits.groups:
            idle = next(iter(groups))
            self._forget(groups[idle])
            self.evicted[compiled.rule.name] += 1
        slot = groups[group] = Slot(compiled, group, self._lateness_ms(compiled))
        return slot

    def _forget(self, slot: Slot) -> None:
        slot.gone = True
        del self._groups[slot.compiled.owner][slot.group]
        self._dirty[slot] = None

    def _wait(self, slot: Slot, item: Item) -> None:
        number = self._numbers = self._numbers + 1
        slot.waiting[number] = item
        event = item.event
        # Ties are broken by what the event says, never by when it came.
        tie = (item.roles[0], item.end_ms, event.kind, event.status or "", event.stream or "", event.text or "",
               event.session or "")  # fmt: skip
        heapq.heappush(self.heap, (item.at_ms + slot.lateness_ms, _HIT, tie, number, slot, item.at_ms))
        self._dirty[slot] = None

    def _ring(self, slot: Slot) -> None:
        """Ask to be called at the slot's deadline, unless an earlier call is due anyway."""
        wake_ms = slot.wake_ms
        if wake_ms is not None and (slot.rung_ms is None or wake_ms < slot.rung_ms):
            slot.rung_ms = wake_ms
            self._numbers += 1
            heapq.heappush(self.heap, (wake_ms + slot.lateness_ms, _DEADLINE, (), self._numbers, slot, wake_ms))

    def release(self, front_ms: int) -> Iterator[Came]:
        """Let everything happen that event time has gone beyond, one after the other.

        The caller may feed further hits while it looks at what came; they take their place in the same order.
        """
        heap = self.heap
        while heap and heap[0][0] <= front_ms:
            _, sort, _, number, slot, at_ms = heapq.heappop(heap)
            if not slot.gone:
                for fired in self._step(slot, sort, number, at_ms):
                    yield Came(slot.compiled, slot.group or None, fired)

    def settle(self, at_ms: int) -> Iterator[Came]:
        """Let everything happen up to an instant of event time, as if no line could come late any more."""
        later = []
        while self.heap:
            entry = heapq.heappop(self.heap)
            if entry[-1] > at_ms:
                later.append(entry)
            elif not entry[4].gone:
                for fired in self._step(entry[4], entry[1], entry[3], entry[5]):
                    yield Came(entry[4].compiled, entry[4].group or None, fired)
        for entry in later:
            heapq.heappush(self.heap, entry)

    def _step(self, slot: Slot, sort: int, number: int, at_ms: int) -> tuple[Fired, ...]:
        """Let one slot see its next hit, or the passing of its deadline."""
        if sort == _DEADLINE:
            if slot.rung_ms == at_ms:
                slot.rung_ms = None
            if slot.wake_ms is None or slot.wake_ms > at_ms:
                self._ring(slot)  # the deadline moved on meanwhile
                return ()
        before = slot.thawed() if slot.frozen is not None else slot.state
        try:
            if sort == _HIT:
                step = slot.operator.on_hit(slot.spec, before, slot.waiting.pop(number))
            else:
                step = slot.operator.on_time(slot.spec, before, at_ms)
        except Exception as error:  # noqa: BLE001 - a fault in one operator must not end the others
            self.broken.append((slot.compiled, error))
            self._forget(slot)
            return ()
        self._dirty[slot] = None
        slot.state, slot.wake_ms = step.state, step.wake_at_ms
        if not step.out and (sort == _DEADLINE or at_ms < slot.done_ms):
            self._note(slot, sort, before, at_ms)
        if at_ms > slot.done_ms:
            slot.done_ms = at_ms
        if not slot.waiting and slot.state == slot.operator.EMPTY:
            self._forget(slot)
        elif slot.wake_ms is not None:
            self._ring(slot)
        return step.out

    def _note(self, slot: Slot, sort: int, before: Any, at_ms: int) -> None:
        """Note a window that closed when it was near, and a hit that came too late to change anything."""
        if sort == _DEADLINE and was_near(slot.spec, before) and not was_near(slot.spec, slot.state):
            self.closed.append(Closed(slot.compiled, slot.group or None, at_ms, before, slot.done_ms))
        elif sort == _HIT and slot.state == before:
            self.late[slot.compiled.rule.name] += 1

    def words(self, compiled: CompiledRule, now_ms: int, clock: Callable[[int], str]) -> list[tuple[str, str]]:
        """Return (group, how far it is) for every group of a rule."""
        return [
            (group, slot.operator.words(slot.spec, slot.thawed(), now_ms, clock))
            for group, slot in self._groups.get(compiled.owner, {}).items()
        ]

    def snapshot(self) -> dict[StateKey, bytes]:
        """Return all states, for the windows that take over after a reload."""
        return {
            (owner + SUFFIX, group): slot.dump()
            for owner, groups in self._groups.items()
            for group, slot in groups.items()
        }

    def changes(self) -> dict[StateKey, bytes | None]:
        """Return the states that changed since the last call; None for one to forget."""
        changed: dict[StateKey, bytes | None] = {}
        for slot in self._dirty:
            changed[slot.compiled.owner + SUFFIX, slot.group] = None if slot.gone else slot.dump()
        self._dirty = {}
        return changed


def _roles(compiled: CompiledRule, hit: Hit, subject: Subject) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Return the steps an event can stand for, and the named groups of their patterns."""
    roles: list[int] = []
    found = dict(hit.found)
    for number, step in enumerate(compiled.steps):
        if step.holds(subject):
            roles.append(number)
            for capture in step.captures:
                found |= capture(subject)
    return tuple(roles), found


def _bounded(value: str | None) -> str | None:
    """Return a value that no state grows from: a long one by its beginning and a digest of the whole."""
    if value is None or len(value) <= MAX_VALUE:
        return value
    digest = blake2b(value.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{value[:MAX_VALUE]}… {digest}"


def _beginning(rule: str, at_ms: int) -> Event:
    """Return the event that stands for the moment in which a rule began to watch."""
    return Event(
        Position(f"begin.{rule}", at_ms), "engine", 0, {"channel": "engine", "event": "engine.watching"}, "engine",
        "watching", None, at_ms, at_ms, at_ms, "arrival", True, None, None, None, ("engine", "watching", rule, at_ms),
    )  # fmt: skip
