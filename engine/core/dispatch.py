"""Matches to messages: the gates of each group, then a message, a digest or an incident, and who is told.

Invariant: every match ends in exactly one `Firing` of its own, with a message or with the reason for silence; what is
due at an instant is judged at that instant, however late the call that asks comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import IntEnum

from engine.core.agenda import Agenda
from engine.core.collected import entry_of
from engine.core.compile import CompiledRule, Program
from engine.core.default_words import default_words
from engine.core.digest import Verdict
from engine.core.digests import Digests, Due
from engine.core.firing import written_back
from engine.core.holds import is_off
from engine.core.incidents import Incidents
from engine.core.notices import Notices, Told
from engine.core.outgoing import Outgoing
from engine.core.recap import recap
from engine.core.standing import digest_words, gate_words, labelled
from engine.core.subject import Subject
from engine.core.watch import Watch
from engine.model.checkpoint import StateKey
from engine.model.config import LIMITS, Limits
from engine.model.event import Event
from engine.model.match import Firing, Match, Reason

__all__ = ["Dispatcher", "Told"]


class Sort(IntEnum):
    """The sorts of work on the agenda. At one instant the work of a rule comes in this order.

    A period ends first: it is half-open, so what is told at its end belongs to the next.
    """

    PERIOD = 0
    QUIET = 1
    DIGEST = 2
    CALL = 3
    SNOOZE = 4


class Dispatcher:
    """The states of all rules behind their matches. Shape: one a (rule, group), kept only while it differs from empty.

    `evicted` counts by rule the groups that were forgotten because there were too many; `waits` is the heap of
    wake-ups, whose first entry begins with the instant of the next or with an earlier one that is void.
    """

    def __init__(
        self,
        program: Program,
        routes: dict[str, tuple[str, ...]],
        zone_offset: Callable[[str, int], int],
        states: dict[StateKey, bytes],
        limits: Limits = LIMITS,
    ) -> None:
        self._agenda = Agenda()
        self.waits = self._agenda.heap
        self._rules = program.rules
        self._numbers = {compiled.owner: number for number, compiled in enumerate(program.rules)}
        self._notices = Notices(program, routes, zone_offset)
        self._watch = Watch(program, self._agenda, Sort.PERIOD, self._notices, limits)
        self._outgoing = Outgoing(program, self._agenda, Sort.QUIET, self._notices, self._watch, limits)
        self._holds = self._outgoing.holds
        self.evicted = self._outgoing.evicted
        self._digests = Digests(program, self._agenda, Sort.DIGEST, zone_offset, limits, self.evicted)
        self._incidents = Incidents(program, self._agenda, Sort.CALL, self._notices, limits, self.evicted)
        self._memories = (
            self._outgoing.shelf, self._holds.shelf, self._digests, self._incidents.shelf, self._watch.shelf,
        )  # fmt: skip
        for memory in (self._outgoing, self._holds, self._digests, self._incidents, self._watch):
            memory.restore(states)
        for owner, _, until_ms in self._holds.shelf.all():
            self._wake(owner, Sort.SNOOZE, "", until_ms)

    @property
    def wake_at_ms(self) -> int | None:
        """When the next thing is due; 0 while something does not know yet what time it is."""
        return self._agenda.wake_at_ms

    def on_match(self, compiled: CompiledRule, match: Match, subject: Subject, now_ms: int | None = None) -> Told:
        """Return what became of the match. `now_ms` is when it came out, where that is later than its own time."""
        told = Told.nothing()
        rule, group = compiled.rule, match.group or ""
        is_open = self._incidents.is_open(compiled, group)
        before, after, reason, until_ms = self._outgoing.on_match(compiled, match, subject, is_open)
        if reason not in (None, Reason.QUIET):
            self._outgoing.put(compiled, group, after)
            told.firings.append(Firing(match, reason, until_ms=until_ms))
            return told
        if rule.record is not None:
            told.notifications.append(self._notices.record(match, rule.record))
        renderer = self._notices.renderer(compiled)
        destinations = self._notices.destinations(rule.notify)
        if rule.digest is not None and (destinations or self._notices.writes(compiled)):
            self._outgoing.put(compiled, group, after)
            body = default_words(rule, match, self._notices.local_min)
            firing = Firing(match, Reason.DIGEST, destinations, body=body)
            self._collect(told, compiled, firing, before.held, max(match.at_ms, now_ms or 0))
            return told  # others hear of the digest
        title, body = renderer.render(match, before.held, subject.offset_min)
        ends_ms = until_ms if reason is Reason.QUIET else None
        firing = Firing(match, reason, destinations, title, body, before.held, ends_ms)
        firing = self._outgoing.tell(told, compiled, firing, after)
        # Steps of an incident count from the instant at which somebody was told of it.
        self._incidents.begin(compiled, firing, firing.until_ms or match.at_ms)
        data = renderer.emitted(match, body, subject.offset_min) if self._notices.writes(compiled) else None
        return told._replace(data=data)

    def _collect(self, told: Told, compiled: CompiledRule, firing: Firing, held: int, now_ms: int) -> None:
        """Put a firing into its digest, which may be full with it."""
        entry = entry_of(firing.match, firing.body)
        bucket, due_ms = self._digests.collect(compiled, firing.match.group or "", entry, held, now_ms)
        told.firings.append(replace(firing, until_ms=due_ms))
        if due_ms is not None and due_ms <= now_ms:
            self._agenda.cancel((self._numbers[compiled.owner], Sort.DIGEST, bucket))
            self._on_digest(told, compiled, bucket, now_ms)

    def on_close(self, compiled: CompiledRule, match: Match) -> Told:
        """Return what is said now that what the rule fired for has ended (`match.closes`); nothing if none is open."""
        told = Told.nothing()
        self._resolve(told, compiled, match.group or "", match)
        return told

    def on_until(self, compiled: CompiledRule, event: Event, at_ms: int) -> Told:
        """Return what is said now that an event of `until` came: it closes the incidents of its rule (or session)."""
        told = Told.nothing()
        for group in self._incidents.ended_by(compiled, event, at_ms):
            self._resolve(told, compiled, group, Match("", compiled.rule.name, group or None, at_ms, (event,), {}))
        return told

    def _resolve(self, told: Told, compiled: CompiledRule, group: str, by: Match) -> None:
        held = self._outgoing.shelf.get(compiled.owner, group).held
        firing = self._incidents.end(compiled, group, by, held)
        if firing is not None and self._outgoing.send(told, compiled, firing):
            self._outgoing.hold(compiled, group, -held)

    def on_session(self, event: Event) -> None:
        """Learn of a session's state. Digests told at its end are due once lines that come late are in."""
        self._digests.on_session(event)

    def ack(self, compiled: CompiledRule, group: str | None, at_ms: int) -> int:
        """Let somebody take on the open incidents, of one group or (None) of all. Returns how many were untaken."""
        return self._incidents.ack(compiled, group, at_ms)

    def snooze(self, compiled: CompiledRule, until_ms: int) -> None:
        """Let the rule say nothing until then; an instant that is past lets it speak again."""
        owner = compiled.owner
        self._holds.snooze(owner, until_ms)
        self._wake(owner, Sort.SNOOZE, "", until_ms)
        self._watch.mute(compiled)
        # What waits for the end of an earlier snooze asks again at the end of this one.
        self._outgoing.ask_again(compiled, until_ms)
        for bucket in self._digests.heads.groups(owner):
            self._wake(owner, Sort.DIGEST, bucket, until_ms)
        for group in self._incidents.shelf.groups(owner):
            self._wake(owner, Sort.CALL, group, until_ms)

    def on_time(self, now_ms: int, woke_ms: int | None = None) -> Told:
        """Let everything happen that is due by now, each at its own instant and in order.

        `woke_ms` is given when nothing ran until then: of what repeats only the latest is told. Without it a late
        call gives what punctual ones would have given.
        """
        told = Told.nothing()
        while (due := self._agenda.take(now_ms)) is not None:
            due_ms, (number, sort, group) = due
            compiled = self._rules[number]
            try:
                self._happen(told, compiled, (sort, group), due_ms or now_ms, woke_ms)
            except Exception as error:  # noqa: BLE001 - a fault in one rule's work must not end the others'
                told.broken.append((compiled, error))
        return told

    def _happen(
        self, told: Told, compiled: CompiledRule, what: tuple[int, str], at_ms: int, woke_ms: int | None
    ) -> None:
        sort, group = what
        match sort:
            case Sort.PERIOD:
                muted = self._holds.snooze_end(compiled.owner, at_ms) is not None
                self._outgoing.report(told, compiled, self._watch.on_time(compiled, at_ms, woke_ms, muted))
            case Sort.QUIET:
                self._outgoing.on_time(told, compiled, group, at_ms)
            case Sort.DIGEST:
                self._on_digest(told, compiled, group, at_ms, woke_ms)
            case Sort.CALL:
                self._on_call(told, compiled, group, at_ms, woke_ms)
            case _:
                self._end_snooze(compiled.owner, at_ms)

    def _end_snooze(self, owner: str, at_ms: int) -> None:
        until_ms = self._holds.snooze_end(owner, at_ms)
        if until_ms is None:
            self._holds.snooze(owner, 0)
        else:
            self._wake(owner, Sort.SNOOZE, "", until_ms)

    def _on_digest(
        self, told: Told, compiled: CompiledRule, bucket: str, at_ms: int, woke_ms: int | None = None
    ) -> None:
        """Tell a digest that is due, unless the rule must be silent now."""
        due_ms = self._digests.due_ms(compiled, bucket)
        again_ms = self._holds.end(compiled.owner, compiled.rule, at_ms)
        if again_ms is not None and due_ms is not None and due_ms <= at_ms:
            self._wake(compiled.owner, Sort.DIGEST, bucket, again_ms)
            return
        due = self._digests.on_time(compiled, bucket, at_ms, woke_ms)
        if due is not None:
            self._tell_digest(told, compiled, due, at_ms)

    def _tell_digest(self, told: Told, compiled: CompiledRule, due: Due, at_ms: int) -> None:
        rule, head = compiled.rule, due.head
        if due.verdict is Verdict.DROP or is_off(rule, at_ms):
            self._outgoing.hold(compiled, due.collected.group or "", head.size + head.held)
            return
        renderer = self._notices.renderer(compiled)
        made = recap(rule, renderer, due.collected, head, at_ms, (self._notices.local_min, due.session_ms))
        destinations = self._notices.destinations(rule.notify)
        firing = Firing(made.match, None, destinations, made.title, made.body, head.held, kind="digest")
        self._notices.tell(told, rule, firing, made.request)
        if self._notices.writes(compiled):
            told.written.append(written_back(rule, made.match, made.data))
        self._outgoing.count(told, compiled, at_ms)

    def _on_call(self, told: Told, compiled: CompiledRule, group: str, at_ms: int, woke_ms: int | None) -> None:
        """Call those whose step is due. What waited for the end of `quiet` or of a snooze is told at that instant."""
        if is_off(compiled.rule, at_ms):
            self._incidents.forget(compiled, group)
            return
        again_ms = self._holds.end(compiled.owner, compiled.rule, at_ms)
        if again_ms is not None:
            self._wake(compiled.owner, Sort.CALL, group, again_ms)
            return
        held = self._outgoing.shelf.get(compiled.owner, group).held
        for call in self._incidents.calls(compiled, group, at_ms, woke_ms):
            self._notices.tell(told, compiled.rule, self._incidents.escalated(compiled, group, call, held))

    def release(self, at_ms: int) -> Told:
        """Let go out what waits in `quiet` and in digests, as if its time had come; fewer than `min` go on waiting."""
        told = Told.nothing()
        for compiled in self._rules:
            self._outgoing.release(told, compiled, at_ms)
            for due in self._digests.release(compiled, at_ms):
                self._tell_digest(told, compiled, due, at_ms)
        return told

    def words(self, compiled: CompiledRule, now_ms: int, clock: Callable[[int], str]) -> list[str]:
        """Return how a rule stands, a line a fact. `clock` gives an instant as local time."""
        return labelled(self._words(compiled, now_ms, clock))

    def _words(self, compiled: CompiledRule, now_ms: int, clock: Callable[[int], str]) -> Iterator[tuple[str, str]]:
        until_ms = self._holds.snooze_end(compiled.owner, now_ms)
        yield "", f"snoozed until {clock(until_ms)}" if until_ms is not None else ""
        yield "", self._watch.words(compiled)
        yield from self._incidents.words(compiled, clock)
        for group, head, due_ms in self._digests.waiting(compiled):
            yield group, digest_words(head, due_ms, clock)
        for group, state in self._outgoing.shelf.groups(compiled.owner).items():
            yield group, gate_words(compiled, state, now_ms, clock)

    def snapshot(self) -> dict[StateKey, bytes]:
        """Return all states, for the dispatcher that takes over after a reload."""
        states: dict[StateKey, bytes] = {}
        for memory in self._memories:
            states |= memory.snapshot()
        return states

    def changes(self) -> dict[StateKey, bytes | None]:
        """Return the states that changed since the last call; None for one to forget."""
        changed: dict[StateKey, bytes | None] = {}
        for memory in self._memories:
            changed |= memory.changes()
        return changed

    def _wake(self, owner: str, sort: Sort, group: str, at_ms: int) -> None:
        self._agenda.wake((self._numbers[owner], sort, group), at_ms)
