"""What came nearest to a firing in a test that expected one: a text one letter off, a gap one second too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.core import near_window
from engine.core.compile import Program, compile_rulebook
from engine.core.near import near_miss
from engine.core.subject import Subject
from engine.model.rule import Rulebook
from engine.run.case_given import Arrival
from engine.run.case_player import play
from engine.run.evidence import precise_text
from engine.run.outcome import Outcome

__all__ = ["closest_to"]


def closest_to(program: Program, outcome: Outcome, arrivals: Sequence[Arrival]) -> str:
    """Return what stood between the rule and its nearest firing, or empty text."""
    rule = outcome.rule
    if rule.window is not None:
        found = _over_time(program, outcome, arrivals)
        if found:
            return found
    compiled = program.rules[program.numbers[rule.name]]
    near = [miss for event in outcome.events if (miss := near_miss(compiled, Subject(event))) is not None]
    if not near:
        return ""
    best = min(near, key=lambda miss: miss.distance)
    at = precise_text(best.event.seen_ms - outcome.start_ms)
    said = f' "{best.event.text[:60]}"' if best.event.text else ""
    return f"{at}{said}: {best.missing}"


def _over_time(program: Program, outcome: Outcome, arrivals: Sequence[Arrival]) -> str:
    """Play the same lines to the rule with its pattern loosened, one number at a time."""
    rule = outcome.rule
    misses: list[tuple[float, str]] = []

    def clock(at_ms: int) -> str:
        return precise_text(at_ms - outcome.start_ms)

    for loose, edit in near_window.loosened(rule):
        ungated = replace(loose, digest=None, incident=None)
        rules = tuple(ungated if one.rule.name == rule.name else one.rule for one in program.rules)
        other = play(compile_rulebook(Rulebook(rules)), ungated, arrivals, outcome.start_ms, outcome.until_ms)
        for firing in other.fired[:1]:
            amount = near_window.needed(rule, edit, firing.match)
            if amount is None and edit.field:
                amount = getattr(loose.window, edit.field)
            words = near_window.missing(rule, edit, amount, firing.match, clock)
            misses.append((near_window.distance(rule, edit, amount), words))
    return min(misses)[1] if misses else ""
