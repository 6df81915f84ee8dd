"""The rules at work: lines in, notifications and state changes out, between two commits.

An object without I/O, fed by calls; the same one serves `run`, `test-rule` and `backtest`. Invariant: the same
lines and instants give the same output however they are batched, and `take` hands out everything since the last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from engine.core.compile import CompiledRule, Program
from engine.core.decode import decode, draft, event_id
from engine.core.dispatch import Dispatcher
from engine.core.early import EarlyFirings
from engine.core.intake import Intake
from engine.core.select import select
from engine.core.subject import Subject
from engine.model.checkpoint import StateKey
from engine.model.config import LIMITS, Limits
from engine.model.event import BadLine, Event, Line, Malformed, Position
from engine.model.match import Firing, Hit, Match, Reason
from engine.model.notification import Notification

__all__ = ["Evaluator", "Output", "ZoneOffset"]

ZoneOffset = Callable[[str, int], int]
"""(zone name, epoch ms) -> minutes east of UTC. `local` is the machine's own zone."""

HEAD_BYTES = 256
# A chain of `when: rule.x` is refused at load when it loops; this bounds what a hand-made model could do.
MAX_CHAIN = 16


@dataclass(slots=True)
class Output:
    """Everything since the last `take`: what a commit needs, and the firings for whoever watches."""

    notifications: list[Notification] = field(default_factory=list)
    firings: list[Firing] = field(default_factory=list)
    bad_lines: list[BadLine] = field(default_factory=list)
    counters: Counter[str] = field(default_factory=Counter)
    states: dict[StateKey, bytes | None] = field(default_factory=dict)


