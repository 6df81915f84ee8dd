"""`engine check`: every mistake in rule files and engine.yaml, before anything runs."""

from __future__ import annotations

import sys
from collections import Counter

import click

from engine.cli.exits import ExitCode
from engine.cli.loading import read_problems
from engine.cli.settings import Settings, load_settings
from engine.cli.words import plural, say, wants_color
from engine.model.errors import NOWHERE, ConfigError, Problem
from engine.rulebook.parse import Parsed
from engine.rulebook.report import as_json, as_sarif, as_text
from engine.run.clock import now_ms
from engine.sink.neutralize import safe_line

__all__ = ["command"]

HELP = """Find every mistake in rule files (default ./rules) and in engine.yaml.

Errors keep a rule from loading; warnings are legal but doubtful. Each comes with file, line, column and the edit
that mends it:

\b
$ engine check rules/slack.yaml
rules/slack.yaml:3:1  error   unknown key "contians"; did you mean "contains"?
    3 | contians: Slack
      | ^^^^^^^^ rename it to contains

--strict makes warnings count, and adds those for rules without a test. --notify asks apprise whether it accepts the
destinations, without sending anything.

Exit codes: 0 fine, 2 errors (or warnings with --strict), 3 no rule files.
"""


@click.command("check", help=HELP, short_help="Find every mistake in rule files and engine.yaml.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--strict", is_flag=True, help="Warnings count as errors, and rules should have tests.")
@click.option("--format", "form", type=click.Choice(["text", "json", "sarif"]), default="text", show_default=True)
@click.option("--config", metavar="FILE", help="The engine.yaml to check (default ./engine.yaml, if there is one).")
@click.option("--notify", is_flag=True, help="Also ask apprise about every destination (takes about a second).")
def command(paths: tuple[str, ...], strict: bool, form: str, config: str | None, notify: bool) -> int:
    """Check rules."""
    settings, problems = _settings(config)
    names = settings.config.names() if settings is not None and settings.config_file is not None else None
    parsed, found = read_problems(paths or (settings.rules if settings is not None else ("rules",)), names)
    problems += found + _linted(parsed, strict, names)
    if settings is not None and notify:
        problems += _refused(settings)
    _write(problems, form)
    if any(problem.severity == "error" for problem in problems) or (strict and problems):
        return ExitCode.INVALID
    if not parsed.files:
        say(f"no rule files in {', '.join(paths or ('rules',))}; `engine new NAME` writes one")
        return ExitCode.NOTHING
    if form == "text":
        for pack, number in Counter(rule.pack for rule in parsed.rulebook.rules if rule.pack).items():
            click.echo(f"{plural(number, 'rule')} from {safe_line(pack)}")
        count = len(parsed.rulebook.rules)
        click.echo(f"{plural(count, 'rule')} in {plural(len(parsed.files), 'file')}: no errors"
                   + (f", {plural(len(problems), 'warning')}" if problems else ""))  # fmt: skip
    return ExitCode.OK


def _settings(config: str | None) -> tuple[Settings | None, tuple[Problem, ...]]:
    try:
        return load_settings(config), ()
    except ConfigError as error:
        if error.problems:
            return None, error.problems
        raise


def _linted(parsed: Parsed, strict: bool, names: frozenset[str] | None) -> tuple[Problem, ...]:
    from engine.rulebook.lint import Knowledge, lint_rules

    return lint_rules(parsed.files, Knowledge(now_ms(), destinations=names, strict=strict))


def _refused(settings: Settings) -> tuple[Problem, ...]:
    """Return a problem for every destination whose URL apprise does not take."""
    from engine.sink.apprise import check_destination

    span = NOWHERE._replace(file=settings.config_file or "engine.yaml")
    return tuple(
        Problem(
            span, "refused-url", f"destination {name}: {reason}", "see the service's page in apprise's documentation"
        )
        for name, destination in settings.config.destinations.items()
        if destination.url and (reason := check_destination(destination.url)) is not None
    )


def _write(problems: tuple[Problem, ...], form: str) -> None:
    if form == "text":
        click.echo(as_text(problems, wants_color(sys.stdout)), nl=False, color=True)
    else:
        click.echo(as_json(problems) if form == "json" else as_sarif(problems), nl=False)
