"""`engine status RULE`: what one rule remembers, counted and decided, and one line that says how it is doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from engine.cli.counted import NO_REASONS, count_words
from engine.cli.known_rules import known_rules, names_in
from engine.cli.settings import Settings
from engine.cli.words import plural
from engine.core.compile import compile_rulebook
from engine.core.decision import Decision, age_text, decision_words, read_decision, rings
from engine.core.evaluator import Evaluator
from engine.core.moment import clock_text, iso_text
from engine.core.pattern_words import pattern_words
from engine.model.checkpoint import StateKey
from engine.model.rule import Rule, Rulebook
from engine.model.status import Status
from engine.run.clock import now_ms, zone_offset
from engine.sink.neutralize import safe_line
from engine.store.sqlite import SqliteStore

__all__ = ["RuleStatus", "print_rule_status", "rule_document", "rule_status"]

SHOWN = 10


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """Everything that is known of one rule. `rule` is None when only the state folder knows it.

    Shape: `states` in words, one a line; `decisions` newest first. Units: `at_ms` is when the state was read,
    `saved_ms` when the engine saved it last.
    """

    name: str
    rule: Rule | None
    at_ms: int
    saved_ms: int | None
    holder: str
    states: tuple[str, ...]
    counts: dict[str, int]
    coercions: dict[str, int]
    decisions: tuple[Decision, ...]
    is_other_version: bool


def rule_status(store: SqliteStore, settings: Settings, name: str) -> RuleStatus:
    """Read what the store and the rule files say of a rule; nothing is changed.

    Errors: a usage error when nobody knows the rule, `StoreError`.
    """
    status, states, at_ms = store.status(), store.load().states, now_ms()
    rule = known_rules(settings, names_in(states, status.counters)).find(name)
    own = {key: blob for key, blob in states.items() if key[0].startswith(f"{name}#")}
    words: list[str] = []
    is_other = False
    if rule is not None:
        program = compile_rulebook(Rulebook((rule,)))
        owner = program.rules[0].owner
        is_other = any(key[0].partition(":")[0] != owner for key in own)
        evaluator = Evaluator(
            program,
            settings.routes(program),
            zone_offset(settings.config.zone),
            {**own, **_of_intake(states)},
            settings.config.limits,
        )
        words = [*_about_to(evaluator, name), *evaluator.state_words(name, at_ms)]
    return RuleStatus(
        name, rule, at_ms, status.last_commit_ms, status.holder, tuple(words), _counts(status, name),
        _coercions(status, name), _decisions(store, name), is_other,
    )  # fmt: skip


def _about_to(evaluator: Evaluator, name: str) -> list[str]:
    """Put lines that still wait for late ones in their place, in this copy alone. Returns what will fire of it."""
    evaluator.finish(evaluator.intake.newest_ms)
    firings = [one for one in evaluator.take_output().firings if one.match.rule == name and one.kind == "fired"]
    return [
        f"{'' if one.match.group is None else one.match.group + ': '}about to fire; only waits for lines that come late"
        for one in firings
    ]


def _of_intake(states: dict[StateKey, bytes]) -> dict[StateKey, bytes]:
    """Return what tells how far event time has come; the ids of known events are not needed, and they are many."""
    return {key: blob for key, blob in states.items() if key in (("intake", "sessions"), ("intake", "time"))}


def _counts(status: Status, name: str) -> dict[str, int]:
    found = {}
    for counter, count in status.counters.items():
        rule, _, what = counter.removeprefix("rule.").rpartition(".")
        if counter.startswith("rule.") and rule == name:
            found[what] = count
    return found


def _coercions(status: Status, name: str) -> dict[str, int]:
    prefix = f"coercion.{name}."
    return {key.removeprefix(prefix): count for key, count in status.counters.items() if key.startswith(prefix)}


def _decisions(store: SqliteStore, name: str) -> tuple[Decision, ...]:
    # At one instant what was held came after what was told.
    found = [read_decision(at_ms, text) for ring in reversed(rings(name)) for at_ms, text in store.decisions(ring)]
    return tuple(sorted((one for one in found if one is not None), key=lambda one: -one.at_ms))


def verdict(status: RuleStatus, clock: Callable[[int], str]) -> str:
    """Return one line: whether it speaks, since when not, and how near it came."""
    told = next((one for one in status.decisions if one.reason is None and one.kind in ("fired", "digest")), None)
    fault = next((one for one in status.decisions if one.kind == "fault"), None)
    parts = []
    if status.rule is None:
        parts.append("it is in no rule file any more")
    elif status.is_other_version:
        parts.append("the rule file was edited since the engine saved this; what it remembered is not shown")
    if fault is not None and (told is None or fault.at_ms >= told.at_ms):
        parts.append(f"switched off by a fault at {clock(fault.at_ms)}, until it is edited or the engine starts anew")
    if told is not None:
        parts.append(f"last firing {clock(told.at_ms)}, {age_text(status.at_ms, told.at_ms)}")
    else:
        parts.append("it has fired" if status.counts.get("fired") else "it has not fired yet")
    held = {what: count for what, count in status.counts.items() if what not in NO_REASONS}
    if told is None and held:
        parts.append(f"{sum(held.values())} held")
    near = next((one for one in status.decisions if one.kind == "window"), None)
    if status.states:
        parts.append(f"now: {status.states[0]}")
    elif near is not None:
        parts.append(f"nearest: {near.words}, {age_text(status.at_ms, near.at_ms)}")
    return "; ".join(parts)


def print_rule_status(status: RuleStatus, settings: Settings) -> None:
    """Print one rule's page."""
    offsets = zone_offset(settings.config.zone)

    def clock(at_ms: int) -> str:
        return clock_text(at_ms, offsets("local", at_ms))

    rule = status.rule
    click.echo(f"{status.name}   {rule.span if rule is not None else '(in no rule file)'}")
    if rule is not None and rule.window is not None:
        click.echo(f"  looks for  {safe_line(pattern_words(rule), 300)}")
    saved = "nothing saved yet" if status.saved_ms is None else f"saved {age_text(status.at_ms, status.saved_ms)}"
    click.echo(f"  engine     {status.holder or 'not running'}; {saved}")
    for number, words in enumerate(status.states or ("nothing is remembered",)):
        click.echo(f"  {'' if number else 'now':<9}  {safe_line(words, 300)}")
    click.echo(f"  counts     {_count_line(status)}")
    _print_decisions(status, clock)
    click.echo(f"  verdict    {safe_line(verdict(status, clock), 500)}")


