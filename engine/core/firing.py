"""Hits and what windows give out, as matches; matches as the events that other rules hear of."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from engine.core.decode import event_id
from engine.core.subject import view
from engine.core.windows import Came
from engine.model.event import Event, Position
from engine.model.match import Hit, Match
from engine.model.rule import Rule
from engine.model.window import Track

__all__ = ["firing_id", "match_of_came", "match_of_hit", "match_of_timer", "written_back"]


def match_of_hit(hit: Hit) -> Match:
    """Return the match of a rule that needs only this event. Its time is the arrival of the line (RULES 7)."""
    event = hit.event
    return Match(firing_id(hit.rule, hit.group, (event,)), hit.rule, hit.group, event.seen_ms, (event,), hit.found)


def match_of_came(came: Came) -> Match:
    """Return the match of a rule over time. Its time is its deadline, else when the line that completed it came."""
    rule, fired = came.compiled.rule.name, came.fired
    events = tuple(item.event for item in fired.items)
    found: dict[str, Any] = {}
    for item in fired.items:
        found |= item.found
    found |= fired.found
    for name, number in fired.found.get("steps", {}).items():
        found[name] = {**events[number].body, "_": view(events[number])}
    at_ms = fired.at_ms if fired.at_ms is not None else max(item.seen_ms for item in fired.items)
    name = firing_id(rule, came.group, events, "over" if fired.closes else "")
    return Match(name, rule, came.group, at_ms, events, found, fired.since_ms, fired.closes)


def match_of_timer(rule: Rule, due_ms: int) -> Match:
    """Return the match of a timer rule. Its evidence is an event of the engine's own, made for the instant."""
    event = Event(
        Position(f"timer.{rule.name}", due_ms), "engine", 0, {"channel": "engine", "event": "engine.timer"},
        "engine", "timer", None, due_ms, due_ms, due_ms, "arrival", True, None, None, None,
        ("engine", "timer", rule.name, due_ms),
    )  # fmt: skip
    return Match(firing_id(rule.name, None, (event,)), rule.name, None, due_ms, (event,), {})


def firing_id(rule: str, group: str | None, evidence: tuple[Event, ...], mark: str = "") -> str:
    """Return the deterministic id of a firing: a hash of rule, group and evidence.

    An event is named by identity and place: two alike hours apart are two, a replay of the same journal is none.
    `mark` tells two firings with the same evidence apart.
    """
    named = [f"{event_id(event)}@{event.position.log}+{event.position.offset}" for event in evidence]
    text = "\x1f".join((rule, "" if group is None else "=" + group, *named, *([mark] if mark else ())))
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def written_back(rule: Rule, match: Match, data: dict[str, Any]) -> Event:
    """Return the event that a firing writes: kind `rule`, status the rule's name, the evidence's own place.

    It happened when its evidence did, or when its deadline was due; that of `track` lasts from start to end, and a
    digest happens when it is told.
    """
    last = match.events[-1]
    is_deadline = match.at_ms > max(event.seen_ms for event in match.events)
    body = {
        "channel": "rule", "event": f"rule.{match.rule}", "rtstream_name": last.stream,
        "capture_session_id": last.session, "unix_ts": match.at_ms / 1000, "data": data,
    }  # fmt: skip
    text = data.get("text")
    at_ms, end_ms = (match.at_ms, match.at_ms) if is_deadline else (last.at_ms, last.end_ms)
    if isinstance(rule.window, Track) and rule.digest is None:
        at_ms, end_ms = match.found["start"], match.found["end"]
    return last._replace(
        body=body, kind="rule", status=match.rule, text=text if isinstance(text, str) else None, final=True,
        at_ms=at_ms, end_ms=end_ms, seen_ms=max(last.seen_ms, match.at_ms), key=("rule", match.id),
    )  # fmt: skip
