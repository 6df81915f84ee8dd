"""The rules at work: lines in, notifications and state changes out, between two commits.

An object without I/O, fed by calls; the same one serves `run`, `test-rule` and `backtest`. Invariant: the same
lines and instants give the same output however they are batched, and `take` hands out everything since the last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.core.compile import CompiledRule, Program
from engine.core.decode import decode, draft
from engine.core.dispatch import Dispatcher, Told
from engine.core.early import EarlyFirings
from engine.core.firing import match_of_came, match_of_hit, match_of_timer, written_back
from engine.core.intake import Intake
from engine.core.moment import clock_text
from engine.core.select import select
from engine.core.subject import Subject
from engine.core.timers import Timers
from engine.core.windows import Came, Closed, Windows
from engine.model.checkpoint import StateKey
from engine.model.config import LIMITS, Limits
from engine.model.event import BadLine, Event, Line, Malformed, Position
from engine.model.match import Firing, Hit, Match, Reason
from engine.model.notification import Notification
from engine.model.window import Timer

__all__ = ["Evaluator", "Output", "Owns", "ZoneOffset"]

ZoneOffset = Callable[[str, int], int]
"""(zone name, epoch ms) -> minutes east of UTC. `local` is the machine's own zone."""

Owns = Callable[[str, str | None], bool]
"""(rule, group) -> whether this evaluator works it. Several that share out the groups see all lines."""

HEAD_BYTES = 256
_TURNS = frozenset(("session", "capture"))
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
    closed: list[Closed] = field(default_factory=list)


