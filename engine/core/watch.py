"""Watching the rules that say how often they expect to speak (`expect`): their periods, and what is said about them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.core import health, schedule
from engine.core.agenda import Agenda
from engine.core.compile import CompiledRule, Program
from engine.core.firing import match_of_timer
from engine.core.health import EMPTY, HealthState, Verdict
from engine.core.notices import Notices, Said, notice_id
from engine.core.shelf import Shelf
from engine.model.checkpoint import StateKey
from engine.model.config import Limits
from engine.model.match import Firing
from engine.model.rule import Expect, Rule

__all__ = ["SUFFIX", "Watch"]

SUFFIX = ":health"
_ALL = ""


class Watch:
    """One state a rule with `expect`, all its groups together."""

    def __init__(self, program: Program, agenda: Agenda, sort: int, notices: Notices, limits: Limits) -> None:
        self._agenda, self._sort, self._notices = agenda, sort, notices
        self.shelf: Shelf[HealthState] = Shelf(SUFFIX, EMPTY, health.dump, limits.groups)
        self._specs = {
            compiled.owner: (number, compiled.rule.expect)
            for number, compiled in enumerate(program.rules)
            if compiled.rule.expect is not None and compiled.rule.gates.enabled
        }

    def restore(self, states: dict[StateKey, bytes]) -> None:
        """Go on from what the store has. A rule that should not be silent is watched from the first call on."""
        for owner, (number, spec) in self._specs.items():
            blob = states.get((owner + SUFFIX, _ALL))
            if blob is not None:
                self.shelf.restore(owner, _ALL, health.load(blob))
            elif spec.at_least is None:
                continue
            self._agenda.wake((number, self._sort, _ALL), self.shelf.get(owner, _ALL).ends_ms)

    def on_told(self, compiled: CompiledRule, at_ms: int) -> tuple[Firing, Said] | None:
        """Count a message of the rule. Returns what is to be said if that is one too many."""
        if compiled.owner not in self._specs:
            return None
        number, spec = self._specs[compiled.owner]
        state = self.shelf.get(compiled.owner, _ALL)
        if state.ends_ms and state.ends_ms <= at_ms:
            # Only after a message from ahead of the calls: nothing is judged by it.
            state = EMPTY
        step = health.on_told(spec, state, at_ms, self._end_of(spec))
        self.shelf.put(compiled.owner, _ALL, step.state)
        self._agenda.wake((number, self._sort, _ALL), step.wake_at_ms)
        return None if step.out is None else self._say(compiled.rule, spec, step.state, step.out, at_ms)

    def on_time(
        self, compiled: CompiledRule, now_ms: int, woke_ms: int | None, is_muted: bool
    ) -> tuple[Firing, Said] | None:
        """End a period. `is_muted`: the next one begins while the rule is snoozed."""
        number, spec = self._specs[compiled.owner]
        before = self.shelf.get(compiled.owner, _ALL)
        step = health.on_time(spec, before, now_ms, self._end_of(spec), woke_ms)
        state = health.mute(step.state) if is_muted and step.state.ends_ms > now_ms else step.state
        self.shelf.put(compiled.owner, _ALL, state)
        self._agenda.wake((number, self._sort, _ALL), step.wake_at_ms)
        return None if step.out is None else self._say(compiled.rule, spec, before, step.out, now_ms)

    def mute(self, compiled: CompiledRule) -> None:
        """Judge no silence in this period: the rule was snoozed."""
        if compiled.owner in self._specs:
            self.shelf.put(compiled.owner, _ALL, health.mute(self.shelf.get(compiled.owner, _ALL)))

    def words(self, compiled: CompiledRule) -> str:
        """Tell a person how many messages there were, empty without `expect`."""
        if compiled.owner not in self._specs:
            return ""
        _, spec = self._specs[compiled.owner]
        count = self.shelf.get(compiled.owner, _ALL).told
        return f"{_messages(count)} this {health.period_name(spec)}; {_bounds(spec)} expected"

    def _end_of(self, spec: Expect) -> Callable[[int], int]:
        timer = health.turns(spec)
        return lambda at_ms: schedule.next_ms(timer, at_ms, self._notices.zone_offset)

    def _say(self, rule: Rule, spec: Expect, state: HealthState, verdict: Verdict, at_ms: int) -> tuple[Firing, Said]:
        period, noisy = health.period_name(spec), verdict is Verdict.NOISY
        expected = spec.at_most if noisy else spec.at_least
        said = f"{_messages(state.told)} {'in this' if noisy else 'in the last'} {period}"
        body = f"{rule.name}: {said}; {_bounds(spec)} expected"
        name = notice_id(verdict.value, rule.name, str(state.ends_ms))
        made = match_of_timer(rule, at_ms)
        fields: dict[str, Any] = {
            "rule": rule.name, "text": body, "count": state.told, "expected": expected, "per": period,
        }  # fmt: skip
        title = f"{rule.name} is {'too noisy' if noisy else 'too silent'}"
        destinations = self._notices.destinations(rule.notify)
        match = type(made)(name, rule.name, None, at_ms, made.events, {})
        firing = Firing(match, None, destinations, title, body, kind="health")
        return firing, Said(verdict.value, fields, at_ms)


def _messages(count: int) -> str:
    return f"{count:,} message{'' if count == 1 else 's'}" if count else "no message"


def _bounds(spec: Expect) -> str:
    parts = (("at least", spec.at_least), ("at most", spec.at_most))
    return " and ".join(f"{what} {number:,}" for what, number in parts if number is not None)
