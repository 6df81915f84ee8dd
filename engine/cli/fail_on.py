"""`--fail-on`: what makes a test-rule fail although every test passed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import click

from engine.cli.loading import read_problems
from engine.cli.trial import Ask, Trial
from engine.cli.words import plural
from engine.model.match import Reason
from engine.run.clock import now_ms

__all__ = ["FAIL_ON", "complaints", "fail_on_option"]


def fail_on_option(text: str | None) -> frozenset[str]:
    """Return the words of `no-fire,lint`. Errors: a usage error that lists what there is."""
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    unknown = [word for word in words if word not in FAIL_ON]
    if unknown:
        raise click.UsageError(f"--fail-on {unknown[0]}: no such word; there are {', '.join(FAIL_ON)}")
    return frozenset(words)


def complaints(ask: Ask, trial: Trial) -> list[str]:
    """Return one line for each thing that `--fail-on` forbids and that happened."""
    return [line for word in FAIL_ON if word in ask.fail_on for line in FAIL_ON[word](ask, trial)]


def _no_fire(ask: Ask, trial: Trial) -> Iterator[str]:
    """Name the rules that told nothing on the recordings, or, without any, in all their tests."""
    for rule in trial.rules.rules:
        if trial.replayed is not None:
            told = any(one.reason in (None, Reason.QUIET) for one in trial.firings(rule.name))
        else:
            told = any(result.outcome.told for result in trial.results if result.rule.name == rule.name)
        if not told:
            yield f"no-fire: {rule.name} told nothing"


def _lint(ask: Ask, trial: Trial) -> Iterator[str]:
    from engine.rulebook.lint import Knowledge, lint_rules

    parsed, problems = read_problems(ask.rules, None)
    found = (*problems, *lint_rules(parsed.files, Knowledge(now_ms())))
    for problem in found:
        yield f"lint: {problem.span}: {problem.message}" + (f"; {problem.hint}" if problem.hint else "")


def _coercion(ask: Ask, trial: Trial) -> Iterator[str]:
    counters: Counter[str] = trial.replayed.counters if trial.replayed is not None else Counter()
    for rule in trial.rules.rules:
        prefix = f"coercion.{rule.name}."
        for name, count in sorted(counters.items()):
            if name.startswith(prefix):
                kind = name.removeprefix(prefix)
                yield f"coercion: {rule.name}: {plural(count, 'value')} of the wrong type ({kind}) counted as false"


def _budget(ask: Ask, trial: Trial) -> Iterator[str]:
    """Name the rules that want more summaries a day than they may, or speak more or less than they `expect`."""
    for rule in trial.rules.rules:
        notes = [note for note in (trial.replayed.notifications if trial.replayed else ()) if note.rule == rule.name]
        keys = {(note.request.day, note.request.key): note.request for note in notes if note.request is not None}
        days = Counter(day for day, _ in keys)
        for day, count in sorted(days.items()):
            budget = next(request.budget for request in keys.values() if request.day == day)
            if count > budget:
                yield f"budget: {rule.name}: {count} summaries on {day}, and its budget is {budget}"
        unwell = sum(one.kind == "health" for one in trial.firings(rule.name))
        if unwell:
            yield f"budget: {rule.name} was {plural(unwell, 'time')} outside what it expects of itself"


FAIL_ON: dict[str, Callable[[Ask, Trial], Iterator[str]]] = {
    "no-fire": _no_fire, "lint": _lint, "coercion": _coercion, "budget": _budget,
}  # fmt: skip
"""The words of `--fail-on`, each with what it looks for."""
