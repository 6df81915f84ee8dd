"""A rule's own tests: events from a few words, the real evaluator, and what was demanded of it.

Time is a number here: the test starts on a Monday at 09:00 in UTC, whatever the machine's zone, so that it gives
the same everywhere. Invariant: only what `expect` names is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from engine.core.compile import Program
from engine.core.evaluator import Evaluator
from engine.core.moment import iso_ms, iso_text
from engine.model.checkpoint import StateKey
from engine.model.event import Line, Position
from engine.model.match import Firing
from engine.model.notification import Notification
from engine.model.rule import Rule, RuleTest
from engine.run.clock import zone_offset
from engine.run.expectations import Mismatch, Outcome, mismatches

__all__ = ["TestResult", "run_test", "run_tests"]

START_MS = iso_ms("2026-01-05T09:00:00Z") or 0
MINUTE_MS = 60_000
STREAMS = {
    "transcript": ("rts-mic", "mic:default"),
    "visual_index": ("rts-display", "display:1"),
    "audio_index": ("rts-mic", "mic:default"),
    "alert": ("rts-display", "display:1"),
}


@dataclass(frozen=True, slots=True)
class TestResult:
    """What one test came to. Shape: no `mismatches` means it passed; `variants` counts the re-runs of `same_under`."""

    rule: Rule
    test: RuleTest
    mismatches: tuple[Mismatch, ...]
    outcome: Outcome
    variants: int = 0

    @property
    def passed(self) -> bool:
        """Whether everything demanded came true."""
        return not self.mismatches


@dataclass(frozen=True, slots=True)
class _Arrival:
    """One line of the test's journal, or a step of the engine. Units: epoch ms of arrival."""

    at_ms: int
    body: dict[str, Any] | None
    step: str = ""


def run_tests(program: Program, rules: Sequence[Rule]) -> Iterator[TestResult]:
    """Run every test of these rules, each against the whole program, so that chained rules are heard."""
    for rule in rules:
        for test in rule.tests:
            yield run_test(program, rule, test)


def run_test(program: Program, rule: Rule, test: RuleTest) -> TestResult:
    """Run one test and its variants."""
    start_ms = (iso_ms(test.start) if test.start is not None else None) or START_MS
    arrivals = _arrivals(test, start_ms)
    until_ms = start_ms + test.until_ms if test.until_ms is not None else arrivals[-1].at_ms
    outcome = _play(program, rule, arrivals, start_ms, until_ms)
    found = list(mismatches(test.expect, outcome))
    variants = 0
    for name, variant in _variants(test.same_under, arrivals):
        variants += 1
        other = _play(program, rule, variant, start_ms, until_ms)
        if other.evidence != outcome.evidence and not found:
            found.append(
                Mismatch("the same firings", f"{len(other.fired)} instead of {len(outcome.fired)}", f"under {name}")
            )
    return TestResult(rule, test, tuple(found), outcome, variants)


def _play(program: Program, rule: Rule, arrivals: list[_Arrival], start_ms: int, until_ms: int) -> Outcome:
    player = _Player(program, rule)
    for number, arrival in enumerate(arrivals, 1):
        if arrival.body is None:
            player.renew(arrival.step)
        else:
            text = orjson.dumps(arrival.body)
            player.feed(Line(Position("test:0", number), "test", number, text), arrival.at_ms)
    return player.finish(start_ms, until_ms)


class _Player:
    """An evaluator that can be stopped and started again, and what it said about one rule."""

    def __init__(self, program: Program, rule: Rule) -> None:
        self._program = program
        self._rule = rule
        self._states: dict[StateKey, bytes] = {}
        self._firings: list[Firing] = []
        self._notes: list[Notification] = []
        self._evaluator = self._new()

    def _new(self) -> Evaluator:
        return Evaluator(self._program, {}, zone_offset("UTC"), self._states)

    def feed(self, line: Line, at_ms: int) -> None:
        self._evaluator.on_line(line, at_ms)
        self._collect()

    def renew(self, step: str) -> None:
        """Restart from what a store would hold, or read the same rules again."""
        self._collect()
        if step == "restart":
            self._evaluator = self._new()
        else:
            self._evaluator.adopt(self._program, {})

    def _collect(self) -> None:
        output = self._evaluator.take()
        self._firings += [firing for firing in output.firings if firing.match.rule == self._rule.name]
        self._notes += [note for note in output.notifications if note.rule == self._rule.name]
        for key, blob in output.states.items():
            if blob is None:
                self._states.pop(key, None)
            else:
                self._states[key] = blob

    def finish(self, start_ms: int, until_ms: int) -> Outcome:
        self._evaluator.on_time(until_ms)
        self._collect()
        return Outcome(start_ms, tuple(self._firings), tuple(self._notes), self._rule)


