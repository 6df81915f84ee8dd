"""What the core says happened: a rule's condition held, a rule fired, or it was held back and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from engine.model.event import Event

__all__ = ["Firing", "FiringKind", "Hit", "Match", "Reason", "Step"]

S = TypeVar("S")
Out = TypeVar("Out")


class Step(NamedTuple, Generic[S, Out]):
    """One transition of anything stateful: the next state, what came out, and when to be woken, if ever.

    Units: `wake_at_ms` is an epoch instant. Source: ADR 0005.
    """

    state: S
    out: Out
    wake_at_ms: int | None = None


class Hit(NamedTuple):
    """A rule's condition held for one event, under one group. `found` holds named groups and the class label."""

    rule: str
    group: str | None
    event: Event
    found: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Match:
    """A rule fired. `id` is a hash of rule, group and evidence, so a replay gives it again.

    Shape: `events` is the evidence, oldest first, never empty. Units: `at_ms` is the firing's own time; `since_ms`
    is where the thing began, None for the first event. `closes`: what this rule fired for this group has ended.
    """

    id: str
    rule: str
    group: str | None
    at_ms: int
    events: tuple[Event, ...]
    found: dict[str, Any]
    since_ms: int | None = None
    closes: bool = False


FiringKind: TypeAlias = Literal["fired", "digest", "escalated", "resolved", "health"]
"""Why there is a message: a match, a collection of them, an incident still open or over, a rule's own health."""


class Reason(StrEnum):
    """Why a match did not become a message now."""

    DISABLED = "disabled"
    EXPIRED = "expired"
    INACTIVE = "inactive"
    UNLESS = "unless"
    DEDUP = "dedup"
    COOLDOWN = "cooldown"
    LIMIT = "limit"
    QUIET = "quiet"
    RETRACTED = "retracted"
    SNOOZED = "snoozed"
    OPEN = "open"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Firing:
    """What became of a match: a message, or the reason for silence. For people, tests and reports.

    `reason` is None when the message went out; with `QUIET` it waits. `suppressed` counts the firings held since
    the message before. `title` and `body` are empty when nothing was rendered. Reason `OPEN`: its incident is open
    already; `DIGEST`: it is collected and told later, by a firing of kind `digest`.
    """

    match: Match
    reason: Reason | None
    destinations: tuple[str, ...] = ()
    title: str = ""
    body: str = ""
    suppressed: int = 0
    until_ms: int | None = None
    kind: FiringKind = "fired"
