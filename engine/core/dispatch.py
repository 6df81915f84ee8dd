"""Matches to messages: the gates of each group, the words, and one notification a destination.

Invariant: every match ends in exactly one `Firing`, with a message or with the reason for silence.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from typing import Any

from engine.core import gates
from engine.core.compile import CompiledRule, Program
from engine.core.gates import EMPTY, Attempt, Deferred, GateState
from engine.core.json_text import json_text
from engine.core.moment import clock_text
from engine.core.render import Renderer, digest_text
from engine.core.select import group_text
from engine.core.subject import Subject
from engine.model.checkpoint import StateKey
from engine.model.config import LIMITS
from engine.model.match import Firing, Match, Reason
from engine.model.notification import Notification

__all__ = ["Dispatcher"]

RECORD = "record:"
FAR_MS = 1 << 62


class Dispatcher:
    """The gate states of all rules. Shape: one state a (rule, group), kept only while it differs from empty.

    `evicted` counts by rule the groups that were forgotten because there were too many.
    """

    def __init__(
        self,
        program: Program,
        routes: dict[str, tuple[str, ...]],
        zone_offset: Callable[[str, int], int],
        states: dict[StateKey, bytes],
        most_groups: int = LIMITS.groups,
    ) -> None:
        self._most_groups = most_groups
        self.evicted: Counter[str] = Counter()
        self._program = program
        self._routes = routes
        self._zone_offset = zone_offset
        self._renderers: dict[str, Renderer] = {}
        self._states: dict[str, dict[str, GateState]] = {}
        self._due: dict[StateKey, int] = {}
        self.waits: list[tuple[int, str, str]] = []
        self._dirty: dict[StateKey, None] = {}
        self._by_owner = {compiled.owner: compiled for compiled in program.rules}
        for (owner, group), blob in states.items():
            if owner in self._by_owner:
                self._load(owner, group, gates.load(blob))

    def _load(self, owner: str, group: str, state: GateState) -> None:
        """Take over a state; what waits in it is judged anew, for its `quiet` may have been edited or removed."""
        self._states.setdefault(owner, {})[group] = state
        if state.deferred:
            last_ms = state.deferred[-1].at_ms
            step = gates.on_time(self._by_owner[owner].rule.gates, state, last_ms, self._quiet_offset(owner, last_ms))
            self._wake(owner, group, last_ms if step.wake_at_ms is None else step.wake_at_ms)

    @property
    def wake_at_ms(self) -> int | None:
        """When the first deferred message is due."""
        return self.waits[0][0] if self.waits else None

    def on_match(
        self, compiled: CompiledRule, match: Match, subject: Subject
    ) -> tuple[Firing, list[Notification], dict[str, Any] | None]:
        """Return what became of the match, its notifications, and the data of the event it writes back, if any."""
        rule, group = compiled.rule, match.group or ""
        state = self._states.get(compiled.owner, {}).get(group, EMPTY)
        held_before = state.held
        step = gates.on_match(rule.gates, state, self._attempt(compiled, match, subject))
        reason = step.out
        if reason is not None and reason is not Reason.QUIET:
            self._put(compiled.owner, group, step.state)
            return Firing(match, reason, until_ms=gates.cooldown_end_ms(rule.gates, state)), [], None
        title, body = self._renderer(compiled).render(match, held_before, subject.offset_min)
        data = self._renderer(compiled).emitted(match, body, subject.offset_min) if self._writes(compiled) else None
        notes = [self._record(match, rule.record)] if rule.record is not None else []
        destinations = self.destinations(rule.notify)
        if reason is Reason.QUIET and destinations:
            kept = gates.defer(step.state, Deferred(match.at_ms, match.id, title, body), held_before)
            self._put(compiled.owner, group, kept)
            if step.wake_at_ms is not None:
                self._wake(compiled.owner, group, step.wake_at_ms)
            return Firing(match, reason, destinations, title, body, held_before, step.wake_at_ms), notes, data
        self._put(compiled.owner, group, step.state)
        notes += [
            Notification(f"{match.id}:{name}", match.id, rule.name, match.group, name, title, body, rule.severity,
                         match.at_ms, held_before)
            for name in destinations
        ]  # fmt: skip
        return Firing(match, None, destinations, title, body, held_before), notes, data

    def on_time(self, now_ms: int) -> list[Notification]:
        """Release the messages whose `quiet` is over by now, one a (rule, group, destination).

        Each is judged at its own due time, so that a late call gives what a punctual one would have given.
        """
        notes: list[Notification] = []
        while self.waits and self.waits[0][0] <= now_ms:
            due_ms, owner, group = heapq.heappop(self.waits)
            if self._due.get((owner, group)) != due_ms:
                continue  # an earlier wake-up took its place, or the group is gone
            del self._due[owner, group]
            compiled = self._by_owner[owner]
            state = self._states[owner][group]
            step = gates.on_time(compiled.rule.gates, state, due_ms, self._quiet_offset(owner, due_ms))
            if step.wake_at_ms is not None:
                self._wake(owner, group, step.wake_at_ms)
            elif step.out:
                self._put(owner, group, step.state)
                notes.extend(self._digest(compiled, group, step.out, state.held, due_ms))
        return notes

    def _digest(
        self, compiled: CompiledRule, group: str, waited: tuple[Deferred, ...], more: int, now_ms: int
    ) -> list[Notification]:
        rule, first = compiled.rule, waited[0]
        if len(waited) == 1 and not more:
            title, body = first.title, first.body
        else:
            offset = self._zone_offset("local", now_ms)
            title, body = digest_text(rule, [(clock_text(item.at_ms, offset), item.body) for item in waited], more)
        return [
            Notification(f"{first.firing}:quiet:{name}", first.firing, rule.name, group or None, name, title, body,
                         rule.severity, now_ms, more)
            for name in self.destinations(rule.notify)
        ]  # fmt: skip

    def destinations(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the destinations behind the names of a rule, each once, in order."""
        return tuple(dict.fromkeys(one for name in names for one in self._routes.get(name, (name,))))

    def snapshot(self) -> dict[StateKey, bytes]:
        """Return all states, for the dispatcher that takes over after a reload."""
        return {
            (owner, group): gates.dump(state)
            for owner, groups in self._states.items()
            for group, state in groups.items()
        }

    def changes(self) -> dict[StateKey, bytes | None]:
        """Return the states that changed since the last call; None for one to forget."""
        changed: dict[StateKey, bytes | None] = {}
        for owner, group in self._dirty:
            state = self._states[owner].get(group)
            changed[owner, group] = None if state is None else gates.dump(state)
        self._dirty = {}
        return changed

    def _attempt(self, compiled: CompiledRule, match: Match, subject: Subject) -> Attempt:
        limits = compiled.rule.gates
        labelled = match.events[-1]
        if labelled is not subject.event:
            subject = Subject(labelled, subject.in_state, subject.offset_min)
        return Attempt(
            match.at_ms,
            compiled.rule.severity,
            compiled.unless is not None and compiled.unless(subject),
            group_text([find(subject) for find in compiled.dedup_of]) or "" if compiled.dedup_of else "",
            self._zone_offset(limits.active.zone, match.at_ms) if limits.active is not None else 0,
            self._quiet_offset(compiled.owner, match.at_ms),
        )

    def _quiet_offset(self, owner: str, at_ms: int) -> int:
        quiet = self._by_owner[owner].rule.gates.quiet
        return self._zone_offset(quiet.zone, at_ms) if quiet is not None else 0

    def _put(self, owner: str, group: str, state: GateState) -> None:
        """File a state as the group used last."""
        groups = self._states.setdefault(owner, {})
        known = groups.pop(group, None)
        if state == EMPTY and known is None:
            return
        self._dirty[owner, group] = None
        if state != EMPTY:
            groups[group] = state
            if len(groups) > self._most_groups:
                self._evict(owner, groups)

    def _evict(self, owner: str, groups: dict[str, GateState]) -> None:
        """Forget the group idle for longest, if possible one without messages that wait."""
        idle = next((group for group, state in groups.items() if not state.deferred), next(iter(groups)))
        del groups[idle]
        self._due.pop((owner, idle), None)
        self._dirty[owner, idle] = None
        self.evicted[self._by_owner[owner].rule.name] += 1

    def _wake(self, owner: str, group: str, at_ms: int) -> None:
        """Ask to be called then, unless an earlier call is due anyway."""
        if at_ms < self._due.get((owner, group), FAR_MS):
            self._due[owner, group] = at_ms
            heapq.heappush(self.waits, (at_ms, owner, group))

    def _writes(self, compiled: CompiledRule) -> bool:
        return compiled.rule.emit is not None or compiled.rule.name in self._program.heard

    def _renderer(self, compiled: CompiledRule) -> Renderer:
        renderer = self._renderers.get(compiled.owner)
        if renderer is None:
            renderer = self._renderers[compiled.owner] = Renderer(compiled.rule)
        return renderer

    def _record(self, match: Match, file: str) -> Notification:
        """Return the line a rule records: the event with the rule's name and class, as JSON."""
        last = match.events[-1]
        line = {
            "at": last.at_ms, "rule": match.rule, "group": match.group, "class": last.label, "kind": last.kind,
            "stream": last.stream, "session": last.session, "text": last.text, "event": last.body,
        }  # fmt: skip
        body = json_text(line)
        return Notification(f"{match.id}:record", match.id, match.rule, match.group, RECORD + file, "", body, "info",
                            match.at_ms)  # fmt: skip
