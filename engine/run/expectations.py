"""What a test demanded against what came: the smallest differing part, in words.

Invariant: every demand that holds yields nothing, and what is not named is not looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.regex import compile_pattern
from engine.model.match import Firing
from engine.run.evidence import precise_text
from engine.run.outcome import Outcome, item_count
from engine.run.outcome_words import listed, nothing, one_firing, times

__all__ = ["Mismatch", "mismatches"]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One demand that did not come true. `where` narrows it down, when there is something to narrow.

    `key` is the word of `expect` that demanded it, empty for `same_under`.
    """

    expected: str
    got: str
    where: str = ""
    key: str = ""


def mismatches(expect: dict[str, Any], outcome: Outcome) -> Iterator[Mismatch]:
    """Yield the demands that did not come true, in the order in which they are written."""
    for name, demand in expect.items():
        key = name.removesuffix("_ms")
        for found in _CHECKS[key](key, demand, outcome):
            yield Mismatch(found.expected, found.got, found.where, key)


def _fires(_: str, demand: int, outcome: Outcome) -> Iterator[Mismatch]:
    if len(outcome.fired) != demand:
        yield Mismatch(times(demand), listed(outcome, outcome.fired))


def _fires_at(_: str, demand: list[int], outcome: Outcome) -> Iterator[Mismatch]:
    return _instants("a firing", demand, outcome, outcome.fired)


def _resolves_at(_: str, demand: list[int], outcome: Outcome) -> Iterator[Mismatch]:
    return _instants("a resolve", demand, outcome, outcome.of_kind("resolved"))


def _escalates_at(_: str, demand: list[int], outcome: Outcome) -> Iterator[Mismatch]:
    return _instants("an escalation", demand, outcome, outcome.of_kind("escalated"))


def _instants(noun: str, demand: list[int], outcome: Outcome, firings: Sequence[Firing]) -> Iterator[Mismatch]:
    got = [outcome.offset(firing) for firing in firings]
    if Counter(got) == Counter(demand):
        return
    if len(got) == len(demand):
        for wanted, firing in zip(sorted(demand), sorted(firings, key=outcome.offset), strict=True):
            off_ms = outcome.offset(firing) - wanted
            if off_ms:
                late = f"{precise_text(abs(off_ms))} {'later' if off_ms > 0 else 'earlier'}"
                yield Mismatch(f"{noun} at {precise_text(wanted)}", f"{one_firing(outcome, firing)}, {late}")
        return
    missing = Counter(demand) - Counter(got)
    extra = Counter(got) - Counter(demand)
    if missing:
        often = Counter(demand)
        wanted_at = ", ".join(
            precise_text(at_ms) + (f" ({often[at_ms]} of them)" if often[at_ms] > 1 else "") for at_ms in missing
        )
        yield Mismatch(f"{noun} at {wanted_at}", listed(outcome, firings, noun))
    elif extra:
        surplus = [firing for firing in firings if outcome.offset(firing) in extra]
        besides = ", ".join(map(precise_text, demand)) or "none"
        yield Mismatch(
            f"none besides {besides}" if demand else f"no {noun.split()[-1]}",
            "also " * bool(demand) + ", ".join(one_firing(outcome, firing) for firing in surplus[:3]),
        )


def _deferred(name: str, demand: int, outcome: Outcome) -> Iterator[Mismatch]:
    return _count(name, demand, outcome.held["quiet"])


def _retracted(name: str, demand: int, outcome: Outcome) -> Iterator[Mismatch]:
    return _count(name, demand, outcome.held["retracted"])


def _count(name: str, demand: int, got: int, why: str = "") -> Iterator[Mismatch]:
    if got != demand:
        yield Mismatch(f"{demand} {name}", f"{got} {name}" + (f" ({why})" if why else ""))


def _suppressed(_: str, demand: dict[str, int], outcome: Outcome) -> Iterator[Mismatch]:
    for reason, count in demand.items():
        yield from _count(f"stopped by {reason}", count, outcome.held[reason])


def _words(name: str, demand: dict[str, Any], outcome: Outcome) -> Iterator[Mismatch]:
    """Check the words of every message; a rule that sent none has not said them."""
    messages = outcome.of_kind("resolved") if name == "resolve" else outcome.told
    if not messages:
        yield Mismatch(f"a {name}", "no message of that kind" if name == "resolve" else nothing(outcome))
    for firing in messages:
        said = firing.title if name == "title" else firing.body
        for fault in _unsaid(demand, said):
            yield Mismatch(f"{name} {fault}", f'"{said[:200]}"', f"at {precise_text(outcome.offset(firing))}")