def _count_line(status: RuleStatus) -> str:
    odd = [f"{plural(count, 'value')} of the wrong type ({kind})" for kind, count in status.coercions.items()]
    return ", ".join([count_words(status.counts), *odd])


def _print_decisions(status: RuleStatus, clock: Callable[[int], str]) -> None:
    for number, decision in enumerate(status.decisions[:SHOWN]):
        group = f"  group {safe_line(decision.group, 60)}" if decision.group is not None else ""
        words = safe_line(decision_words(decision, clock), 200)
        age = age_text(status.at_ms, decision.at_ms)
        click.echo(f"  {'' if number else 'decisions':<9}  {age:>10}  {clock(decision.at_ms)}  {words}{group}")
        for line in decision.evidence:
            click.echo(f'{"":26}{safe_line(line.place, 120)}  "{safe_line(line.text, 100)}"')
        if decision.events > len(decision.evidence) > 0:
            click.echo(f"{'':26}and {plural(decision.events - len(decision.evidence), 'line')} before")


def rule_document(status: RuleStatus, settings: Settings) -> dict[str, Any]:
    """Return the same as a JSON document."""
    offsets = zone_offset(settings.config.zone)

    def clock(at_ms: int) -> str:
        return clock_text(at_ms, offsets("local", at_ms))

    return {
        "version": 1,
        "rule": status.name,
        "file": str(status.rule.span) if status.rule is not None else None,
        "running": bool(status.holder),
        "saved": None if status.saved_ms is None else iso_text(status.saved_ms),
        "state": list(status.states),
        "counts": status.counts,
        "coercions": status.coercions,
        "decisions": [_decision_document(one, clock) for one in status.decisions[:SHOWN]],
        "verdict": verdict(status, clock),
    }


def _decision_document(decision: Decision, clock: Callable[[int], str]) -> dict[str, Any]:
    return {
        "at": iso_text(decision.at_ms),
        "kind": decision.kind,
        "group": decision.group,
        "reason": decision.reason,
        "until": None if decision.until_ms is None else iso_text(decision.until_ms),
        "told": list(decision.told),
        "suppressed_before": decision.suppressed,
        "words": decision_words(decision, clock),
        "events": decision.events,
        "evidence": [{"place": line.place, "text": line.text} for line in decision.evidence],
    }
