"""What passed the gates goes out, now or when `quiet` ends; the memory of the gates, and the count of what was told.

Invariant: a message that is held by `quiet` or by a snooze waits or leaves a reason; none is told twice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from engine.core import gates
from engine.core.agenda import Agenda
from engine.core.compile import CompiledRule, Program
from engine.core.gates import EMPTY, Attempt, Deferred, GateState
from engine.core.holds import Holds
from engine.core.notices import Notices, Said, Told
from engine.core.select import group_text
from engine.core.shelf import Shelf
from engine.core.subject import Subject
from engine.core.watch import Watch
from engine.model.checkpoint import StateKey
from engine.model.config import Limits
from engine.model.match import Firing, Match, Reason

__all__ = ["Outgoing"]


class Outgoing:
    """The gates of all groups. Shape: `shelf` one state a (rule, group). It asks for calls as work of one sort."""

    def __init__(
        self, program: Program, agenda: Agenda, sort: int, notices: Notices, watch: Watch, limits: Limits
    ) -> None:
        self.evicted: Counter[str] = Counter()
        self.shelf: Shelf[GateState] = Shelf("", EMPTY, gates.dump, limits.groups, self.evicted)
        self.holds = Holds(program, notices.zone_offset, limits.groups)
        self._agenda, self._sort, self._notices, self._watch = agenda, sort, notices, watch
        self._numbers = {compiled.owner: number for number, compiled in enumerate(program.rules)}

    def restore(self, states: dict[StateKey, bytes]) -> None:
        """Take over states. What waits in them is judged anew, for `quiet` may have been edited or removed."""
        for (owner, group), blob in states.items():
            if owner in self._numbers:
                state = gates.load(blob)
                self.shelf.restore(owner, group, state)
                if state.deferred:
                    self._wake(owner, group, state.deferred[-1].at_ms)

    def on_match(
        self, compiled: CompiledRule, match: Match, subject: Subject, is_open: bool
    ) -> tuple[GateState, GateState, Reason | None, int | None]:
        """Ask the gates. Returns the state before and after, the objection, and until when it stands, if known."""
        limits, group = compiled.rule.gates, match.group or ""
        state = self.shelf.get(compiled.owner, group)
        last = match.events[-1]
        if last is not subject.event:
            subject = Subject(last, subject.in_state, subject.offset_min)
        snooze_ends_ms = self.holds.snooze_end(compiled.owner, match.at_ms)
        attempt = Attempt(
            match.at_ms,
            compiled.rule.severity,
            compiled.unless is not None and compiled.unless(subject),
            group_text([find(subject) for find in compiled.dedup_of]) or "" if compiled.dedup_of else "",
            self._notices.zone_offset(limits.active.zone, match.at_ms) if limits.active is not None else 0,
            self.holds.quiet_offset(compiled.rule, match.at_ms),
            snooze_ends_ms is not None,
            is_open,
        )
        step = gates.on_match(limits, state, attempt)
        if step.out is Reason.QUIET:
            return state, step.state, step.out, step.wake_at_ms
        until_ms = snooze_ends_ms if step.out is Reason.SNOOZED else gates.cooldown_end_ms(limits, state)
        return state, step.state, step.out, until_ms

    def tell(self, told: Told, compiled: CompiledRule, firing: Firing, state: GateState) -> Firing:
        """Tell of a firing that passed the gates, or keep it until `quiet` ends. Returns what became of it."""
        match, quiet_ends_ms = firing.match, firing.until_ms
        if quiet_ends_ms is None or not firing.destinations:
            self.put(compiled, match.group or "", state)
            if firing.reason is not None:
                firing = replace(firing, reason=None, until_ms=None)
            self._notices.tell(told, compiled.rule, firing)
            self.count(told, compiled, match.at_ms)
            return firing
        kept = Deferred(match.at_ms, match.id, firing.title, firing.body)
        self.put(compiled, match.group or "", gates.defer(state, kept, firing.suppressed))
        self._wake(compiled.owner, match.group or "", quiet_ends_ms)
        told.firings.append(firing)
        return firing

    def send(self, told: Told, compiled: CompiledRule, firing: Firing) -> bool:
        """Tell of something beside the matches, or hold it as they would be held. Says whether that tells it."""
        rule, match = compiled.rule, firing.match
        group = match.group or ""
        until_ms = self.holds.snooze_end(compiled.owner, match.at_ms)
        if until_ms is not None and firing.destinations:
            told.firings.append(replace(firing, reason=Reason.SNOOZED, until_ms=until_ms))
            return False
        quiet_ends_ms = self.holds.quiet_end(rule, match.at_ms)
        if quiet_ends_ms is None or not firing.destinations:
            self._notices.tell(told, rule, firing)
            return bool(firing.destinations)
        own = self._notices.destinations(rule.notify)
        also = tuple(name for name in firing.destinations if name not in own)
        kept = Deferred(match.at_ms, match.id, firing.title, firing.body, also)
        self.put(compiled, group, gates.defer(self.shelf.get(compiled.owner, group), kept, 0))
        self._wake(compiled.owner, group, quiet_ends_ms)
        told.firings.append(replace(firing, reason=Reason.QUIET, until_ms=quiet_ends_ms))
        return True

    def on_time(self, told: Told, compiled: CompiledRule, group: str, at_ms: int) -> None:
        """Let out what waited in a group, if nothing holds it any more."""
        state = self.shelf.get(compiled.owner, group)
        again_ms = self.holds.snooze_end(compiled.owner, at_ms)
        if again_ms is None:
            step = gates.on_time(compiled.rule.gates, state, at_ms, self.holds.quiet_offset(compiled.rule, at_ms))
            again_ms = step.wake_at_ms
            if step.out:
                self._let_out(told, compiled, group, at_ms)
                self.count(told, compiled, at_ms)
        if again_ms is not None and state.deferred:
            self._wake(compiled.owner, group, again_ms)

    def release(self, told: Told, compiled: CompiledRule, at_ms: int) -> None:
        """Let out what waits in all groups of a rule, as if `quiet` had ended."""
        for group, state in list(self.shelf.groups(compiled.owner).items()):
            if state.deferred:
                self._let_out(told, compiled, group, at_ms)

    def _let_out(self, told: Told, compiled: CompiledRule, group: str, at_ms: int) -> None:
        state = self.shelf.get(compiled.owner, group)
        self.put(compiled, group, state._replace(deferred=(), held=0))
        told.notifications.extend(self._notices.after_quiet(compiled.rule, group, state.deferred, state.held, at_ms))

    def ask_again(self, compiled: CompiledRule, at_ms: int) -> None:
        """Judge all that waits of a rule at that instant."""
        for group, state in self.shelf.groups(compiled.owner).items():
            if state.deferred:
                self._wake(compiled.owner, group, at_ms)

    def hold(self, compiled: CompiledRule, group: str, more: int) -> None:
        """Count firings that no message came of; the next message of the group tells of them. Below 0: it has."""
        state = self.shelf.get(compiled.owner, group)
        self.put(compiled, group, state._replace(held=max(0, state.held + more)))

    def count(self, told: Told, compiled: CompiledRule, at_ms: int) -> None:
        """Count a message, and say so if that is more than the rule expects."""
        self.report(told, compiled, self._watch.on_told(compiled, at_ms))

    def report(self, told: Told, compiled: CompiledRule, verdict: tuple[Firing, Said] | None) -> None:
        """Say how a rule is not as expected, to those it tells and to the rules that hear the engine."""
        if verdict is not None:
            self.send(told, compiled, verdict[0])
            told.said.append(verdict[1])

    def put(self, compiled: CompiledRule, group: str, state: GateState) -> None:
        """File the gates of a group as used last; one without messages that wait goes first where there is no room."""
        gone = self.shelf.put(compiled.owner, group, state, lambda kept: not kept.deferred)
        if gone is not None:
            self._agenda.cancel((self._numbers[compiled.owner], self._sort, gone))

    def _wake(self, owner: str, group: str, at_ms: int) -> None:
        self._agenda.wake((self._numbers[owner], self._sort, group), at_ms)
