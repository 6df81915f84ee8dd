"""What a rule did in a test, and the two ways in which two runs of one test are the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from engine.core.decode import event_id
from engine.model.event import Event
from engine.model.match import Firing, FiringKind, Reason
from engine.model.notification import Notification
from engine.model.rule import Rule

__all__ = ["Outcome", "item_count"]

_TOLD = (None, Reason.QUIET)


def _unknown(_: Any = None) -> str:
    return ""


@dataclass(frozen=True)
class Outcome:
    """Units: `start_ms` is the epoch instant of offset 0, `until_ms` that at which the clock stopped.

    `delivered` counts by destination what services took, and `undelivered` says why not the rest. `standing` is what
    is remembered at the end, `words` the same for people; `closest` tells what came nearest to a firing.
    """

    rule: Rule
    start_ms: int
    until_ms: int
    firings: tuple[Firing, ...]
    notifications: tuple[Notification, ...] = ()
    events: tuple[Event, ...] = ()
    delivered: Mapping[str, int] = field(default_factory=dict)
    undelivered: Callable[[str], str] = _unknown
    standing: Mapping[str, int] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    closest: Callable[[], str] = _unknown

    @property
    def length_ms(self) -> int:
        """How long the clock ran."""
        return self.until_ms - self.start_ms

    @cached_property
    def fired(self) -> list[Firing]:
        """The messages at once: of firings, and for a rule that collects of its digests."""
        return [firing for firing in self.told if firing.reason is None]

    @cached_property
    def told(self) -> list[Firing]:
        """The messages of firings and digests, at once or after `quiet`."""
        return [firing for firing in self.firings if firing.kind in ("fired", "digest") and firing.reason in _TOLD]

    def of_kind(self, kind: FiringKind) -> list[Firing]:
        """Return the messages of one kind, at once or after `quiet`."""
        return [firing for firing in self.firings if firing.kind == kind and firing.reason in _TOLD]

    @cached_property
    def held(self) -> Counter[str]:
        """How many firings each gate stopped or put off."""
        return Counter(firing.reason.value for firing in self.firings if firing.reason is not None)

    @cached_property
    def evidence(self) -> list[tuple[str, ...]]:
        """What every message rests on, with its kind: equal for runs that differ in when lines arrived."""
        told = [firing for firing in self.firings if firing.reason in _TOLD]
        return sorted((firing.kind, *sorted(map(_identity, firing.match.events))) for firing in told)

    @cached_property
    def exact(self) -> list[tuple[Any, ...]]:
        """Everything that came of every match, in order: equal for runs that differ in nothing a rule may see."""
        return [
            (
                firing.kind, firing.match.at_ms, firing.match.group or "", str(firing.reason or ""), firing.title,
                firing.body, firing.suppressed, *map(_identity, firing.match.events),
            )
            for firing in self.firings
        ]  # fmt: skip

    def offset(self, firing: Firing) -> int:
        """Return a firing's time from the start of the test."""
        return firing.match.at_ms - self.start_ms


def _identity(event: Event) -> str:
    """Return what names an event whatever lines stand around it.

    One that a rule wrote is named after its evidence and the places of that, which an added line moves.
    """
    return f"{event.status}:{event.at_ms}-{event.end_ms}" if event.kind == "rule" else event_id(event)


def item_count(firing: Firing) -> int:
    """Return how many firings a digest tells of."""
    count = firing.match.found.get("count")
    return count if isinstance(count, int) else len(firing.match.events)
