"""One call of `engine test-rule`: the rules, their tests, the replay, what they are compared with. Prints nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import click

from engine.cli.against import Other, other_version
from engine.cli.evaluating import evaluators
from engine.cli.golden import Difference, Entry, difference, entries, identity, load, messages
from engine.cli.loading import RuleSet, Suite, load_suite
from engine.cli.settings import Settings
from engine.cli.spans import span_option
from engine.core.compile import CompiledRule
from engine.core.near import Near, near_miss
from engine.core.subject import Subject
from engine.model.event import Event
from engine.model.match import Firing
from engine.model.window import Timer
from engine.run.clock import zone_offset
from engine.run.near_misses import near_over_time
from engine.run.replay import Replay, Span, first_event, replay
from engine.run.rule_tests import TestResult, run_cases
from engine.source.recording import expand

__all__ = ["Ask", "Trial", "Versions", "check_ask", "try_out"]


@dataclass(frozen=True, slots=True)
class Ask:
    """The options of one call."""

    rules: tuple[str, ...]
    events: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    session: str | None = None
    near: int = 3
    form: str = "text"
    out: str | None = None
    save: str | None = None
    expect: str | None = None
    against: str | None = None
    explain: str | None = None
    send: str | None = None
    fail_on: frozenset[str] = frozenset()
    config: str | None = None
    max_bad: int = 100
    all: bool = False


@dataclass(frozen=True, slots=True)
class Versions:
    """Two versions of the rules on the same recordings. `old` has the rules as they were, to show their evidence."""

    name: str
    old: RuleSet
    changed: Difference[Firing]


@dataclass(slots=True)
class Trial:
    """What one call came to. Shape: without recordings `replayed` is None and all that rests on it empty.

    `rows` are the instants at which each step of each rule was seen; `near` is cut, `near_seen` counts them all.
    """

    suite: Suite
    results: list[TestResult]
    seconds: float
    recordings: list[str] = field(default_factory=list)
    replayed: Replay | None = None
    rows: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    near: dict[str, list[Near]] = field(default_factory=dict)
    near_seen: dict[str, int] = field(default_factory=dict)
    expected: list[Entry] | None = None
    golden: Difference[Entry] | None = None
    versions: Versions | None = None

    @property
    def rules(self) -> RuleSet:
        """The rules that were asked about."""
        return self.suite.rules

    @property
    def failed(self) -> list[TestResult]:
        """The tests that failed."""
        return [result for result in self.results if not result.passed]

    def firings(self, rule: str) -> list[Firing]:
        """Return what became of every match of one rule."""
        return [one for one in self.replayed.firings if one.match.rule == rule] if self.replayed is not None else []

    def compiled(self, rule: str) -> CompiledRule:
        """Return a rule ready to explain its evidence."""
        program = self.rules.program
        return program.rules[program.numbers[rule]]


def try_out(ask: Ask, settings: Settings) -> Trial:
    """Load, run the tests, replay and compare. Errors: those of rules, recordings, golden files and versions."""
    names = settings.config.names() if ask.config else None
    suite = load_suite(ask.rules, names)
    expected = load(ask.expect) if ask.expect is not None else None
    other = other_version(ask.against, ask.rules, suite.rules, names) if ask.against is not None else None
    started = time.perf_counter()
    results = list(run_cases(suite.cases))
    trial = Trial(suite, results, time.perf_counter() - started)
    if ask.events:
        _replay(ask, trial, settings, other)
    if expected is not None and trial.replayed is not None:
        trial.expected = expected
        trial.golden = difference(expected, entries(trial.replayed.firings), identity)
    return trial


def _replay(ask: Ask, trial: Trial, settings: Settings, other: Other | None) -> None:
    trial.recordings = expand(ask.events)
    offsets, make = zone_offset(settings.config.zone), evaluators(settings)
    span = _span(ask, trial.recordings, offsets)
    program, asked = trial.rules.program, {rule.name for rule in trial.rules.rules}
    compiled = [one for one in program.rules if one.rule.name in asked]
    found: dict[str, list[Near]] = {rule.name: [] for rule in trial.rules.rules}
    watch = _watcher(compiled, found if ask.near else None, trial.rows)
    replayed = replay(make(program), trial.recordings, span, watch)
    replayed.firings = [firing for firing in replayed.firings if firing.match.rule in asked]
    trial.replayed = replayed
    for one in compiled:
        name = one.rule.name
        if ask.near and one.rule.window is not None:
            over_time = near_over_time(make, program, name, trial.recordings, span, ask.near)
            trial.near[name], trial.near_seen[name] = list(over_time.near), over_time.seen
        else:
            # A distance that ties goes to the earlier event.
            trial.near[name] = sorted(found[name], key=lambda near: near.distance)[: ask.near]
            trial.near_seen[name] = len(found[name])
    if other is not None:
        before = replay(make(other.rules.program), trial.recordings, span)
        trial.versions = Versions(other.name, other.rules, _changed(other.rules, before, trial.rules, replayed))


def _span(ask: Ask, recordings: Sequence[str], offsets: Callable[[str, int], int]) -> Span | None:
    span = None
    if ask.since or ask.until:
        first = first_event(recordings)
        if first is not None:
            span = span_option(ask.since, ask.until, first, offsets("local", first.seen_ms))
    if ask.session is None:
        return span
    return Span(span.since_ms, span.until_ms, ask.session) if span is not None else Span(session=ask.session)


def _watcher(
    compiled: Sequence[CompiledRule], near: dict[str, list[Near]] | None, rows: dict[str, dict[str, list[int]]]
) -> Callable[[Event], None] | None:
    """Return what looks at each event for near misses, and for the steps that the timeline shows."""
    drawn = [one for one in compiled if one.rule.window is not None and not isinstance(one.rule.window, Timer)]
    plain = [one for one in compiled if one.rule.window is None] if near is not None else []
    for one in drawn:
        rows[one.rule.name] = {step.name: [] for step in one.steps} or {"seen": []}

    def watch(event: Event) -> None:
        for one in plain:
            found = near_miss(one, Subject(event))
            if found is not None and near is not None:
                near[one.rule.name].append(found)
        for one in drawn:
            for step in _steps_of(one, event):
                rows[one.rule.name][step].append(event.at_ms)

    return watch if drawn or plain else None


def _steps_of(compiled: CompiledRule, event: Event) -> Iterator[str]:
    """Yield the steps that an event stands for; `seen` where the rule has none."""
    if event.kind == "transcript" and not event.final and not compiled.wants_partials:
        return
    subject = Subject(event)
    if compiled.steps:
        yield from (step.name for step in compiled.steps if step.holds(subject))
    elif compiled.holds(subject):
        yield "seen"


def _changed(old: RuleSet, before: Replay, new: RuleSet, after: Replay) -> Difference[Firing]:
    """Return the messages that only one version sends. One rule against one other may have another name."""
    is_pair = len(old.rules) == len(new.rules) == 1
    asked = {rule.name for rule in old.rules}

    def key(firing: Firing) -> object:
        entry = entries([firing])[0]
        return identity({**entry, "rule": "" if is_pair else entry["rule"]})

    return difference(
        messages([one for one in before.firings if one.match.rule in asked]), messages(after.firings), key
    )


def check_ask(ask: Ask) -> None:
    """Refuse options that would do nothing. Errors: a usage error that names the two."""
    needs = {
        "--from": ask.since, "--to": ask.until, "--session": ask.session, "--expect": ask.expect,
        "--save-expect": ask.save, "--against": ask.against, "--explain": ask.explain, "--send": ask.send,
    }  # fmt: skip
    useless = [name for name, value in needs.items() if value is not None]
    if useless and not ask.events:
        raise click.UsageError(f"{useless[0]} needs a recording: add --events REC")
