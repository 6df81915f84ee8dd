"""Plays arrivals to the real evaluator on a clock that is a number, and keeps what came of one rule.

It does what the engine's loop does: wakes the evaluator when it asked to be woken, commits after every step, and hands
messages to deliveries that go nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import orjson

from engine.core.compile import Program
from engine.core.evaluator import Evaluator, Output
from engine.core.moment import duration_text
from engine.model.checkpoint import StateKey
from engine.model.event import Event, Line, Position
from engine.model.match import Firing
from engine.model.notification import Notification
from engine.model.rule import Rule
from engine.run.case_delivery import Deliveries
from engine.run.case_given import Arrival
from engine.run.case_standing import standing_of
from engine.run.clock import zone_offset
from engine.run.outcome import Outcome

__all__ = ["play"]


def play(program: Program, rule: Rule, arrivals: Sequence[Arrival], start_ms: int, until_ms: int) -> Outcome:
    """Return what the rule made of everything up to `until_ms`, deadlines at that instant included."""
    player = _Player(program, rule, start_ms)
    for number, arrival in enumerate(arrivals, 1):
        player.advance(arrival.at_ms)
        if arrival.body is None:
            player.act(arrival)
        else:
            position = Position(f"{arrival.path}:0", number)
            player.feed(Line(position, arrival.path, arrival.line_no or number, orjson.dumps(arrival.body)), arrival)
    return player.finish(until_ms)


class _Player:
    """An evaluator that can be stopped and started again, with the store's and the courier's part of the bargain."""

    def __init__(self, program: Program, rule: Rule, start_ms: int) -> None:
        self._program = program
        self._rule = rule
        self._start_ms = start_ms
        self._states: dict[StateKey, bytes] = {}
        self._firings: list[Firing] = []
        self._notes: list[Notification] = []
        self._events: list[Event] = []
        self._remarks: list[str] = []
        self._deliveries = Deliveries()
        self._summary: str | None = None
        self._evaluator = self._new()

    def _new(self) -> Evaluator:
        return Evaluator(self._program, {}, zone_offset("UTC"), dict(self._states))

    def advance(self, at_ms: int) -> None:
        """Let time go on until then, each deadline at its own instant."""
        while (due_ms := self._evaluator.wake_at_ms) is not None and due_ms <= at_ms:
            self._evaluator.on_time(due_ms)
            self._collect(due_ms)
            if self._evaluator.wake_at_ms == due_ms:
                break  # whatever still waits at this instant waits for a line
        self._deliveries.run(at_ms)

    def feed(self, line: Line, arrival: Arrival) -> None:
        """Take in one line of the test's journal."""
        event = self._evaluator.on_line(line, arrival.at_ms)
        if event is not None:
            self._events.append(event)
        self._collect(arrival.at_ms)

    def act(self, arrival: Arrival) -> None:
        """Do what a person, the machine or a service does."""
        self._evaluator.on_time(arrival.at_ms)
        self._collect(arrival.at_ms)
        match arrival.act:
            case "restart":
                self._commit()
                self._evaluator = self._new()
            case "reload":
                self._evaluator.adopt(self._program, {})
            case "ack":
                if not self._evaluator.ack(self._rule.name, arrival.value, arrival.at_ms):
                    self._remark(arrival, "`ack` found nothing open")
            case "snooze":
                self._evaluator.snooze(self._rule.name, arrival.at_ms + arrival.value, arrival.at_ms)
            case "mock":
                self._summary = arrival.value["summarize"]
            case "route":
                for name, answer in arrival.value.items():
                    self._deliveries.answer(name, answer)
        self._collect(arrival.at_ms)

    def finish(self, until_ms: int) -> Outcome:
        """Stop the clock, and return everything that came of the rule."""
        self.advance(until_ms)
        self._evaluator.finish(until_ms)
        self._collect(until_ms)
        self._commit()
        self._deliveries.run(until_ms)
        return Outcome(
            rule=self._rule,
            start_ms=self._start_ms,
            until_ms=until_ms,
            firings=tuple(self._firings),
            notifications=tuple(self._notes),
            events=tuple(self._events),
            delivered=dict(self._deliveries.sent),
            undelivered=self._deliveries.why,
            standing=standing_of(self._program, self._rule, self._states),
            words=tuple(self._evaluator.state_words(self._rule.name, until_ms)),
            remarks=tuple(self._remarks),
        )

    def _remark(self, arrival: Arrival, text: str) -> None:
        self._remarks.append(f"{text} at {duration_text(arrival.at_ms - self._start_ms)}")

    def _collect(self, now_ms: int) -> None:
        """Take what came out, and let the courier have what is to be sent."""
        self._add(self._evaluator.take_output(), now_ms)

    def _commit(self) -> None:
        """Write down what a store would hold now. Not after every line: that takes ten times as long as the line."""
        output = self._evaluator.take()
        self._keep(output.states)

    def _add(self, output: Output, now_ms: int) -> None:
        summed = {note.firing: self._summed(note) for note in output.notifications if note.request is not None}
        for firing in output.firings:
            if firing.match.rule == self._rule.name:
                self._firings.append(replace(firing, body=summed.get(firing.match.id, firing.body)))
        for note in output.notifications:
            if note.rule == self._rule.name:
                note = replace(note, body=summed.get(note.firing, note.body))
                self._notes.append(note)
                self._deliveries.add(note, now_ms)
        self._keep(output.states)

    def _keep(self, states: dict[StateKey, bytes | None]) -> None:
        for key, blob in states.items():
            if blob is None:
                self._states.pop(key, None)
            else:
                self._states[key] = blob

    def _summed(self, note: Notification) -> str:
        """Return the body with the answer of the model that the test stands in for, if it does."""
        request = note.request
        if request is None or self._summary is None:
            return note.body
        return f"{request.before}{self._summary[: request.max_chars]}{request.after}"
