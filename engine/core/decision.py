"""What became of matches, windows and requests, as small records that answer "why did it not fire?" later.

A rule has two bounded rings of them in the store: one for what people heard of, one (`rule:held`) for the rest, so
that a thousand firings held by a cooldown cannot push out the one that began it. Records are data: words for people
are made when they are read, in the reader's zone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from engine.core.json_text import json_text
from engine.core.moment import duration_text
from engine.model.checkpoint import Decided
from engine.model.config import Privacy
from engine.model.event import Event
from engine.model.match import Firing, Reason
from engine.model.request import Request
from engine.model.rule import Rule

__all__ = [
    "Decision", "Evidence", "age_text", "decided_words", "decision_of", "decision_of_fault", "decision_of_request",
    "decision_of_window", "decision_words", "decisions_of", "read_decision", "rings",
]  # fmt: skip

HELD = ":held"
RING = 50
# Evidence of a firing may be 50 events; a record names the newest of them and says how many there were.
MAX_EVIDENCE = 5
EXCERPT = Privacy().excerpt
MAX_WORDS = 300
MAX_NAME = 200
_VERSION = 1
# What a firing says of an instant holds for these alone; with the other reasons it is the end of some cooldown.
_ENDING = frozenset((Reason.COOLDOWN, Reason.QUIET, Reason.SNOOZED, Reason.DIGEST))
_TOLD = frozenset((None, Reason.QUIET, Reason.RETRACTED))


class Evidence(NamedTuple):
    """One line a decision rests on: `path:line`, and the beginning of what it said."""

    place: str
    text: str


class Decision(NamedTuple):
    """One record. `kind` is that of the firing, or `window`, `ack`, `snooze`, `fault`.

    `reason` says why a firing was held, None for one that was told. Units: `until_ms` is when what holds it ends.
    Shape: `evidence` has at most five lines, the newest last; `events` is how many there were.
    """

    kind: str
    at_ms: int
    group: str | None = None
    reason: str | None = None
    until_ms: int | None = None
    told: tuple[str, ...] = ()
    suppressed: int = 0
    words: str = ""
    events: int = 0
    evidence: tuple[Evidence, ...] = ()


def rings(rule: str) -> tuple[str, str]:
    """Return the names of a rule's two rings. Neither can be another rule's: a name has no colon."""
    return rule, rule + HELD


def decision_of(firing: Firing, rule: Rule, excerpt: int = EXCERPT) -> Decided:
    """Return the record of a firing. Units: `excerpt` characters of captured text a line may show at most."""
    match, reason = firing.match, firing.reason
    decision = Decision(
        firing.kind,
        match.at_ms,
        match.group,
        reason=None if reason is None else reason.value,
        until_ms=firing.until_ms if reason in _ENDING else None,
        told=firing.destinations,
        suppressed=firing.suppressed,
        events=len(match.events),
        evidence=tuple(_evidence(event, excerpt) for event in match.events[-MAX_EVIDENCE:]),
    )
    return _packed(_ring(firing), decision)


def decision_of_window(rule: Rule, group: str | None, at_ms: int, words: str) -> Decided:
    """Return the record of a window that closed before it fired. `words` say how far it had come."""
    return _packed(rule.name + HELD, Decision("window", at_ms, group, words=words[:MAX_WORDS]))


def decision_of_fault(rule: Rule, at_ms: int, words: str) -> Decided:
    """Return the record of a rule that raised and was switched off. `words` say what was raised."""
    return _packed(rule.name, Decision("fault", at_ms, words=words[:MAX_WORDS]))


def decision_of_request(request: Request, found: int | None) -> Decided:
    """Return the record of what an operator asked. `found` incidents were open; None: there is no such rule."""
    words = "no such rule" if found is None else ""
    return _packed(
        request.rule,
        Decision(request.kind, request.at_ms, request.group, until_ms=request.until_ms, words=words, events=found or 0),
    )


def decisions_of(
    firings: Sequence[Firing], rule_of: Callable[[str], Rule | None], excerpt: int = EXCERPT
) -> list[Decided]:
    """Return the records of firings in order, of each ring no more than it holds; the rest would be forgotten at once.

    A firing of a rule that is gone leaves none.
    """
    room: Counter[str] = Counter()
    made: list[Decided] = []
    for firing in reversed(firings):
        rule = rule_of(firing.match.rule)
        ring = _ring(firing)
        if rule is not None and room[ring] < RING:
            room[ring] += 1
            made.append(decision_of(firing, rule, excerpt))
    return made[::-1]


def _ring(firing: Firing) -> str:
    return firing.match.rule if firing.reason in _TOLD else firing.match.rule + HELD


def _evidence(event: Event, excerpt: int) -> Evidence:
    text = event.text
    if text is None:
        text = f"{event.kind}.{event.status}" if event.status else event.kind
    text = " ".join(text[: 4 * excerpt].split())
    return Evidence(f"{event.path}:{event.line_no}", text[:excerpt])


def _packed(ring: str, decision: Decision) -> Decided:
    kind, at_ms, group, reason, until_ms, told, suppressed, words, events, evidence = decision
    fields = {
        "kind": kind, "group": None if group is None else group[:MAX_NAME], "reason": reason, "until": until_ms,
        "told": list(told), "suppressed": suppressed, "words": words, "events": events,
        "evidence": [list(one) for one in evidence],
    }  # fmt: skip
    return ring, at_ms, json_text({"v": _VERSION, **{name: value for name, value in fields.items() if value}})


def read_decision(at_ms: int, text: str) -> Decision | None:
    """Return the decision that a record tells of, or None for one that another version wrote."""
    try:
        said = json.loads(text)  # not orjson: hostile text may hold a lone surrogate
        return Decision(
            str(said["kind"]), at_ms, _text(said.get("group")), _text(said.get("reason")), _number(said.get("until")),
            tuple(str(name) for name in said.get("told", ())), _number(said.get("suppressed")) or 0,
            str(said.get("words", "")), _number(said.get("events")) or 0,
            tuple(Evidence(str(place), str(shown)) for place, shown in said.get("evidence", ())),
        )  # fmt: skip
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(value: Any) -> int | None:
    return value if type(value) is int else None


def decision_words(decision: Decision, clock: Callable[[int], str]) -> str:
    """Return what was decided as a person says it. `clock` gives the local time of an instant."""
    until = "" if decision.until_ms is None else f" until {clock(decision.until_ms)}"
    match decision.kind:
        case "ack":
            return decision.words or (
                f"acknowledged; {decision.events} open" if decision.events else "acknowledged, but nothing was open"
            )
        case "snooze":
            ends = decision.until_ms is None or decision.until_ms <= decision.at_ms
            return decision.words or ("snooze taken back" if ends else f"snoozed{until}")
        case "window":
            return f"did not fire: {decision.words}"
        case "fault":
            return f"switched off by a fault: {decision.words}"
        case _:
            return _firing_words(decision, until)


def decided_words(decided: Decided, clock: Callable[[int], str]) -> str:
    """Return what a record that was just made says."""
    _, at_ms, text = decided
    decision = read_decision(at_ms, text)
    return "" if decision is None else decision_words(decision, clock)


_KINDS = {"fired": "fired", "digest": "sent its digest", "escalated": "escalated", "resolved": "resolved",
          "health": "reported its own health"}  # fmt: skip
_REASONS = {
    "quiet": "waits for the end of quiet hours", "retracted": "taken back: the final text no longer matches",
    "digest": "collected for the digest", "open": "held: its incident is open already",
    "inactive": "held: outside its active hours", "disabled": "held: switched off", "expired": "held: it has expired",
    "unless": "held by `unless`",
}  # fmt: skip


def _firing_words(decision: Decision, until: str) -> str:
    if decision.reason is not None:
        return _REASONS.get(decision.reason, f"held by {decision.reason}") + until
    words = _KINDS.get(decision.kind, decision.kind)
    if decision.told:
        words += f" -> {', '.join(decision.told)}"
    return words + (f" (with {decision.suppressed} held before it)" if decision.suppressed else "")


def age_text(now_ms: int, at_ms: int) -> str:
    """Return how long ago an instant was, to the second: `2m05s ago`, or `in 5s`."""
    seconds = (now_ms - at_ms) // 1000 * 1000
    return f"{duration_text(seconds)} ago" if seconds >= 0 else f"in {duration_text(-seconds)}"
