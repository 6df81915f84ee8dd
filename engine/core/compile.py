"""A rulebook to a `Program`: one immutable value that everything downstream reads.

Reloading swaps the reference. Invariant: compiling never reads anything but the rulebook, so equal rulebooks give
programs that behave alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

from engine.core.necessary import Need, may_be, need_of
from engine.core.predicate import Predicate, compile_condition, find_value, text_at
from engine.core.prefilter import Index
from engine.core.regex import compile_pattern
from engine.core.subject import Subject
from engine.model.condition import AllOf, AnyOf, Condition, Kinds, Text
from engine.model.rule import Rule, Rulebook
from engine.model.window import Absent, Changes, Count, FirstSeen, Sequence, StepSpec, Timer, Together, Track

__all__ = ["CompiledRule", "CompiledStep", "Program", "all_heard", "compile_rulebook", "fingerprint"]


@dataclass(frozen=True)
class CompiledStep:
    """One step of `together` or `sequence`: what it looks like, and the named groups of its patterns."""

    name: str
    holds: Predicate
    captures: tuple[Callable[[Subject], dict[str, str]], ...]


@dataclass(frozen=True)
class CompiledRule:
    """One rule with everything it needs at run time. `owner` keys its states: its name and matching part.

    `captures` give the named groups of its patterns. `steps` and `value_of` are what its window reads from an event,
    `until` ends its incidents.
    """

    rule: Rule
    owner: str
    need: Need
    holds: Predicate
    unless: Predicate | None
    classes: tuple[tuple[str, Predicate], ...]
    group_of: tuple[Callable[[Subject], Any], ...]
    dedup_of: tuple[Callable[[Subject], Any], ...]
    captures: tuple[Callable[[Subject], dict[str, str]], ...]
    steps: tuple[CompiledStep, ...] = ()
    value_of: Callable[[Subject], Any] | None = None
    until: Predicate | None = None

    @property
    def wants_partials(self) -> bool:
        """Whether superseded text reaches the rule: when it asks for it, or when any word ends the silence it minds."""
        return self.rule.partials != "ignore" or isinstance(self.rule.window, Absent)


@dataclass(frozen=True)
class Program:
    """All rules, compiled. Shape: `rules` in file order; an index answers by the rule's number in it.

    `heard` holds the names of rules that some other rule listens to by `when: rule.<name>`.
    """

    rules: tuple[CompiledRule, ...]
    heard: frozenset[str]

    @cached_property
    def silences(self) -> tuple[CompiledRule, ...]:
        """The rules that mind an absence."""
        return tuple(compiled for compiled in self.rules if isinstance(compiled.rule.window, Absent))

    @cached_property
    def timers(self) -> tuple[CompiledRule, ...]:
        """The rules that go by the clock alone."""
        return tuple(compiled for compiled in self.rules if isinstance(compiled.rule.window, Timer))

    def ended_by(self, kind: str) -> tuple[CompiledRule, ...]:
        """Return the rules whose incidents an event of this kind may end."""
        found = self._enders.get(kind)
        if found is None:
            found = self._enders[kind] = tuple(
                compiled
                for compiled in self.rules
                if compiled.rule.incident is not None
                and compiled.rule.incident.until is not None
                and may_be(compiled.rule.incident.until, kind)
            )
        return found

    @cached_property
    def _enders(self) -> dict[str, tuple[CompiledRule, ...]]:
        return {}

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each rule by name."""
        return {compiled.rule.name: number for number, compiled in enumerate(self.rules)}

    @cached_property
    def wants_partials(self) -> bool:
        """Whether any rule looks at superseded text."""
        return any(compiled.wants_partials for compiled in self.rules)

    @cached_property
    def _indexes(self) -> dict[str, Index]:
        return {}

    def index(self, kind: str) -> Index:
        """Return the index of the rules that an event of this kind could match, built when first asked for."""
        found = self._indexes.get(kind)
        if found is None:
            entries = [
                (number, compiled.need)
                for number, compiled in enumerate(self.rules)
                if may_be(compiled.rule.condition, kind)
            ]
            found = self._indexes[kind] = Index(entries, find_value)
        return found


def compile_rulebook(rulebook: Rulebook) -> Program:
    """Return the program of a valid rulebook. Rules that are switched off stay in it: a gate says so."""
    heard = frozenset(name for rule in rulebook.rules for name in heard_rules(rule))
    return Program(tuple(_compile_rule(rule) for rule in rulebook.rules), heard)