def _unsaid(demand: dict[str, Any], said: str) -> Iterator[str]:
    for part in demand.get("contains") or ():
        if part not in said:
            yield f'with "{part}"'
    if "equals" in demand and demand["equals"] != said:
        yield f'equal to "{demand["equals"]}"'
    if "matches" in demand and not compile_pattern(demand["matches"], True).holds(said):
        yield f"that matches {demand['matches']}"


def _group(name: str, demand: Any, outcome: Outcome) -> Iterator[Mismatch]:
    """Check one group for every message, or a list of them, one a message in order."""
    found = [firing.match.group for firing in outcome.told]
    if isinstance(demand, list):
        wanted = [None if one is None else str(one) for one in demand]
        if found != wanted:
            yield Mismatch(f"groups {_shown(wanted)}", f"groups {_shown(found)}" if found else nothing(outcome))
        return
    yield from _all_are(name, None if demand is None else str(demand), found, outcome)


def _severity(name: str, demand: str, outcome: Outcome) -> Iterator[Mismatch]:
    return _all_are(name, demand, [outcome.rule.severity for _ in outcome.told], outcome)


def _routes(name: str, demand: list[str], outcome: Outcome) -> Iterator[Mismatch]:
    return _all_are(name, sorted(demand), [sorted(firing.destinations) for firing in outcome.told], outcome)


def _all_are(name: str, demand: Any, found: list[Any], outcome: Outcome) -> Iterator[Mismatch]:
    wrong = [one for one in found if one != demand]
    if wrong or not found:
        yield Mismatch(f"{name} {_shown(demand)}", f"{name} {_shown(wrong[0])}" if wrong else nothing(outcome))


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return "none" if value is None else str(value)


def _digest(_: str, demand: list[dict[str, Any]], outcome: Outcome) -> Iterator[Mismatch]:
    digests = outcome.of_kind("digest")
    if len(digests) != len(demand):
        waiting = outcome.standing.get("collected", 0)
        more = f"; {waiting} collected and not told by {precise_text(outcome.length_ms)}" if waiting else ""
        yield Mismatch(times(len(demand), "digest"), listed(outcome, digests, "a digest") + more)
        return
    for number, (wanted, firing) in enumerate(zip(demand, digests, strict=True), 1):
        where = f"digest {number}" if len(demand) > 1 else ""
        at_ms, items = outcome.offset(firing), item_count(firing)
        if wanted.get("items", items) != items:
            yield Mismatch(f"a digest of {wanted['items']}", f"one of {items}", where)
        if wanted.get("at_ms", at_ms) != at_ms:
            yield Mismatch(f"a digest at {precise_text(wanted['at_ms'])}", f"at {precise_text(at_ms)}", where)
        for part in wanted.get("contains", ()):
            if part not in f"{firing.title}\n{firing.body}":
                yield Mismatch(f'a digest with "{part}"', f'"{firing.body[:200]}"', where)


def _delivered(name: str, demand: int | dict[str, int], outcome: Outcome) -> Iterator[Mismatch]:
    if isinstance(demand, int):
        messages = {to: count for to, count in outcome.delivered.items() if not to.startswith("record:")}
        told = sorted({note.destination for note in outcome.notifications})
        why = "; ".join(filter(None, map(outcome.undelivered, told)))
        yield from _count(name, demand, sum(messages.values()), why)
        return
    for to, count in demand.items():
        yield from _count(f"{name} to {to}", count, outcome.delivered.get(to, 0), outcome.undelivered(to))


def _state(_: str, demand: dict[str, int | bool], outcome: Outcome) -> Iterator[Mismatch]:
    for name, wanted in demand.items():
        got = outcome.standing[name]
        if (bool(got) if isinstance(wanted, bool) else got) != wanted:
            expected = f"{name}: {str(wanted).lower() if isinstance(wanted, bool) else wanted}"
            told = f": {'; '.join(outcome.words[:3])}" if outcome.words else ""
            yield Mismatch(expected, f"{got} {name} at {precise_text(outcome.length_ms)}{told}")


_CHECKS: dict[str, Callable[[str, Any, Outcome], Iterator[Mismatch]]] = {
    "fires": _fires, "fires_at": _fires_at, "resolves_at": _resolves_at, "escalates_at": _escalates_at,
    "deferred": _deferred, "retracted": _retracted, "suppressed": _suppressed, "message": _words, "title": _words,
    "resolve": _words, "group": _group, "severity": _severity, "routes": _routes, "digest": _digest,
    "delivered": _delivered, "state": _state,
}  # fmt: skip
