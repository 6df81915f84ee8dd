"""Near misses over time: the rule with its pattern loosened is replayed, and every edit it suggests is, too.

Invariant: a suggestion is only made when the edited rule really fired there, on the same recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

from engine.core import near_window
from engine.core.compile import Program, all_heard, compile_rulebook
from engine.core.evaluator import Evaluator
from engine.core.moment import duration_text
from engine.core.near import Near
from engine.core.near_window import Edit
from engine.model.event import Position
from engine.model.match import Firing, Match, Reason
from engine.model.rule import Gates, Incident, Rule, Rulebook
from engine.model.window import Absent, Count
from engine.run.replay import Span, replay

__all__ = ["MakeEvaluator", "NearMisses", "near_over_time"]

MakeEvaluator: TypeAlias = Callable[[Program], Evaluator]
"""Gives a fresh evaluator for a program, with the zone and limits of whoever asks."""

# What a person reads; each one shown costs a few replays, at most 7 where its number must be searched for.
MOST = 5
_HALVINGS = 5
_GATES = frozenset(
    (Reason.COOLDOWN, Reason.LIMIT, Reason.DEDUP, Reason.UNLESS, Reason.INACTIVE, Reason.SNOOZED)
)  # fmt: skip


class NearMisses(NamedTuple):
    """The nearest ones, nearest first, and how many there were. Shape: `near` as in `core/near.py`."""

    near: tuple[Near, ...] = ()
    seen: int = 0


class _Miss(NamedTuple):
    """One firing that almost was: of the loosened rule, or of the real one at a gate."""

    distance: float
    match: Match
    edit: Edit | None
    amount: Any
    held: Firing | None = None


def near_over_time(
    make: MakeEvaluator,
    program: Program,
    name: str,
    recordings: Sequence[str],
    span: Span | None = None,
    most: int = MOST,
) -> NearMisses:
    """Return what a rule over time almost fired for, each with what was missing and the smallest edit that helps.

    A rule without a pattern has only those that a gate stopped; `core/near.py` knows its others.
    Errors: `RecordingError` when a recording cannot be read.
    """
    trial = _Trial(make, program, name, recordings, span)
    misses = sorted([*_over_time(trial), *_at_gates(trial)], key=lambda one: (one.distance, one.match.at_ms))
    near = tuple(_told(trial, one) for one in misses[: max(most, 0)])
    return NearMisses(tuple(sorted(near, key=lambda one: one.distance)), len(misses))


@dataclass
class _Trial:
    """One rule on some recordings, as it is and edited. Each version is replayed once."""

    make: MakeEvaluator
    program: Program
    name: str
    recordings: Sequence[str]
    span: Span | None

    def __post_init__(self) -> None:
        rules = {compiled.rule.name: compiled.rule for compiled in self.program.rules}
        self.rule = rules[self.name]
        needed = all_heard(self.rule, rules)
        self._around = [rule for rule in rules.values() if rule.name in needed]
        self._clock = self.make(self.program).clock
        self._known: dict[str, list[Firing]] = {}
        self._overs: dict[str, list[Match]] = {}

    def firings(self, rule: Rule) -> list[Firing]:
        """Return what the rule, put in the place of the real one, fires for, whatever a gate says."""
        key = _key(rule)
        known = self._known.get(key)
        if known is None:
            book = Rulebook(tuple(rule if other.name == self.name else other for other in self._around))
            done = replay(self.make(compile_rulebook(book)), self.recordings, self.span)
            own = [firing for firing in done.firings if firing.match.rule == self.name]
            known = [firing for firing in own if firing.kind == "fired" and not firing.match.closes]
            self._known[key] = known
            self._overs[key] = [firing.match for firing in own if firing.match.closes]
        return known

    def over(self, rule: Rule, match: Match) -> Match | None:
        """Return the match of this version that says that what fired there is over."""
        self.firings(rule)
        later = (one for one in self._overs[_key(rule)] if one.group == match.group)
        return next((one for one in later if one.at_ms >= match.at_ms), None)

    def clock(self, at_ms: int) -> str:
        """Return the local time."""
        return self._clock(at_ms)


def _key(rule: Rule) -> str:
    return repr((rule.window, rule.gates, rule.incident))


def _over_time(trial: _Trial) -> list[_Miss]:
    fired = {event.position for firing in trial.firings(trial.rule) for event in firing.match.events}
    found: list[_Miss] = []
    for rule, edit in near_window.loosened(trial.rule):
        for firing in trial.firings(_bare(rule)):
            match = firing.match
            if edit == near_window.COUNT:
                match = _after_firings(rule, match, fired)
            if not any(event.position in fired for event in match.events):
                amount = _needed(trial, rule, edit, match)
                if amount is None and edit.field:
                    amount = getattr(rule.window, edit.field)
                found.append(_Miss(near_window.distance(trial.rule, edit, amount), match, edit, amount))
    by_firing = {(far, match.at_ms, match.id): (far, match) for far, match, *_ in found}
    kept = {match.id for _, match in near_window.best_first(iter(by_firing.values()))}
    nearest: dict[str, _Miss] = {}
    for one in sorted(found, key=lambda one: one.distance):
        if one.match.id in kept:
            nearest.setdefault(one.match.id, one)
    return list(nearest.values())


def _after_firings(looser: Rule, match: Match, fired: set[Position]) -> Match:
    """Return a count without the lines that were spent on firings; unchanged where too few are left for a near miss.

    The looser window rolls on, but the real one was emptied then.
    """
    window = looser.window
    own = tuple(event for event in match.events if event.position not in fired)
    if len(own) == len(match.events) or not isinstance(window, Count) or len(own) < window.at_least:
        return match
    return replace(match, events=own, found={**match.found, "count": len(own)}, since_ms=own[0].at_ms)


def _bare(rule: Rule) -> Rule:
    """Return the rule with nothing behind its pattern but an incident, which tells when the thing is over."""
    return replace(rule, gates=Gates(), digest=None, summarize=None, expect=None, incident=Incident())


def _at_gates(trial: _Trial) -> Iterator[_Miss]:
    for firing in trial.firings(trial.rule):
        if firing.reason in _GATES:
            yield _Miss(_gate_distance(trial.rule.gates, firing), firing.match, None, None, firing)


def _gate_distance(gates: Gates, firing: Firing) -> float:
    if firing.reason is Reason.COOLDOWN and firing.until_ms is not None:
        return min(1.0, (firing.until_ms - firing.match.at_ms) / (gates.cooldown_ms or 1))
    return 0.3 if firing.reason in (Reason.LIMIT, Reason.DEDUP) else 0.5


def _told(trial: _Trial, miss: _Miss) -> Near:
    event = miss.match.events[-1]
    if miss.held is not None:
        return Near(trial.name, event, _gate_words(trial, miss.held), _gate_hint(trial, miss.held), miss.distance)
    edit = miss.edit
    assert edit is not None  # one of the two is always there
    amount, hint = _smallest(trial, edit, miss)
    words = near_window.missing(trial.rule, edit, amount, miss.match, trial.clock)
    return Near(trial.name, event, words, hint, near_window.distance(trial.rule, edit, amount))


def _smallest(trial: _Trial, edit: Edit, miss: _Miss) -> tuple[Any, str]:
    """Return how much was really needed, and the smallest edit that was seen to fire there, or no hint."""
    rule, match = trial.rule, miss.match
    if not edit.field:
        loose = next(other for other, known in near_window.loosened(rule) if known == edit)
        return None, _verified(trial, loose, match, near_window.edit_words(rule, edit, None))
    looser = next(other for other, known in near_window.loosened(rule) if known == edit)
    limit = getattr(looser.window, edit.field)
    amount = _needed(trial, looser, edit, match)
    if amount is None:
        amount = _searched(trial, edit, match, limit) if edit.is_time else limit
    # What ended a silence came at that very instant, and so in time.
    most = amount - 1 if isinstance(rule.window, Absent) else amount
    for tried in dict.fromkeys((near_window.rounded(edit, most), limit)):
        version = near_window.written(rule, edit, tried)
        hint = _verified(trial, version, match, near_window.edit_words(rule, edit, tried))
        if hint:
            return amount, hint
    return amount, ""


def _needed(trial: _Trial, looser: Rule, edit: Edit, match: Match) -> Any:
    """Return how much of it the firing needed, by its evidence or by when it was over, None if neither tells."""
    if edit == near_window.FOR:
        over = trial.over(_bare(looser), match)
        return None if over is None else near_window.lasted(looser, over)
    return near_window.needed(trial.rule, edit, match)


def _searched(trial: _Trial, edit: Edit, match: Match, loose: int) -> int:
    """Return about the tightest number with which it still fires there: halving the way to the real one."""
    fires, fails = loose, getattr(trial.rule.window, edit.field)
    for _ in range(_HALVINGS):
        middle = (fires + fails) // 2
        if _fired_there(trial, near_window.written(trial.rule, edit, middle), match) is None:
            fails = middle
        else:
            fires = middle
    return int(fires)


def _verified(trial: _Trial, version: Rule, match: Match, words: str) -> str:
    firing = _fired_there(trial, version, match)
    if firing is None:
        return ""
    return f"{words} would fire" + (f", then be held by {firing.reason}" if firing.reason in _GATES else "")


def _fired_there(trial: _Trial, version: Rule, match: Match) -> Firing | None:
    """Return the firing of a version of the rule that rests on some of the same lines."""
    places = {event.position for event in match.events}
    return next(
        (one for one in trial.firings(version) if any(event.position in places for event in one.match.events)), None
    )


def _gate_words(trial: _Trial, held: Firing) -> str:
    until = f" until {trial.clock(held.until_ms)}" if held.reason is Reason.COOLDOWN and held.until_ms else ""
    match held.reason:
        case Reason.INACTIVE:
            return "stopped: outside its active hours"
        case reason:
            return f"stopped by {reason}{until}"


def _gate_hint(trial: _Trial, held: Firing) -> str:
    """Return the edit of the gate that lets this firing pass, seen to do so, or nothing."""
    gates = trial.rule.gates
    edited: Gates | None = None
    words = ""
    if held.reason is Reason.COOLDOWN and held.until_ms is not None:
        passed_ms = held.match.at_ms - (held.until_ms - gates.cooldown_ms)
        cooldown_ms = near_window.rounded(near_window.FOR, max(1, passed_ms))
        edited = replace(gates, cooldown_ms=cooldown_ms)
        words = f"cooldown: {duration_text(cooldown_ms)}"
    elif held.reason is Reason.LIMIT and gates.limit is not None:
        edited = replace(gates, limit=replace(gates.limit, count=gates.limit.count + 1))
        words = f"limit: {gates.limit.count + 1}/{duration_text(gates.limit.per_ms)}"
    if edited is None:
        return ""
    version = replace(trial.rule, gates=edited)
    passes = any(one.match.id == held.match.id and one.reason not in _GATES for one in trial.firings(version))
    return f"{words} would let it pass" if passes else ""
