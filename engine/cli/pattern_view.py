"""A rule's pattern on a terminal: in words, step by step with values, and how far its windows are."""

from __future__ import annotations

from collections.abc import Callable

import click

from engine.cli.words import styled
from engine.core.compile import CompiledRule, steps_of
from engine.core.decision import decided_words, decision_of
from engine.core.explain import Finding, find
from engine.core.express import as_jmespath
from engine.core.pattern_words import ending_words, pattern_words
from engine.core.subject import Subject
from engine.model.match import Firing
from engine.sink.neutralize import safe_line

__all__ = ["print_firings", "print_pattern", "print_progress", "print_steps", "step_findings"]


def print_pattern(compiled: CompiledRule) -> None:
    """Print the pattern in words, and the filter of each of its steps. Nothing for a rule that has none."""
    rule = compiled.rule
    words = pattern_words(rule)
    if not words:
        return
    click.echo(f"  pattern: {safe_line(words)}")
    for ending in ending_words(rule):
        click.echo(f"           {ending}")
    for step in steps_of(rule):
        click.echo(f"  {'no ' if step.negated else ''}{step.name}: {as_jmespath(step.condition)}")


def step_findings(compiled: CompiledRule, subject: Subject) -> list[tuple[str, Finding]]:
    """Return the tree of reasons of every step for one event; none for a rule without steps."""
    return [
        (f"{'no ' if step.negated else ''}{step.name}", find(step.condition, subject))
        for step in steps_of(compiled.rule)
    ]


def print_steps(findings: list[tuple[str, Finding]], print_finding: Callable[[Finding, int], None]) -> None:
    """Print the trees, each under the name of its step."""
    for name, finding in findings:
        mark = styled("takes part", "green") if finding.holds else "no part"
        click.echo(f"  step {name}: {mark}", color=True)
        print_finding(finding, 2)


def print_progress(states: list[str]) -> None:
    """Print what the rule remembers just after the line, and when something is due."""
    click.echo("  just after this line:" + ("" if states else " nothing is remembered"))
    for words in states:
        click.echo(f"    {safe_line(words, 300)}")


def print_firings(compiled: CompiledRule, firings: tuple[Firing, ...], clock: Callable[[int], str]) -> None:
    """Print what the line set off, as a decision record tells it."""
    for firing in firings:
        if firing.match.rule == compiled.rule.name:
            match, words = firing.match, decided_words(decision_of(firing, compiled.rule), clock)
            group = f"  group {safe_line(match.group, 60)}" if match.group is not None else ""
            click.echo(f"  then, at {clock(match.at_ms)}: {safe_line(words, 200)}{group}")