def _compile_rule(rule: Rule) -> CompiledRule:
    gates, path = rule.gates, _path_of(rule)
    until = rule.incident.until if rule.incident is not None else None
    return CompiledRule(
        rule=rule,
        owner=f"{rule.name}#{fingerprint(rule)}",
        need=need_of(rule.condition),
        holds=compile_condition(rule.condition),
        unless=compile_condition(gates.unless) if gates.unless is not None else None,
        classes=tuple((label, compile_condition(condition)) for label, condition in rule.classify),
        group_of=tuple(find_value(path) for path in rule.by),
        dedup_of=tuple(find_value(path) for path in gates.dedup.paths) if gates.dedup is not None else (),
        captures=() if steps_of(rule) else tuple(_captures(rule.condition)),
        steps=tuple(
            CompiledStep(step.name, compile_condition(step.condition), tuple(_captures(step.condition)))
            for step in steps_of(rule)
        ),
        value_of=find_value(path) if path is not None else None,
        until=compile_condition(until) if until is not None else None,
    )


def steps_of(rule: Rule) -> tuple[StepSpec, ...]:
    """Return the steps of the rule's pattern, if it has any."""
    return rule.window.steps if isinstance(rule.window, Together | Sequence) else ()


def _path_of(rule: Rule) -> str | None:
    """Return the path whose value the rule's pattern compares."""
    match rule.window:
        case Count(distinct=path):
            return path
        case Changes(path) | FirstSeen(path) | Track(path):
            return path
        case _:
            return None


def fingerprint(rule: Rule) -> str:
    """Return a hash of what decides whether the rule matches: editing message, route or a gate keeps it.

    Shape: 12 hex digits. Positions in the file do not count.
    """
    parts = (_without_spans(rule.condition), rule.partials, rule.by, rule.classify_else)
    # A rule without a pattern keeps the fingerprint it had before there were patterns, and so its cooldown.
    matching = repr(parts if rule.window is None else (*parts, _without_spans(rule.window)))
    labels = repr([(label, _without_spans(condition)) for label, condition in rule.classify])
    return blake2b((matching + labels).encode("utf-8", "replace"), digest_size=6).hexdigest()


def _without_spans(value: Any) -> Any:
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(_without_spans(part) for part in value)
    slots = getattr(type(value), "__dataclass_fields__", None)
    if slots is None:
        return value
    return (type(value).__name__, *((name, _without_spans(getattr(value, name))) for name in slots if name != "span"))


def heard_rules(rule: Rule) -> set[str]:
    """Return the names of the rules this one listens to."""
    ends = [rule.incident.until] if rule.incident is not None and rule.incident.until is not None else []
    negated = [step.condition for step in steps_of(rule) if step.negated]
    return {
        status
        for heard in (rule.condition, *ends, *negated)
        for kinds in _leaves(heard)
        if isinstance(kinds, Kinds)
        for kind, status in kinds.selectors
        if kind == "rule" and status is not None
    }


def all_heard(rule: Rule, rules: Mapping[str, Rule]) -> set[str]:
    """Return the names of the rule and of all known rules that it hears of, directly or through others."""
    found, open_ = set[str](), [rule.name]
    while open_:
        name = open_.pop()
        if name in rules and name not in found:
            found.add(name)
            open_ += heard_rules(rules[name])
    return found


def _leaves(condition: Condition) -> list[Condition]:
    if isinstance(condition, AllOf | AnyOf):
        return [leaf for part in condition.parts for leaf in _leaves(part)]
    return [condition]


def _captures(condition: Condition) -> list[Callable[[Subject], dict[str, str]]]:
    """Return the readers of the named groups that become variables. What stands under a `not` finds nothing."""
    return [
        _capture(needle, leaf.exact, path)
        for leaf in _leaves(condition)
        if isinstance(leaf, Text) and leaf.op == "regex"
        for needle in leaf.needles
        if "(?P<" in needle
        for path in leaf.paths
    ]


def _capture(needle: str, exact: bool, path: str) -> Callable[[Subject], dict[str, str]]:
    pattern, read = compile_pattern(needle, exact), text_at(path)

    def groups(subject: Subject) -> dict[str, str]:
        text = read(subject)
        found = pattern.search(text) if text is not None else None
        return found.groups if found is not None else {}

    return groups