class Evaluator:
    """One program with its memory. `routes` maps a name a rule may use to the destinations behind it.

    With `owns`, other groups are left to other evaluators that are given the same lines; what a rule writes back is
    then heard only where it was written.
    """

    def __init__(
        self,
        program: Program,
        routes: dict[str, tuple[str, ...]],
        zone_offset: ZoneOffset,
        states: dict[StateKey, bytes] | None = None,
        limits: Limits = LIMITS,
        owns: Owns | None = None,
    ) -> None:
        self._owns = owns
        self.intake = Intake(states, limits.lateness_ms)
        self._limits = limits
        # Bound once: each look-up of a method makes an object.
        self._in_state, self._offset_min = self.intake.is_active, self._local_offset
        self._zone_offset = zone_offset
        self._output = Output()
        self._now_ms = self.intake.last_seen_ms
        self._start(program, routes, states or {})

    def _start(self, program: Program, routes: dict[str, tuple[str, ...]], states: dict[StateKey, bytes]) -> None:
        self.program = program
        self._routes = routes
        self._broken: set[str] = set()
        self._dispatcher = Dispatcher(program, routes, self._zone_offset, states, self._limits)
        self._early = EarlyFirings(program, states)
        self._timers = Timers(program, states, self._zone_offset)
        self._windows = Windows(program, states, self._limits, self._owns)
        self._heap, self._late = self._windows.heap, self._windows.late
        self._has_ends = any(compiled.until is not None for compiled in program.rules)
        self._windows.begin(self._in_state, self.intake.last_seen_ms)
        owners = {compiled.owner for compiled in program.rules}
        self._output.states.update(
            {key: None for key in states if "#" in key[0] and key[0].partition(":")[0] not in owners}
        )

    def adopt(self, program: Program, routes: dict[str, tuple[str, ...]]) -> None:
        """Go on with other rules. A rule whose matching part is unchanged keeps its state (RULES 7, Hot reload)."""
        memories = (self._dispatcher, self._early, self._windows, self._timers)
        states: dict[StateKey, bytes] = {}
        for memory in memories:
            states |= memory.snapshot()
            self._output.states |= memory.changes()
        self._count_lost()
        self._start(program, routes, states)

    @property
    def wake_at_ms(self) -> int | None:
        """The next instant at which `on_time` has something to do, if no line comes before."""
        front_ms = self._windows.front_ms
        windows_ms = None if front_ms is None else self.intake.arrives_ms(front_ms)
        wakes = (self._dispatcher.wake_at_ms, self._timers.wake_ms, windows_ms)
        return min((wake for wake in wakes if wake is not None), default=None)

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
        # What was due before this line came happens before it, as it did live.
        self._now_ms = now_ms if decoded.seen_ms is None else decoded.seen_ms
        self.on_time(self._now_ms)
        event = self.intake.admit(decoded, line, now_ms)
        if event is None:
            counters["events.repeated"] += 1
            return None
        counters[event.kind] += 1
        if event.late_ms:
            counters["events.late"] += 1
        if wanted is None or wanted(event):
            waiting = self._evaluate(event)
            if waiting:
                self._go_on(waiting)
        heap = self._heap
        if self._late or (heap and heap[0][0] <= self.intake.front_ms):
            self._release(self._windows.release(self.intake.front_ms))
        return event

    def on_event(self, event: Event) -> None:
        """Evaluate all rules on one event, and on what those write back."""
        self._go_on(self._evaluate(event))

    def _go_on(self, waiting: list[Event]) -> None:
        for _ in range(MAX_CHAIN):
            if not waiting:
                return
            waiting = [written for one in waiting for written in self._evaluate(one)]

    def on_time(self, now_ms: int, woke_ms: int | None = None) -> None:
        """Let everything happen that was due by now, in order of time. Units: wall clock, as in arrival times.

        `woke_ms` is given when nothing ran until then: of what repeats only the latest is told.
        """
        heap, waits, timer_ms = self._heap, self._dispatcher.waits, self._timers.wake_ms
        if not (
            (heap and heap[0][0] <= self.intake.front_at(now_ms))
            or (waits and waits[0][0] <= now_ms)
            or (timer_ms is not None and timer_ms <= now_ms)
        ):
            return  # nearly always, and asked once a line
        while (due_ms := self.wake_at_ms) is not None and due_ms <= now_ms:
            self._happen(due_ms or now_ms, woke_ms)

    def _happen(self, now_ms: int, woke_ms: int | None) -> None:
        """Let happen what is due at one instant: windows, whose lines came before it, then messages, then timers."""
        self._now_ms = max(self._now_ms, now_ms)
        front_ms = self.intake.front_at(now_ms)
        if self._windows.heap and self._windows.heap[0][0] <= front_ms:
            self.intake.advance(now_ms)
            self._release(self._windows.release(front_ms))
        wake_ms = self._dispatcher.wake_at_ms
        if wake_ms is not None and wake_ms <= now_ms:
            self._pass_on(self._dispatcher.on_time(now_ms, woke_ms))
        wake_ms = self._timers.wake_ms
        if wake_ms is not None and wake_ms <= now_ms:
            for compiled, due_ms in self._timers.on_time(max(now_ms, woke_ms or 0)):
                self._on_timer(compiled, due_ms)

    def _release(self, came_out: Iterator[Came]) -> None:
        """Pass on what windows gave out, and whatever that sets off."""
        for came in came_out:
            match = match_of_came(came)
            self._go_on(self._fire(came.compiled, match, self._subject(match.events[-1])))
        late, broken = dict(self._windows.late), list(self._windows.broken)
        self._windows.late.clear()
        self._windows.broken.clear()
        for rule, count in late.items():
            self._output.counters[f"rule.{rule}.late"] += count
            text = f"{rule}: {count} too late for its window"
            self.tell("late", {"rule": rule, "text": text}, self.intake.last_seen_ms)
        for compiled, error in broken:
            self._break(compiled, error)

    def _on_timer(self, compiled: CompiledRule, due_ms: int) -> None:
        window = compiled.rule.window
        if self._owns is not None and not self._owns(compiled.rule.name, None):
            return
        if isinstance(window, Timer) and (window.during is None or self._in_state(window.during)):
            match = match_of_timer(compiled.rule, due_ms)
            self._go_on(self._fire(compiled, match, self._subject(match.events[-1])))

    def _subject(self, event: Event) -> Subject:
        return Subject(event, self._in_state, self._offset_min)

    def finish(self, at_ms: int, *, release: bool = False) -> None:
        """End a recording or a test: everything up to then has arrived, and nothing after it is made up.

        With `release` what waits in quiet hours and digests goes out, as if its time had come.
        """
        self.on_time(at_ms)
        self._release(self._windows.settle(at_ms))
        if release:
            self._pass_on(self._dispatcher.release(at_ms))

    def ack(self, rule: str, group: str | None, at_ms: int) -> int:
        """Let somebody take on the open incidents of a rule, of one group or of all. Returns how many there were."""
        number = self.program.numbers.get(rule)
        return 0 if number is None else self._dispatcher.ack(self.program.rules[number], group, at_ms)

    def snooze(self, rule: str, until_ms: int, at_ms: int) -> None:
        """Let a rule say nothing until then; an instant that is past lets it speak again."""
        number = self.program.numbers.get(rule)
        if number is not None:
            self._dispatcher.snooze(self.program.rules[number], until_ms if until_ms > at_ms else 0)

    def clock(self, at_ms: int) -> str:
        """Return an instant as local wall clock, for people."""
        return clock_text(at_ms, self._zone_offset("local", at_ms))

    def state_words(self, rule: str, now_ms: int) -> list[str]:
        """Return how a rule stands, a line a fact: its windows, when it is due, and what waits behind its gates."""
        number = self.program.numbers.get(rule)
        if number is None:
            return []
        compiled = self.program.rules[number]
        clock = self.clock
        event_ms = self.intake.front_at(now_ms)
        windows = [
            f"{group}: {words}" if group else words for group, words in self._windows.words(compiled, event_ms, clock)
        ]
        timer = self._timers.words(compiled, now_ms)
        return [*windows, *([timer] if timer else []), *self._dispatcher.words(compiled, now_ms, clock)]

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
        for memory in (self.intake, self._dispatcher, self._early, self._windows, self._timers):
            output.states |= memory.changes()
        return output

    def take_output(self) -> Output:
        """Hand out everything but the states, for a run that saves nothing."""
        self._count_lost()
        output, self._output = self._output, Output()
        output.closed, self._windows.closed = self._windows.closed, []
        return output

    def _count_lost(self) -> None:
        for evicted in (self._dispatcher.evicted, self._windows.evicted):
            for rule, count in evicted.items():
                self._output.counters[f"rule.{rule}.evicted"] += count
            evicted.clear()

    @property
    def has_output(self) -> bool:
        """Whether a reload, or a word from the engine itself, left something to take."""
        output = self._output
        return bool(output.notifications or output.firings or output.states or output.counters)

    def _evaluate(self, event: Event) -> list[Event]:
        """Let rules match an event and see it end what it ends. Returns what the rules wrote back."""
        subject = Subject(event, self._in_state, self._offset_min)
        hits = select(self.program, subject)
        if event.kind in _TURNS:
            self._turn(subject)
        if self._has_ends:
            for compiled in self.program.ended_by(event.kind):
                if compiled.until is not None and compiled.until(subject):
                    self._pass_on(self._dispatcher.on_until(compiled, event, event.seen_ms))
        if not hits and subject.is_clean and not self._early.listens:
            return []
        for rule, kinds in subject.coerced.items():
            for kind, count in kinds.items():
                self._output.counters[f"coercion.{rule}.{kind}"] += count
        if self._early.listens and event.kind == "transcript":
            hits = self._settle_early(event, hits)
        return [written for hit in hits for written in self._on_hit(hit, subject)]

    def _on_hit(self, hit: Hit, subject: Subject) -> list[Event]:
        """Hand a hit to its rule's window, or let a rule without one fire."""
        compiled = self.program.rules[self.program.numbers[hit.rule]]
        if compiled.owner in self._broken or (self._owns is not None and not self._owns(hit.rule, hit.group)):
            return []
        if compiled.rule.window is None:
            return self._fire(compiled, match_of_hit(hit), subject)
        self._windows.on_hit(compiled, hit, subject, self.intake.front_ms)
        return []

    def _turn(self, subject: Subject) -> None:
        """Pass on what changes the meaning of silence: the state of sessions, and a recorder that heard nothing."""
        event = subject.event
        if event.kind == "session":
            self._windows.on_session(subject)
            self._dispatcher.on_session(event)
        elif event.status == "gap" or (event.status == "heartbeat" and _is_deaf(event)):
            self._windows.on_deaf(event)

    def _settle_early(self, event: Event, hits: list[Hit]) -> list[Hit]:
        kept, retracted = self._early.settle(event, hits)
        for rule, firing in retracted:
            self._output.counters[f"rule.{rule}.retracted"] += 1
            self._output.firings.append(
                Firing(Match(firing, rule, None, event.seen_ms, (event,), {}), Reason.RETRACTED)
            )
        return kept

    def _fire(self, compiled: CompiledRule, match: Match, subject: Subject) -> list[Event]:
        if compiled.owner in self._broken:
            return []
        try:
            if match.closes:
                self._pass_on(self._dispatcher.on_close(compiled, match))
                return []
            told = self._dispatcher.on_match(compiled, match, subject, max(match.at_ms, self._now_ms))
        except Exception as error:  # noqa: BLE001 - a fault in one rule's work must not end the others'
            self._break(compiled, error)
            return []
        self._early.note(match, told.firings[0].reason in (None, Reason.QUIET, Reason.DIGEST))
        self._pass_on(told)
        return [] if told.data is None else [written_back(compiled.rule, match, told.data)]

    def _pass_on(self, told: Told) -> None:
        """Take over what the dispatcher gave, and let rules hear what it says of others."""
        self._output.firings.extend(told.firings)
        self._output.notifications.extend(told.notifications)
        for firing in told.firings:
            # A digest is a message like any other; what it collected was counted when it was.
            became = firing.reason or ("fired" if firing.kind == "digest" else firing.kind)
            self._output.counters[f"rule.{firing.match.rule}.{became}"] += 1
        for said in told.said:
            self.tell(said.name, said.fields, said.at_ms)
        for written in told.written:
            self.on_event(written)
        for compiled, error in told.broken:
            self._break(compiled, error)

    def _break(self, compiled: CompiledRule, error: Exception) -> None:
        """Switch a rule off that raised, until it is edited or the engine starts anew, and tell whom it would tell."""
        if compiled.owner in self._broken:
            return
        self._broken.add(compiled.owner)
        name = compiled.rule.name
        self._output.counters[f"rule.{name}.broken"] += 1
        # The kind of the error only: its text may quote what was captured.
        text = f"{name} was switched off by a fault of the engine ({type(error).__name__}); please report it"
        at_ms = self.intake.last_seen_ms
        told = {one for way in compiled.rule.notify or ("default",) for one in self._routes.get(way, (way,))}
        firing = f"broken:{compiled.owner}:{at_ms}"
        self._output.notifications += [
            Notification(f"{firing}:{one}", firing, name, None, one, f"{name} is switched off", text, "error", at_ms)
            for one in sorted(told)
        ]
        self.tell("rule_error", {"rule": name, "text": text, "errors": 1}, at_ms)

    def _local_offset(self, at_ms: int) -> int:
        return self._zone_offset("local", at_ms)


def _bad_line(line: Line, malformed: Malformed) -> BadLine:
    reason = f"{malformed.reason}: {malformed.detail}" if malformed.detail else malformed.reason
    return BadLine(line.position, line.path, line.line_no, reason, len(line.text), line.text[:HEAD_BYTES])


def _is_deaf(event: Event) -> bool:
    """Tell whether a heartbeat says that the recorder is not connected."""
    data = event.body.get("data")
    return isinstance(data, dict) and data.get("connected") is False
