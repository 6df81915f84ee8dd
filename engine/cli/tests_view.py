"""Rule tests on a terminal: one line a test, and the smallest difference under one that failed."""

from __future__ import annotations

from collections.abc import Iterable

import click

from engine.cli.words import plural, styled
from engine.run.rule_tests import TestResult
from engine.sink.neutralize import safe_line

__all__ = ["print_results", "results_line"]


def print_results(results: Iterable[TestResult], verbose: bool) -> list[TestResult]:
    """Print every failure, and with `verbose` every pass too. Returns the results."""
    seen: list[TestResult] = []
    for result in results:
        seen.append(result)
        if not result.passed:
            _print_failure(result)
        elif verbose:
            click.echo(f"  {styled('pass', 'green')}  {result.rule.name}: {result.test.name}", color=True)
    return seen


def _print_failure(result: TestResult) -> None:
    place = result.test.expect_span if result.test.expect_span.line else result.test.span
    click.echo(f"  {styled('FAIL', 'red')}  {result.rule.name}: {result.test.name}    {place}", color=True)
    for mismatch in result.mismatches:
        where = f" ({mismatch.where})" if mismatch.where else ""
        click.echo(f"        expected  {safe_line(mismatch.expected)}{where}")
        click.echo(f"        got       {safe_line(mismatch.got)}")


def results_line(results: list[TestResult], seconds: float) -> str:
    """Return the sum: `inline tests  3 passed, 0 failed (144 variants)  0.08 s`."""
    failed = sum(not result.passed for result in results)
    variants = sum(result.variants for result in results)
    more = f" ({plural(variants, 'variant')})" if variants else ""
    return f"{len(results) - failed} passed, {failed} failed{more}    {seconds:.2f} s"