class Evaluator:
    """One program with its memory. `routes` maps a name a rule may use to the destinations behind it."""

    def __init__(
        self,
        program: Program,
        routes: dict[str, tuple[str, ...]],
        zone_offset: ZoneOffset,
        states: dict[StateKey, bytes] | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        self.intake = Intake(states, limits.lateness_ms)
        self._limits = limits
        # Bound once: each look-up of a method makes an object.
        self._in_state, self._offset_min = self.intake.is_active, self._local_offset
        self._zone_offset = zone_offset
        self._output = Output()
        self._start(program, routes, states or {})

    def _start(self, program: Program, routes: dict[str, tuple[str, ...]], states: dict[StateKey, bytes]) -> None:
        self.program = program
        self._dispatcher = Dispatcher(program, routes, self._zone_offset, states, self._limits.groups)
        self._early = EarlyFirings(program, states)
        owners = {compiled.owner for compiled in program.rules}
        self._output.states.update({key: None for key in states if "#" in key[0] and key[0] not in owners})

    def adopt(self, program: Program, routes: dict[str, tuple[str, ...]]) -> None:
        """Go on with other rules. A rule whose matching part is unchanged keeps its state (RULES 7, Hot reload)."""
        states = {**self._dispatcher.snapshot(), **self._early.snapshot()}
        self._output.states |= {**self._dispatcher.changes(), **self._early.changes()}
        self._count_evicted()
        self._start(program, routes, states)

    @property
    def wake_at_ms(self) -> int | None:
        """The next instant at which `on_time` has something to do."""
        return self._dispatcher.wake_at_ms

    def on_line(self, line: Line, now_ms: int, wanted: Callable[[Event], bool] | None = None) -> Event | None:
        """Take in one line. Returns the event, or None for one that is malformed or was seen before.

        An event that is not `wanted` moves clocks and sessions on, but no rule sees it.
        """
        counters = self._output.counters
        decoded = decode(line)
        if isinstance(decoded, Malformed):
            self._output.bad_lines.append(_bad_line(line, decoded))
            counters["lines.bad"] += 1
            counters[f"lines.bad.{decoded.reason}"] += 1
            return None
        event = self.intake.admit(decoded, line, now_ms)
        if event is None:
            counters["events.repeated"] += 1
            return None
        counters[event.kind] += 1
        if event.late_ms:
            counters["events.late"] += 1
        if wanted is not None and not wanted(event):
            return event
        if self._dispatcher.waits:
            self.on_time(event.seen_ms)
        waiting = self._evaluate(event)
        if waiting:
            self._go_on(waiting)
        return event

    def on_event(self, event: Event) -> None:
        """Evaluate all rules on one event, and on what those write back."""
        self._go_on(self._evaluate(event))

    def _go_on(self, waiting: list[Event]) -> None:
        for _ in range(MAX_CHAIN):
            if not waiting:
                return
            waiting = [written for one in waiting for written in self._evaluate(one)]

    def on_time(self, now_ms: int) -> None:
        """Release what waited until now."""
        self._output.notifications.extend(self._dispatcher.on_time(now_ms))

    def tell(self, name: str, fields: dict[str, Any], at_ms: int) -> None:
        """Let rules hear of the engine itself: `when: engine.<name>`."""
        body = {"channel": "engine", "event": f"engine.{name}", "data": fields, "unix_ts": at_ms / 1000}
        said = draft(body)
        # Not by the intake: this clock may run hours ahead of a journal that is still being caught up with.
        self.on_event(
            Event(
                Position(f"engine.{name}", at_ms), "engine", 0, body, said.kind, said.status, said.text, at_ms, at_ms,
                at_ms, "arrival", True, None, None, None, said.key,
            )
        )  # fmt: skip

    def take(self) -> Output:
        """Hand out everything since the last call, with the states that changed."""
        output = self.take_output()
        output.states |= {**self.intake.changes(), **self._dispatcher.changes(), **self._early.changes()}
        return output

    def take_output(self) -> Output:
        """Hand out everything but the states, for a run that saves nothing."""
        self._count_evicted()
        output, self._output = self._output, Output()
        return output

    def _count_evicted(self) -> None:
        for rule, count in self._dispatcher.evicted.items():
            self._output.counters[f"rule.{rule}.evicted"] += count
        self._dispatcher.evicted.clear()

    @property
    def has_output(self) -> bool:
        """Whether a reload, or a word from the engine itself, left something to take."""
        output = self._output
        return bool(output.notifications or output.firings or output.states or output.counters)

    def _evaluate(self, event: Event) -> list[Event]:
        subject = Subject(event, self._in_state, self._offset_min)
        hits = select(self.program, subject)
        if not hits and subject.is_clean and not self._early.listens:
            return []
        for rule, kinds in subject.coerced.items():
            for kind, count in kinds.items():
                self._output.counters[f"coercion.{rule}.{kind}"] += count
        if self._early.listens and event.kind == "transcript":
            hits = self._settle_early(event, hits)
        written: list[Event] = []
        for hit in hits:
            written.extend(self._fire(self.program.rules[self.program.numbers[hit.rule]], hit, subject))
        return written

    def _settle_early(self, event: Event, hits: list[Hit]) -> list[Hit]:
        kept, retracted = self._early.settle(event, hits)
        for rule, firing in retracted:
            self._output.counters[f"rule.{rule}.retracted"] += 1
            self._output.firings.append(
                Firing(Match(firing, rule, None, event.seen_ms, (event,), {}), Reason.RETRACTED)
            )
        return kept

    def _fire(self, compiled: CompiledRule, hit: Hit, subject: Subject) -> Iterable[Event]:
        match = match_of(hit)
        firing, notifications, data = self._dispatcher.on_match(compiled, match, subject)
        self._early.note(match, firing.reason in (None, Reason.QUIET))
        self._output.firings.append(firing)
        self._output.notifications.extend(notifications)
        name = compiled.rule.name
        self._output.counters[f"rule.{name}.{firing.reason or 'fired'}"] += 1
        return () if data is None else (_written_back(match, data),)

    def _local_offset(self, at_ms: int) -> int:
        return self._zone_offset("local", at_ms)


def match_of(hit: Hit) -> Match:
    """Return the match of a rule that needs only this event. Its time is the arrival of the line (RULES 7)."""
    event = hit.event
    return Match(firing_id(hit.rule, hit.group, (event,)), hit.rule, hit.group, event.seen_ms, (event,), hit.found)


def firing_id(rule: str, group: str | None, evidence: tuple[Event, ...]) -> str:
    """Return the deterministic id of a firing: a hash of rule, group and evidence.

    An event is named by identity and place: two alike hours apart are two, a replay of the same journal is none.
    """
    named = [f"{event_id(event)}@{event.position.log}+{event.position.offset}" for event in evidence]
    text = "\x1f".join((rule, "" if group is None else "=" + group, *named))
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _written_back(match: Match, data: dict[str, Any]) -> Event:
    """Return the event that a firing writes: kind `rule`, status the rule's name, the evidence's own place."""
    last = match.events[-1]
    body = {
        "channel": "rule", "event": f"rule.{match.rule}", "rtstream_name": last.stream,
        "capture_session_id": last.session, "unix_ts": match.at_ms / 1000, "data": data,
    }  # fmt: skip
    text = data.get("text")
    return last._replace(
        body=body, kind="rule", status=match.rule, text=text if isinstance(text, str) else None, final=True,
        key=("rule", match.id),
    )  # fmt: skip


def _bad_line(line: Line, malformed: Malformed) -> BadLine:
    reason = f"{malformed.reason}: {malformed.detail}" if malformed.detail else malformed.reason
    return BadLine(line.position, line.path, line.line_no, reason, len(line.text), line.text[:HEAD_BYTES])
