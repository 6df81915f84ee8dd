"""A dispatcher with the store's part of the bargain, driven by firings at instants of a day that begins at AT."""

from __future__ import annotations

from typing import Any

from engine.core.dispatch import Dispatcher, Told
from engine.core.firing import match_of_hit
from engine.core.notices import Said
from engine.core.subject import Subject
from engine.model.checkpoint import StateKey
from engine.model.config import LIMITS, Limits
from engine.model.event import Event, Position
from engine.model.match import Firing, Hit, Match
from engine.model.notification import Notification
from tests.core.running import AT, program_of

__all__ = ["AT", "MINUTE_MS", "Desk", "at_ms", "happened"]

MINUTE_MS = 60_000


def at_ms(minutes: float) -> int:
    """Return the instant that many minutes after ten o'clock in UTC on a Wednesday."""
    return AT + round(minutes * MINUTE_MS)


def happened(minutes: float, text: str | None, number: int = 0, **fields: Any) -> Event:
    """Return speech that began and came that many minutes after the start, unless the fields say otherwise."""
    began_ms = at_ms(minutes)
    event = Event(
        Position("log:0", number), "log", number, {"channel": "transcript", "data": {"text": text}}, "transcript", None,
        text, began_ms, began_ms, began_ms, "media", True, "mic:default", "mic", None, ("said", number, began_ms),
    )  # fmt: skip
    return event._replace(**fields)


class Desk:
    """Firings in; everything that came out since the start in its lists."""

    def __init__(
        self, rules: str, routes: dict[str, tuple[str, ...]] | None = None, limits: Limits = LIMITS, zone_min: int = 0
    ) -> None:
        self.program = program_of(rules)
        self.routes = routes or {}
        self.limits = limits
        self.zone_min = zone_min
        self.stored: dict[StateKey, bytes] = {}
        self.firings: list[Firing] = []
        self.notes: list[Notification] = []
        self.said: list[Said] = []
        self.dispatcher = self._new()
        self._number = 0

    def _new(self) -> Dispatcher:
        return Dispatcher(self.program, self.routes, lambda zone, at: self.zone_min, self.stored, self.limits)

    def _take(self, told: Told) -> Told:
        assert told.broken == []
        self.firings += told.firings
        self.notes += told.notifications
        self.said += told.said
        return told

    def fire(
        self, minutes: float, text: str | None = "x", rule: int = 0, group: str | None = None, **fields: Any
    ) -> Told:
        """Let a rule fire, after what was due before it."""
        self.on_time(minutes)
        self._number += 1
        event = happened(minutes, text, self._number, **fields)
        compiled = self.program.rules[rule]
        match = match_of_hit(Hit(compiled.rule.name, group, event, {}))
        return self.match(match, rule)

    def match(self, match: Match, rule: int = 0, now_ms: int | None = None) -> Told:
        """Give a match to the dispatcher."""
        return self._take(self.dispatcher.on_match(self.program.rules[rule], match, Subject(match.events[-1]), now_ms))

    def on_time(self, minutes: float, woke: float | None = None) -> Told:
        """Let time pass."""
        return self._take(self.dispatcher.on_time(at_ms(minutes), None if woke is None else at_ms(woke)))

    def session(self, minutes: float, status: str, session: str = "cap-1") -> None:
        """Let a session change its state, after what was due before."""
        self.on_time(minutes)
        self.dispatcher.on_session(happened(minutes, None, kind="session", status=status, session=session))

    def until(self, minutes: float, rule: int = 0, **fields: Any) -> Told:
        """Let an event come that ends incidents."""
        self.on_time(minutes)
        event = happened(minutes, None, kind="session", status="active", **fields)
        return self._take(self.dispatcher.on_until(self.program.rules[rule], event, event.seen_ms))

    def close(self, minutes: float, rule: int = 0, group: str | None = None, text: str = "back") -> Told:
        """Let the rule's pattern say that it is over."""
        self.on_time(minutes)
        event = happened(minutes, text)
        match = Match("over", self.program.rules[rule].rule.name, group, event.seen_ms, (event,), {}, None, True)
        return self._take(self.dispatcher.on_close(self.program.rules[rule], match))

    def ack(self, minutes: float, group: str | None = None, rule: int = 0) -> int:
        """Take on what is open."""
        self.on_time(minutes)
        return self.dispatcher.ack(self.program.rules[rule], group, at_ms(minutes))

    def snooze(self, minutes: float, until: float, rule: int = 0) -> None:
        """Silence a rule."""
        self.on_time(minutes)
        self.dispatcher.snooze(self.program.rules[rule], at_ms(until))

    def release(self, minutes: float) -> Told:
        """Let out what waits."""
        return self._take(self.dispatcher.release(at_ms(minutes)))

    def commit(self) -> dict[StateKey, bytes | None]:
        """Do what a commit does. Returns what it writes."""
        changes = self.dispatcher.changes()
        for key, blob in changes.items():
            if blob is None:
                self.stored.pop(key, None)
            else:
                self.stored[key] = blob
        return changes

    def restart(self) -> None:
        """Commit, and go on as a new process would."""
        self.commit()
        assert self.dispatcher.snapshot() == self.stored
        self.dispatcher = self._new()

    def edit(self, rules: str) -> None:
        """Go on with other rules, as after a reload."""
        self.stored = self.dispatcher.snapshot()
        self.program = program_of(rules)
        self.dispatcher = self._new()

    def told(self, kind: str) -> list[Firing]:
        """The firings of one kind that went out."""
        return [firing for firing in self.firings if firing.kind == kind and firing.reason is None]

    @property
    def reasons(self) -> list[str]:
        """What became of every match and of what followed from them."""
        return [str(firing.reason or firing.kind) for firing in self.firings]

    @property
    def told_at(self) -> list[float]:
        """Minutes of all messages."""
        return [(note.at_ms - AT) / MINUTE_MS for note in self.notes]

    def words(self, minutes: float, rule: int = 0) -> list[str]:
        """How a rule stands, times in minutes."""
        clock = lambda at: f"{(at - AT) / MINUTE_MS:g}"  # noqa: E731 - shorter than a function here
        return self.dispatcher.words(self.program.rules[rule], at_ms(minutes), clock)