def _arrivals(test: RuleTest, start_ms: int) -> list[_Arrival]:
    arrivals: list[_Arrival] = []
    for entry in test.given:
        at_ms = start_ms + int(entry["at_ms"])
        if "engine" in entry:
            arrivals.append(_Arrival(at_ms, None, entry["engine"]))
            continue
        came_ms = at_ms + int(entry.get("late_ms", 0))
        body = _body(entry, at_ms, start_ms, came_ms)
        arrivals += [_Arrival(came_ms, body)] * (2 if entry.get("dup") else 1)
    return sorted(arrivals, key=lambda arrival: arrival.at_ms)


def _body(entry: dict[str, Any], at_ms: int, start_ms: int, came_ms: int) -> dict[str, Any]:
    stamps = {"ts": iso_text(came_ms), "unix_ts": came_ms / 1000}
    if "raw" in entry:
        return {**stamps, **entry["raw"]}
    kind, data = entry["kind"], dict(entry.get("data", {}))
    if kind == "session":
        return {
            **stamps, "channel": "capture_session", "event": f"capture_session.{entry['status']}",
            "capture_session_id": "cap-test", "status": entry["status"], "data": data,
        }  # fmt: skip
    stream_id, stream = STREAMS[kind]
    stream_id, stream = (f"rts-{entry['stream']}", entry["stream"]) if "stream" in entry else (stream_id, stream)
    end_ms = start_ms + int(entry["end_ms"]) if "end_ms" in entry else at_ms
    said: dict[str, Any] = {"start": at_ms, "end": end_ms}
    if kind == "alert":
        said |= {"label": entry["label"], "triggered": True}
    else:
        said["text"] = entry["text"]
    if kind == "transcript":
        said["is_final"] = entry.get("final", True)
    return {
        **stamps, "channel": entry["channel"], "rtstream_id": stream_id, "rtstream_name": stream,
        "data": {**said, **data},
    }  # fmt: skip


def _variants(names: tuple[str, ...], arrivals: list[_Arrival]) -> Iterator[tuple[str, list[_Arrival]]]:
    """Yield the re-runs that must change nothing: each event doubled, a restart or reload at every step, swaps."""
    for name in names:
        for place, arrival in enumerate(arrivals):
            before, after = arrivals[:place], arrivals[place + 1 :]
            where = f"{name} at step {place + 1}"
            if name in ("restart", "reload"):
                yield where, [*before, _Arrival(arrival.at_ms, None, name), arrival, *after]
            elif name == "duplicates" and arrival.body is not None:
                yield where, [*before, arrival, arrival, *after]
            elif name == "shuffle" and after and _may_swap(arrival, after[0]):
                yield where, [*before, *_swapped(arrival, after[0]), *after[1:]]


def _may_swap(one: _Arrival, other: _Arrival) -> bool:
    return one.body is not None and other.body is not None and other.at_ms - one.at_ms <= 10_000


def _swapped(one: _Arrival, other: _Arrival) -> list[_Arrival]:
    """Return the two in the other order, each arriving at the other's time."""
    return [_stamped(other, one.at_ms), _stamped(one, other.at_ms)]


def _stamped(arrival: _Arrival, at_ms: int) -> _Arrival:
    stamps = {"ts": iso_text(at_ms), "unix_ts": at_ms / 1000}
    return replace(arrival, at_ms=at_ms, body={**(arrival.body or {}), **stamps})
