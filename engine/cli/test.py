"""`engine test`: every rule's own tests."""

from __future__ import annotations

import time

import click

from engine.cli.document import tests_document
from engine.cli.exits import ExitCode
from engine.cli.junit import as_junit
from engine.cli.loading import RuleSet, load_suite
from engine.cli.markdown import tests_markdown
from engine.cli.output import printed_to
from engine.cli.settings import load_settings
from engine.cli.tap import as_tap
from engine.cli.test_rule import FORMATS
from engine.cli.tests_view import print_results, results_line
from engine.cli.words import plural, say
from engine.run.rule_tests import TestResult, run_cases

__all__ = ["command"]

HELP = """Run the tests of every rule (default: those in ./rules).

\b
engine test
engine test rules/slack.yaml -v
engine test --format junit --out results.xml

A rule's `tests:` say what happens and what the rule should make of it; time is virtual, nothing is sent:

\b
tests:
  - name: one message per five minutes
    given:
      - {at: 0s, screen: User reads a Slack thread}
      - {at: 60s, screen: Slack again}
    expect: {fires_at: [0s], suppressed: {cooldown: 1}}

A file that names rules (`rules: [slack.yaml, quiet.yaml]`) and holds nothing but `tests:` is run, too.

Exit codes: 0 all passed, 1 a test failed, 2 a rule or test is invalid, 3 there are no tests.
"""


@click.command("test", help=HELP, short_help="Run the tests of every rule.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--out", metavar="FILE", help="Write the report to a file.")
@click.option("--config", metavar="FILE", help="The engine.yaml that says where the rules are.")
@click.option("-v", "--verbose", is_flag=True, help="Show the tests that pass, too.")
def command(paths: tuple[str, ...], form: str, out: str | None, config: str | None, verbose: bool) -> int:
    """Run rule tests."""
    suite = load_suite(paths or load_settings(config).rules)
    started = time.perf_counter()
    tests = run_cases(suite.cases)
    with printed_to(out):
        if form == "text":
            results = print_results(tests, verbose)
            if results:
                _sum(suite.rules, results, time.perf_counter() - started)
        else:
            results = list(tests)
            click.echo(_report(form, results, time.perf_counter() - started), nl=False)
    if not results:
        count = plural(len(suite.rules.rules), "rule")
        say(f"no tests in {count}; add some under `tests:` (engine test --help shows one)")
        return ExitCode.NOTHING
    return ExitCode.OK if all(result.passed for result in results) else ExitCode.FAILED


def _report(form: str, results: list[TestResult], seconds: float) -> str:
    match form:
        case "json":
            return tests_document(results)
        case "junit":
            return as_junit(results)
        case "tap":
            return as_tap(results)
        case _:
            return tests_markdown(results, seconds)


def _sum(rules: RuleSet, results: list[TestResult], seconds: float) -> None:
    tested = {result.rule.name for result in results}
    untested = [rule.name for rule in rules.rules if rule.name not in tested]
    click.echo(f"{plural(len(tested), 'rule')}: {results_line(results, seconds)}")
    if untested:
        click.echo(f"without a test: {', '.join(untested)}")
