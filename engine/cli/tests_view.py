"""Rule tests on a terminal: one line a test, and the smallest difference under one that failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from engine.cli.words import plural, styled
from engine.run.expectations import Mismatch
from engine.run.rule_tests import TestResult
from engine.sink.neutralize import safe_line

__all__ = ["failure_lines", "place_text", "print_results", "results_line"]


def print_results(results: Iterable[TestResult], verbose: bool) -> list[TestResult]:
    """Print every failure, and with `verbose` every pass too. Returns the results."""
    seen: list[TestResult] = []
    for result in results:
        seen.append(result)
        name = safe_line(f"{result.rule.name}: {result.test.name}", 200)
        if not result.passed:
            click.echo(f"  {styled('FAIL', 'red')}  {name}    {place_text(result)}", color=True)
            for line in failure_lines(result):
                click.echo(f"        {line}")
        elif verbose:
            more = f"    {plural(result.variants, 'variant')}" if result.variants else ""
            click.echo(f"  {styled('pass', 'green')}  {name}{more}", color=True)
    return seen


def place_text(result: TestResult) -> str:
    """Return where the first demand that did not come true is written."""
    return str(result.place(result.mismatches[0]))


def failure_lines(result: TestResult) -> list[str]:
    """Return what was expected and what came, each demand with its own place where that is another."""
    first = place_text(result)
    lines: list[str] = []
    for mismatch in result.mismatches:
        place = str(result.place(mismatch))
        lines.append(f"expected  {_expected(mismatch)}" + (f"    {place}" if place != first else ""))
        lines.append(f"got       {safe_line(mismatch.got)}")
    return lines


def _expected(mismatch: Mismatch) -> str:
    where = f" ({safe_line(mismatch.where)})" if mismatch.where else ""
    return f"{safe_line(mismatch.expected)}{where}"


def results_line(results: Sequence[TestResult], seconds: float) -> str:
    """Return the sum: `3 passed, 0 failed (144 variants: duplicates, shuffle, restart)    0.08 s`."""
    failed = sum(not result.passed for result in results)
    variants = sum(result.variants for result in results)
    kinds = ", ".join(dict.fromkeys(kind for result in results for kind in result.disturbed))
    more = f" ({plural(variants, 'variant')}: {kinds})" if variants else ""
    return f"{len(results) - failed} passed, {failed} failed{more}    {seconds:.2f} s"
