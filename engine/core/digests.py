"""The digests of all rules: what they collected, when each is due, and which sessions are over.

A digest is kept as a small head and a row an item, so that a commit is proportional to what was collected since.
Shape of keys: group, for digests by session the session, then the number of the item, empty for the head.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from engine.core import digest, schedule
from engine.core.agenda import Agenda
from engine.core.collected import Collected, Entry, load, row_of
from engine.core.compile import CompiledRule, Program
from engine.core.digest import EMPTY, Arrived, Head, Ticks, Verdict
from engine.core.intake import ENDED, IDLE_MS
from engine.core.necessary import kinds_of
from engine.core.sessions import Sessions
from engine.core.shelf import Shelf
from engine.core.statistics import tally_of
from engine.model.checkpoint import StateKey
from engine.model.config import Limits
from engine.model.event import Event
from engine.model.rule import Digest

__all__ = ["SUFFIX", "Digests", "Due"]

SUFFIX = ":digest"
_SEP = "\x1f"
# Over all groups of a rule; a digest beyond keeps its first item and counts the others.
MOST_OF_A_RULE = 10_000


class Due(NamedTuple):
    """A digest whose time has come. `session_ms` is how long its session was, if that is known."""

    head: Head
    collected: Collected
    verdict: Verdict
    session_ms: int | None


class Digests:
    """What waits in digests. Shape: `heads` one a digest; each asks for its call on the agenda, as work of one sort."""

    def __init__(
        self,
        program: Program,
        agenda: Agenda,
        sort: int,
        offset: Callable[[str, int], int],
        limits: Limits,
        evicted: Counter[str],
    ) -> None:
        self._agenda, self._sort, self._offset = agenda, sort, offset
        self._lateness_ms = limits.lateness_ms
        self.heads: Shelf[Head] = Shelf(SUFFIX, EMPTY, digest.dump, limits.groups, evicted)
        self._rows: dict[tuple[str, str], dict[int, bytes]] = {}
        self._kept: Counter[str] = Counter()
        self._dirty: dict[StateKey, None] = {}
        self._specs = {
            compiled.owner: (number, compiled, _spec(compiled))
            for number, compiled in enumerate(program.rules)
            if compiled.rule.digest is not None
        }
        self._ticks = {owner: self._ticks_of(spec) for owner, (_, _, spec) in self._specs.items()}
        self._sessions = Sessions()

    def restore(self, states: dict[StateKey, bytes]) -> None:
        """Go on from what the store has, and begin to wait where nothing is stored yet."""
        self._sessions.restore(states)
        for (owner, key), blob in states.items():
            rule = owner.removesuffix(SUFFIX)
            if rule == owner or rule not in self._specs:
                continue
            left, _, number = key.rpartition(_SEP)
            if number:
                self._rows.setdefault((rule, left + _SEP), {})[int(number)] = blob
                self._kept[rule] += 1
            else:
                self.heads.restore(rule, key, digest.load(blob))
        for owner, (place, _, spec) in self._specs.items():
            for bucket, head in self.heads.groups(owner).items():
                self._wake(owner, bucket, digest.due(spec, head, self._ticks[owner]))
            if spec.send_empty and not self.heads.groups(owner):
                self._agenda.wake((place, self._sort, _bucket("", None)), 0)

    def collect(
        self, compiled: CompiledRule, group: str, entry: Entry, held: int, now_ms: int
    ) -> tuple[str, int | None]:
        """Take in a firing that reached us at `now_ms`. Returns its digest, and when that is told, if it is known."""
        owner, spec = compiled.owner, self._specs[compiled.owner][2]
        bucket = self._bucket_of(owner, group, entry.event)
        head = self.heads.get(owner, bucket)
        tally = tally_of(entry.event, entry.found)
        arrived = Arrived(entry.at_ms, now_ms, tally, held, self._kept[owner] < MOST_OF_A_RULE)
        step = digest.collect(spec, head, arrived, self._ticks[owner])
        if step.out:
            self._rows.setdefault((owner, bucket), {})[head.kept] = row_of(entry)
            self._kept[owner] += 1
            self._dirty[owner, f"{bucket}{head.kept}"] = None
        self._put(owner, bucket, step.state)
        self._wake(owner, bucket, step.wake_at_ms)
        return bucket, step.wake_at_ms

    def on_session(self, event: Event) -> None:
        """Learn that a session began or ended. Its digests are told once lines that come late are in."""
        if event.session is None or not self._specs or not self._sessions.note(event) or event.status not in ENDED:
            return
        for owner, (_, compiled, spec) in self._specs.items():
            if not spec.at_session_end:
                continue
            own = compiled.rule.lateness_ms
            due_ms = event.seen_ms + (self._lateness_ms if own is None else own)
            if compiled.rule.window is not None:
                due_ms += IDLE_MS  # its last firings come when event time goes on without lines
            elif "rule" in (kinds_of(compiled.rule.condition) or ()):
                # Those of the rules it hears come then, too, and lines that trail in hold event time back until then.
                due_ms += self._lateness_ms + IDLE_MS
            for bucket, head in list(self.heads.groups(owner).items()):
                # What belongs to no session goes with the one that ends next.
                if head.size and _parts(bucket)[1] in (_plain(event.session), None):
                    self._put(owner, bucket, digest.end(head, due_ms))
                    self._wake(owner, bucket, due_ms)

    def on_time(self, compiled: CompiledRule, bucket: str, now_ms: int, woke_ms: int | None) -> Due | None:
        """Judge one digest at the instant it asked for."""
        owner, spec = compiled.owner, self._specs[compiled.owner][2]
        head = digest.begin(spec, self.heads.get(owner, bucket), now_ms)
        step = digest.on_time(spec, head, now_ms, self._ticks[owner], woke_ms)
        due = None if step.out is None else self._taken(owner, bucket, head, step.out)
        self._put(owner, bucket, step.state)
        self._wake(owner, bucket, step.wake_at_ms)
        return due

    def release(self, compiled: CompiledRule, at_ms: int) -> list[Due]:
        """Hand out the digests that have enough items, as if their time had come. The others go on waiting."""
        told: list[Due] = []
        if compiled.owner not in self._specs:
            return told
        owner, spec = compiled.owner, self._specs[compiled.owner][2]
        for bucket, head in list(self.heads.groups(owner).items()):
            if head.size and digest.is_enough(spec, head):
                told.append(self._taken(owner, bucket, head, Verdict.TELL))
                self._put(owner, bucket, digest.begin(spec, EMPTY, at_ms))
        return told

    def due_ms(self, compiled: CompiledRule, bucket: str) -> int | None:
        """Return when a digest is due."""
        spec = self._specs[compiled.owner][2]
        return digest.due(spec, self.heads.get(compiled.owner, bucket), self._ticks[compiled.owner])

    def waiting(self, compiled: CompiledRule) -> list[tuple[str, Head, int | None]]:
        """Return (group, head, when it is due) of every digest of a rule that holds something."""
        if compiled.owner not in self._specs:
            return []
        heads = self.heads.groups(compiled.owner)
        return [(_parts(bucket)[0], head, self.due_ms(compiled, bucket)) for bucket, head in heads.items() if head.size]

    def _taken(self, owner: str, bucket: str, head: Head, verdict: Verdict) -> Due:
        """Take the items of a digest out."""
        group, session = _parts(bucket)
        rows = self._forget_rows(owner, bucket)
        entries = sorted((load(rows[number]) for number in sorted(rows)), key=lambda entry: entry.event.at_ms)
        name = entries[-1].event.session if session is not None and entries else session
        length_ms = self._sessions.length_ms(name) if name is not None and head.ends else None
        return Due(head, Collected(group or None, name, tuple(entries)), verdict, length_ms)

    def _forget_rows(self, owner: str, bucket: str) -> dict[int, bytes]:
        rows = self._rows.pop((owner, bucket), {})
        self._kept[owner] -= len(rows)
        self._dirty.update({(owner, f"{bucket}{number}"): None for number in rows})
        return rows

    def _put(self, owner: str, bucket: str, head: Head) -> None:
        gone = self.heads.put(owner, bucket, head)
        if gone is not None:
            self._forget_rows(owner, gone)
            self._agenda.cancel((self._specs[owner][0], self._sort, gone))

    def _wake(self, owner: str, bucket: str, at_ms: int | None) -> None:
        self._agenda.wake((self._specs[owner][0], self._sort, bucket), at_ms)

    def _ticks_of(self, spec: Digest) -> Ticks:
        """Return the ticks of a rule's timers. The one found last serves all instants since it was asked for."""
        found = (0, 0)

        def after(at_ms: int) -> int | None:
            nonlocal found
            if not spec.timers:
                return None
            if not found[0] <= at_ms < found[1]:
                found = (at_ms, min(schedule.next_ms(one, at_ms, self._offset) for one in spec.timers))
            return found[1]

        def until(at_ms: int) -> int | None:
            known = (schedule.last_ms(one, at_ms, self._offset) for one in spec.timers)
            return max((last_ms for last_ms in known if last_ms is not None), default=None)

        return Ticks(after, until)

    def _bucket_of(self, owner: str, group: str, event: Event) -> str:
        """Return the digest for an event: by session where its end tells it, unless that has been told already."""
        if not self._specs[owner][2].at_session_end or event.session is None:
            return _bucket(group, None)
        bucket = _bucket(group, event.session)
        is_told = self._sessions.is_over(event.session) and not self.heads.get(owner, bucket).size
        return _bucket(group, None) if is_told else bucket

    def snapshot(self) -> dict[StateKey, bytes]:
        """Return all states, for the digests that take over after a reload."""
        rows = {
            (owner + SUFFIX, f"{bucket}{number}"): row
            for (owner, bucket), kept in self._rows.items()
            for number, row in kept.items()
        }
        return {**self.heads.snapshot(), **rows, **self._sessions.snapshot()}

    def changes(self) -> dict[StateKey, bytes | None]:
        """Return the states that changed since the last call; None for one to forget."""
        changed: dict[StateKey, bytes | None] = {**self.heads.changes(), **self._sessions.changes()}
        for owner, key in self._dirty:
            left, _, number = key.rpartition(_SEP)
            changed[owner + SUFFIX, key] = self._rows.get((owner, left + _SEP), {}).get(int(number))
        self._dirty = {}
        return changed


def _spec(compiled: CompiledRule) -> Digest:
    """Return when digests of a rule are told. Only where there is one for all can it be empty."""
    spec = compiled.rule.digest or Digest()
    return replace(spec, send_empty=spec.send_empty and not compiled.rule.by and not spec.at_session_end)


def _bucket(group: str, session: str | None) -> str:
    return f"{group}{_SEP}{'' if session is None else _plain(session)}{_SEP}"


def _plain(session: str) -> str:
    """Return the name of a session as it stands in keys: without the letter between the parts, and never empty."""
    return session.replace(_SEP, " ") or " "


def _parts(bucket: str) -> tuple[str, str | None]:
    """Return group and session of a key. A group may hold any letter."""
    group, _, session = bucket.removesuffix(_SEP).rpartition(_SEP)
    return group, session or None
