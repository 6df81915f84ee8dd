"""A report for a pull request's comment: what failed, what fires now and did not, what is gone, with evidence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.cli.golden import entry_words
from engine.cli.replay_view import Page, firing_lines, held_line
from engine.cli.tests_view import failure_lines, place_text, results_line
from engine.cli.trial import Trial, Versions
from engine.cli.words import plural
from engine.core.compile import CompiledRule
from engine.model.match import Firing, Reason
from engine.run.rule_tests import TestResult
from engine.sink.neutralize import safe_line

__all__ = ["as_markdown", "tests_markdown"]

# GitHub refuses a comment of more than 65,536 characters.
MOST_FIRINGS = 40
# What could end a fence from inside, or call somebody: captured text is not trusted.
_FENCE = re.compile("`{3,}")


def tests_markdown(results: Sequence[TestResult], seconds: float) -> str:
    """Return the tests that failed, and the sum."""
    return "\n".join(_tests(results, seconds)) + "\n"


def as_markdown(trial: Trial, page: Page | None) -> str:
    """Return the whole report. Shape: ends in a newline; every captured text stands in a fence."""
    lines: list[str] = []
    if trial.versions is not None and page is not None:
        lines += _versions(trial, trial.versions, page)
    elif page is not None:
        for rule in trial.rules.rules:
            lines += _rule(trial, page, trial.compiled(rule.name))
    if trial.golden is not None:
        lines += [f"### Golden file: {plural(trial.golden.size, 'difference')}", ""]
        lines += _fenced([f"- {entry_words(one)}" for one in trial.golden.gone]
                         + [f"+ {entry_words(one)}" for one in trial.golden.new])  # fmt: skip
    return "\n".join([*lines, *_tests(trial.results, trial.seconds)]) + "\n"


def _versions(trial: Trial, versions: Versions, page: Page) -> list[str]:
    changed = versions.changed
    lines = [f"### Against {_plain(versions.name)}: {len(changed.new)} new, {len(changed.gone)} gone", ""]
    for word, firings, program in (
        ("New", changed.new, trial.rules.program), ("Gone", changed.gone, versions.old.program),
    ):  # fmt: skip
        for firing in firings[:MOST_FIRINGS]:
            compiled = program.rules[program.numbers[firing.match.rule]]
            lines += [f"**{word}: {_plain(firing.match.rule)}**", ""]
            lines += _fenced(firing_lines(page, compiled, firing))
        if len(firings) > MOST_FIRINGS:
            lines += [f"... and {plural(len(firings) - MOST_FIRINGS, 'firing')} more", ""]
    return lines


def _rule(trial: Trial, page: Page, compiled: CompiledRule) -> list[str]:
    firings = trial.firings(compiled.rule.name)
    told: list[Firing] = [one for one in firings if one.reason in (None, Reason.QUIET)]
    lines = [f"### {_plain(compiled.rule.name)}: {plural(len(told), 'message')}{held_line(firings)}", ""]
    for firing in told[: min(page.most, MOST_FIRINGS)]:
        lines += _fenced(firing_lines(page, compiled, firing))
    left = len(told) - min(page.most, MOST_FIRINGS)
    return lines + ([f"... and {plural(left, 'message')} more", ""] if left > 0 else [])


def _tests(results: Sequence[TestResult], seconds: float) -> list[str]:
    if not results:
        return []
    lines = [f"### Tests: {results_line(results, seconds)}", ""]
    for result in results:
        if not result.passed:
            lines += [f"**FAIL** {_plain(result.rule.name)}: {_plain(result.test.name)}", ""]
            lines += _fenced([place_text(result), *failure_lines(result)])
    return lines


def _fenced(lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    return ["```text", *(_FENCE.sub("''", line) for line in lines), "```", ""]


def _plain(text: str) -> str:
    """Return text as code, in which nothing is markup and nobody is called."""
    inside = safe_line(text, 200).replace("`", "'")
    return f"`{inside}`"
