"""`engine test`: every rule's own tests."""

from __future__ import annotations

import time

import click

from engine.cli.document import tests_document
from engine.cli.exits import ExitCode
from engine.cli.junit import as_junit
from engine.cli.loading import RuleSet, load_rules
from engine.cli.settings import load_settings
from engine.cli.tests_view import print_results, results_line
from engine.cli.words import plural, say
from engine.run.rule_tests import TestResult, run_tests

__all__ = ["command"]

HELP = """Run the tests of every rule (default: those in ./rules).

\b
engine test
engine test rules/slack.yaml -v
engine test --format junit > results.xml

A rule's `tests:` say what happens and what the rule should make of it; time is virtual, nothing is sent:

\b
tests:
  - name: one message per five minutes
    given:
      - {at: 0s, screen: User reads a Slack thread}
      - {at: 60s, screen: Slack again}
    expect: {fires_at: [0s], suppressed: {cooldown: 1}}

Exit codes: 0 all passed, 1 a test failed, 2 a rule file is invalid, 3 there are no tests.
"""


@click.command("test", help=HELP, short_help="Run the tests of every rule.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--format", "form", type=click.Choice(["text", "json", "junit"]), default="text", show_default=True)
@click.option("--config", metavar="FILE", help="The engine.yaml that says where the rules are.")
@click.option("-v", "--verbose", is_flag=True, help="Show the tests that pass, too.")
def command(paths: tuple[str, ...], form: str, config: str | None, verbose: bool) -> int:
    """Run rule tests."""
    rules = load_rules(paths or load_settings(config).rules)
    started = time.perf_counter()
    tests = run_tests(rules.program, rules.rules)
    if form == "text":
        results = print_results(tests, verbose)
    else:
        results = list(tests)
        click.echo(tests_document(results) if form == "json" else as_junit(results), nl=False)
    if not results:
        say(f"no tests in {plural(len(rules.rules), 'rule')}; add some under `tests:` (engine test --help shows one)")
        return ExitCode.NOTHING
    if form == "text":
        _sum(rules, results, time.perf_counter() - started)
    return ExitCode.OK if all(result.passed for result in results) else ExitCode.FAILED


def _sum(rules: RuleSet, results: list[TestResult], seconds: float) -> None:
    tested = {result.rule.name for result in results}
    untested = [rule.name for rule in rules.rules if rule.name not in tested]
    click.echo(f"{plural(len(tested), 'rule')}: {results_line(results, seconds)}")
    if untested:
        click.echo(f"without a test: {', '.join(untested)}")
