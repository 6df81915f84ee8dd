"""What a test demanded against what came: the smallest differing part, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.core.decode import event_id
from engine.core.moment import duration_text
from engine.core.regex import compile_pattern
from engine.model.match import Firing, Reason
from engine.model.notification import Notification
from engine.model.rule import Rule

__all__ = ["Mismatch", "Outcome", "mismatches"]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One demand that did not come true. `where` narrows it down, when there is something to narrow."""

    expected: str
    got: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule did in a test. Units: `start_ms` is the epoch instant of offset 0."""

    start_ms: int
    firings: tuple[Firing, ...]
    notifications: tuple[Notification, ...]
    rule: Rule

    @property
    def fired(self) -> list[Firing]:
        """The firings that became a message at once."""
        return [firing for firing in self.firings if firing.reason is None]

    @property
    def told(self) -> list[Firing]:
        """The firings that became a message, at once or after `quiet`."""
        return [firing for firing in self.firings if firing.reason in (None, Reason.QUIET)]

    @property
    def evidence(self) -> list[tuple[str, ...]]:
        """What every firing rests on, for comparing two runs of one test."""
        return sorted(tuple(event_id(event) for event in firing.match.events) for firing in self.told)

    def offset(self, firing: Firing) -> int:
        """Return a firing's time from the start of the test."""
        return firing.match.at_ms - self.start_ms


def mismatches(expect: dict[str, Any], outcome: Outcome) -> Iterator[Mismatch]:
    """Yield the demands that did not come true, in the order of the checks below."""
    for name, demand in expect.items():
        if name == "fires" and len(outcome.fired) != demand:
            yield Mismatch(_times(demand), _listed(outcome))
        elif name == "fires_at_ms":
            yield from _instants(demand, outcome)
        elif name in ("deferred", "retracted"):
            wanted = Reason.QUIET if name == "deferred" else Reason.RETRACTED
            yield from _count(name, demand, sum(firing.reason is wanted for firing in outcome.firings))
        elif name == "suppressed":
            yield from _suppressed(demand, outcome)
        elif name in ("title", "message"):
            yield from _words(name, demand, outcome)
        elif name == "group":
            yield from _all_are(
                name, None if demand is None else str(demand), [one.match.group for one in outcome.told]
            )
        elif name == "severity":
            yield from _all_are(name, demand, [outcome.rule.severity])
        elif name == "routes":
            found = [sorted(firing.destinations) for firing in outcome.told]
            yield from _all_are(name, sorted(demand), found)


def _times(count: int) -> str:
    return "never" if count == 0 else f"{count} firing{'s' * (count != 1)}"


def _listed(outcome: Outcome) -> str:
    if not outcome.fired:
        held = Counter(firing.reason.value for firing in outcome.firings if firing.reason is not None)
        stopped = ", ".join(f"{count} stopped by {reason}" for reason, count in held.items())
        return "no firing" + (f" ({stopped})" if stopped else "")
    shown = ", ".join(_one(outcome, firing) for firing in outcome.fired[:3])
    more = len(outcome.fired) - 3
    return f"{_times(len(outcome.fired))}: {shown}" + (f" and {more} more" if more > 0 else "")


def _one(outcome: Outcome, firing: Firing) -> str:
    text = firing.match.events[-1].text
    return f"at {duration_text(outcome.offset(firing))}" + (f' on "{text[:60]}"' if text else "")


def _instants(demand: list[int], outcome: Outcome) -> Iterator[Mismatch]:
    got = [outcome.offset(firing) for firing in outcome.fired]
    if got == demand:
        return
    missing = [at for at in demand if at not in got]
    extra = [at for at in got if at not in demand]
    if missing:
        yield Mismatch("a firing at " + ", ".join(map(duration_text, missing)), _listed(outcome))
    if extra:
        surplus = [firing for firing in outcome.fired if outcome.offset(firing) in extra]
        yield Mismatch("none besides " + (", ".join(map(duration_text, demand)) or "none"),
                       "also " + ", ".join(_one(outcome, firing) for firing in surplus[:3]))  # fmt: skip
    if not missing and not extra:
        yield Mismatch(_times(len(demand)), _listed(outcome))


def _count(name: str, demand: int, got: int) -> Iterator[Mismatch]:
    if got != demand:
        yield Mismatch(f"{demand} {name}", f"{got} {name}")


def _suppressed(demand: dict[str, int], outcome: Outcome) -> Iterator[Mismatch]:
    held = Counter(firing.reason.value for firing in outcome.firings if firing.reason is not None)
    for reason, count in demand.items():
        yield from _count(f"stopped by {reason}", count, held[reason])


def _words(name: str, demand: dict[str, Any], outcome: Outcome) -> Iterator[Mismatch]:
    """Check the words of every message; a rule that sent none has not said them."""
    if not outcome.told:
        yield Mismatch(f"a {name}", _listed(outcome))
    for firing in outcome.told:
        said = firing.title if name == "title" else firing.body
        for fault in _unsaid(demand, said):
            yield Mismatch(f"{name} {fault}", f'"{said[:200]}"', f"at {duration_text(outcome.offset(firing))}")


def _unsaid(demand: dict[str, Any], said: str) -> Iterator[str]:
    for part in demand.get("contains") or ():
        if part not in said:
            yield f'with "{part}"'
    if "equals" in demand and demand["equals"] != said:
        yield f'equal to "{demand["equals"]}"'
    if "matches" in demand and not compile_pattern(demand["matches"], True).holds(said):
        yield f"that matches {demand['matches']}"


def _all_are(name: str, demand: Any, found: list[Any]) -> Iterator[Mismatch]:
    wrong = [one for one in found if one != demand]
    if wrong or not found:
        yield Mismatch(f"{name} {_shown(demand)}", f"{name} {_shown(wrong[0])}" if wrong else "no firing")


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    return ", ".join(value) if isinstance(value, list) else str(value)
