"""The open incidents of all rules: when each wants its next call, and what is said about it.

Invariant: one incident a (rule, group) at most; what closed it is told to those who were told that it began.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from engine.core import incident
from engine.core.agenda import Agenda
from engine.core.compile import CompiledRule, Program
from engine.core.incident import EMPTY, Call, OpenIncident
from engine.core.moment import clock_text, duration_text
from engine.core.notices import Notices, notice_id
from engine.core.shelf import Shelf
from engine.core.window.memory import trim
from engine.model.checkpoint import StateKey
from engine.model.config import Limits
from engine.model.event import Event
from engine.model.match import Firing, Match
from engine.model.rule import Incident

__all__ = ["SUFFIX", "Incidents"]

SUFFIX = ":incident"
TITLE_MAX = 200


class Incidents:
    """What is open. Shape: `shelf` one state a (rule, group)."""

    def __init__(
        self, program: Program, agenda: Agenda, sort: int, notices: Notices, limits: Limits, evicted: Counter[str]
    ) -> None:
        self._agenda, self._sort, self._notices = agenda, sort, notices
        self.shelf: Shelf[OpenIncident] = Shelf(SUFFIX, EMPTY, incident.dump, limits.groups, evicted)
        self._numbers = {
            compiled.owner: number
            for number, compiled in enumerate(program.rules)
            if compiled.rule.incident is not None and compiled.rule.digest is None
        }
        self._rules = program.rules

    def restore(self, states: dict[StateKey, bytes]) -> None:
        """Go on from what the store has."""
        for (owner, group), blob in states.items():
            rule = owner.removesuffix(SUFFIX)
            if rule != owner and rule in self._numbers:
                self._file(self._rules[self._numbers[rule]], group, incident.load(blob), is_new=True)

    def is_open(self, compiled: CompiledRule, group: str) -> bool:
        """Tell whether a firing of the group would be one more of the same."""
        return bool(self.shelf.get(compiled.owner, group).firing)

    def begin(self, compiled: CompiledRule, firing: Firing, told_ms: int) -> None:
        """Open the incident of a firing that was told, or will be at `told_ms`; steps count from there."""
        if compiled.owner not in self._numbers:
            return
        match = firing.match
        since_ms = match.events[0].at_ms if match.since_ms is None else match.since_ms
        state = OpenIncident(
            match.id, match.at_ms, since_ms, told_ms, None, (), (), firing.title, firing.body[: incident.MAX_BODY],
            trim(match.events[-1]),
        )  # fmt: skip
        self._file(compiled, match.group or "", state)

    def end(self, compiled: CompiledRule, group: str, by: Match, suppressed: int) -> Firing | None:
        """Close the incident, if one is open. Returns what is to be said: nothing, to nobody, without `resolve`."""
        state = self.shelf.get(compiled.owner, group)
        if not state.firing:
            return None
        self._file(compiled, group, EMPTY)
        name = notice_id("resolved", state.firing)
        match = Match(name, by.rule, group or None, by.at_ms, by.events, by.found, state.since_ms, closes=True)
        body = self._notices.renderer(compiled).resolved(match, suppressed, self._notices.local_min)
        if body is None:
            return Firing(match, None, kind="resolved")
        names = (*self._notices.destinations(compiled.rule.notify), *state.told)
        title = f"Resolved: {state.title}"[:TITLE_MAX]
        return Firing(match, None, tuple(dict.fromkeys(names)), title, body, suppressed, kind="resolved")

    def ended_by(self, compiled: CompiledRule, event: Event, at_ms: int) -> list[str]:
        """Return the groups whose incident an `until` event closes: all, or that of its session if groups are sessions.

        An incident that began after that instant stays open.
        """
        by_session = compiled.rule.by == ("_.session",)
        return [
            group
            for group, state in self.shelf.groups(compiled.owner).items()
            if state.at_ms <= at_ms and (not by_session or group in ("", event.session))
        ]

    def calls(self, compiled: CompiledRule, group: str, now_ms: int, woke_ms: int | None) -> list[Call]:
        """Return the messages of steps that are due by now, and remember them as sent.

        What is repeated by `woke_ms` is not told: nothing ran until then.
        """
        spec, state = compiled.rule.incident, self.shelf.get(compiled.owner, group)
        if spec is None:
            return []
        step = incident.on_time(spec, state, now_ms)
        latest = incident.on_time(spec, step.state, now_ms if woke_ms is None else woke_ms).out
        repeated = {call.step for call in latest if call.number > 1}
        calls = [call._replace(at_ms=now_ms) for call in step.out if call.step not in repeated]
        state = step.state
        for call in calls:
            state = incident.told_to(state, self._notices.destinations(spec.steps[call.step].notify))
        self._file(compiled, group, state)
        return calls

    def escalated(self, compiled: CompiledRule, group: str, call: Call, suppressed: int) -> Firing:
        """Return the firing of one call: the opening's words, and for how long it is open."""
        state = self.shelf.get(compiled.owner, group)
        spec = compiled.rule.incident
        steps = spec.steps if spec is not None else ()
        name = notice_id("escalated", state.firing, str(call.step), str(call.number))
        events = (state.event,) if state.event is not None else ()
        match = Match(name, compiled.rule.name, group or None, call.at_ms, events, {}, state.since_ms)
        began = clock_text(state.at_ms, self._notices.local_min(state.at_ms))
        more = f"; {suppressed} more since" if suppressed else ""
        title = f"Still open after {duration_text(max(0, call.at_ms - state.at_ms))}: {state.title}"[:TITLE_MAX]
        body = f"{state.body}\n(open since {began}{more})"
        destinations = self._notices.destinations(steps[call.step].notify)
        return Firing(match, None, destinations, title, body, suppressed, kind="escalated")

    def ack(self, compiled: CompiledRule, group: str | None, at_ms: int) -> int:
        """Let somebody take on what is open: one group, or all of them. Returns how many nobody had taken on yet."""
        spec, taken = compiled.rule.incident, 0
        if spec is None:
            return 0
        for one, state in list(self.shelf.groups(compiled.owner).items()):
            if (group is None or one == group) and state.acked_ms is None:
                self._file(compiled, one, incident.ack(spec, compiled.rule.window, state, at_ms))
                taken += 1
        return taken

    def forget(self, compiled: CompiledRule, group: str) -> None:
        """Close an incident without a word: its rule was switched off."""
        self._file(compiled, group, EMPTY)

    def words(self, compiled: CompiledRule, clock: Callable[[int], str]) -> Iterator[tuple[str, str]]:
        """Yield (group, how its incident stands)."""
        for group, state in self.shelf.groups(compiled.owner).items():
            yield group, _words(compiled.rule.incident, state, clock)

    def _file(self, compiled: CompiledRule, group: str, state: OpenIncident, is_new: bool = False) -> None:
        """Keep a state, and ask for a call when its next message is due."""
        number, spec = self._numbers[compiled.owner], compiled.rule.incident
        if is_new:
            self.shelf.restore(compiled.owner, group, state)
        else:
            gone = self.shelf.put(compiled.owner, group, state)
            if gone is not None:
                self._agenda.cancel((number, self._sort, gone))
        if spec is not None:
            due_ms = incident.next_call(spec, state)
            if due_ms is None:
                self._agenda.cancel((number, self._sort, group))
            self._agenda.wake((number, self._sort, group), due_ms)


def _words(spec: Incident | None, state: OpenIncident, clock: Callable[[int], str]) -> str:
    text = f"incident open since {clock(state.at_ms)}"
    if state.acked_ms is not None:
        return f"{text}; acked at {clock(state.acked_ms)}"
    due_ms = incident.next_call(spec, state) if spec is not None else None
    if spec is None or due_ms is None:
        return f"{text}; nobody else is told"
    names = (name for call in incident.on_time(spec, state, due_ms).out for name in spec.steps[call.step].notify)
    return f"{text}; next escalation at {clock(due_ms)} to {', '.join(dict.fromkeys(names))}"
