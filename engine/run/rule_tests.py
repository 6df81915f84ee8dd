"""A rule's own tests: events from a few words, the real evaluator, and what was demanded of it.

Time is a number here: the test starts on a Monday at 09:00 in UTC, whatever the machine's zone, so that it gives
the same everywhere. Invariant: only what `expect` names is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from engine.core.compile import Program, all_heard, compile_rulebook
from engine.core.necessary import may_be
from engine.model.config import LIMITS
from engine.model.errors import Problem, RulebookError, Span
from engine.model.rule import Rule, Rulebook, RuleTest
from engine.run.case import Case, cases_of
from engine.run.case_given import arrivals_of, start_of
from engine.run.case_near import closest_to
from engine.run.case_player import play
from engine.run.case_variants import Variant, variants
from engine.run.expectations import Mismatch, mismatches
from engine.run.outcome import Outcome
from engine.run.outcome_words import listed, one_firing

__all__ = ["TestResult", "run_cases", "run_test", "run_tests"]


@dataclass(frozen=True, slots=True)
class TestResult:
    """What one test came to. Shape: no `mismatches` means it passed; `variants` counts the re-runs of `same_under`."""

    rule: Rule
    test: RuleTest
    mismatches: tuple[Mismatch, ...]
    outcome: Outcome
    variants: int = 0
    disturbed: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything demanded came true."""
        return not self.mismatches

    @property
    def file(self) -> str:
        """The file that holds the test."""
        return self.test.span.file or self.rule.span.file

    def place(self, mismatch: Mismatch) -> Span:
        """Return where the demand is written: its own key, else the whole of `expect`, else the test."""
        spans = dict(self.test.expect_spans)
        named = spans.get(mismatch.key, self.test.expect_span)
        return named if named.line else self.test.span


def run_tests(program: Program, rules: Sequence[Rule]) -> Iterator[TestResult]:
    """Run every test of these rules. Errors: as `run_cases`."""
    return run_cases(cases_of(program, rules))


def run_cases(cases: Sequence[Case]) -> Iterator[TestResult]:
    """Run the tests, one after the other.

    Errors: `RulebookError` with every recording that cannot be used, before the first test is run.
    """
    problems: list[Problem] = []
    for case in cases:
        if any("recording" in entry for entry in case.test.given):
            try:
                arrivals_of(case.test)
            except RulebookError as error:
                problems += error.problems
    if problems:
        raise RulebookError(tuple(problems))
    return (run_test(*case) for case in cases)


def run_test(program: Program, rule: Rule, test: RuleTest) -> TestResult:
    """Run one test and its variants."""
    program = _with_all_heard(program, rule)
    start_ms, arrivals = start_of(test), arrivals_of(test)
    last_ms = arrivals[-1].at_ms
    until_ms = max(start_ms + test.until_ms, last_ms) if test.until_ms is not None else last_ms
    outcome = play(program, rule, arrivals, start_ms, until_ms)
    outcome = replace(outcome, closest=cache(lambda: closest_to(program, outcome, arrivals)))
    found = list(mismatches(test.expect, outcome))
    lateness_ms = LIMITS.lateness_ms if rule.lateness_ms is None else rule.lateness_ms
    disturbed: list[str] = []
    for variant in variants(test.same_under, arrivals, start_ms, until_ms, lateness_ms):
        disturbed.append(variant.words.split(maxsplit=1)[0].rstrip(":"))
        other = play(program, rule, variant.arrivals, start_ms, until_ms)
        if not found:
            found += _difference(variant, outcome, other)
    return TestResult(rule, test, tuple(found), outcome, len(disturbed), tuple(dict.fromkeys(disturbed)))


def _with_all_heard(program: Program, rule: Rule) -> Program:
    """Return the rule with the rules it hears of, directly or through others; the rest would only cost time.

    A rule that hears of the engine itself may hear of every rule, and keeps them all.
    """
    rules = {compiled.rule.name: compiled.rule for compiled in program.rules}
    found = all_heard(rule, rules)
    if len(found) == len(rules) or any(may_be(rules[name].condition, "engine") for name in found):
        return program
    return compile_rulebook(Rulebook(tuple(one for one in rules.values() if one.name in found)))


def _difference(variant: Variant, outcome: Outcome, other: Outcome) -> list[Mismatch]:
    """Return the first thing in which a disturbed run differs, if it does."""
    same = other.exact == outcome.exact if variant.exact else other.evidence == outcome.evidence
    if same:
        return []
    where = f"under {variant.words}"
    if len(outcome.fired) != len(other.fired) or other.evidence != outcome.evidence:
        return [Mismatch(f"the same firings: {listed(outcome, outcome.fired)}", listed(other, other.fired), where)]
    for before, after in zip(outcome.firings, other.firings, strict=False):
        if (before.match.at_ms, before.reason, before.body) != (after.match.at_ms, after.reason, after.body):
            return [Mismatch(f"the same: {one_firing(outcome, before)}", one_firing(other, after), where)]
    return [Mismatch(f"{len(outcome.firings)} firings, those held included", str(len(other.firings)), where)]
