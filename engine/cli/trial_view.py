"""A trial in each of its formats, on stdout."""

from __future__ import annotations

from collections.abc import Callable

import click

from engine.cli.document import Report, report_document, write
from engine.cli.golden import entry_words
from engine.cli.junit import as_junit
from engine.cli.markdown import as_markdown
from engine.cli.replay_view import MOST_FIRINGS, Page, firing_lines, print_rule
from engine.cli.settings import Settings
from engine.cli.tap import as_tap
from engine.cli.tests_view import print_results, results_line
from engine.cli.trial import Ask, Trial, Versions
from engine.cli.words import plural, say, styled
from engine.core.compile import Program
from engine.model.match import Firing
from engine.run.clock import zone_offset
from engine.run.replay import Replay
from engine.sink.neutralize import safe_line

__all__ = ["print_trial"]

EVERYTHING = 1_000_000


def print_trial(ask: Ask, trial: Trial, settings: Settings) -> None:
    """Print the report in the format that was asked for."""
    _FORMATS[ask.form](ask, trial, settings)


def _page(ask: Ask, trial: Trial, settings: Settings) -> Page | None:
    if trial.replayed is None:
        return None
    offsets = zone_offset(settings.config.zone)
    most = EVERYTHING if ask.all else MOST_FIRINGS
    return Page(trial.replayed, lambda at_ms: offsets("local", at_ms), most, trial.rows)


def _text(ask: Ask, trial: Trial, settings: Settings) -> None:
    page = _page(ask, trial, settings)
    if page is not None and trial.versions is None:
        for rule in trial.rules.rules:
            print_rule(
                page, trial.compiled(rule.name), trial.firings(rule.name), trial.near.get(rule.name, []),
                trial.near_seen.get(rule.name, 0),
            )  # fmt: skip
            click.echo()
        _print_bad(page.replayed)
    print_results(trial.results, False)
    if trial.results:
        click.echo(f"  inline tests  {results_line(trial.results, trial.seconds)}")
    if trial.golden is not None:
        for mark, entries in (("-", trial.golden.gone), ("+", trial.golden.new)):
            for entry in entries:
                click.echo(f"  {mark} {entry_words(entry)}")
        expected = len(trial.expected or ())
        click.echo(f"golden file: {plural(expected, 'firing')} expected, {plural(trial.golden.size, 'difference')}")
    if page is not None and trial.versions is not None:
        _print_versions(trial.versions, trial.rules.program, page)


def _print_bad(replayed: Replay) -> None:
    if replayed.bad_lines:
        bad = replayed.bad_lines[0]
        count = plural(replayed.counters["lines.bad"], "bad line")
        say(f"{count}, the first at {safe_line(bad.path)}:{bad.line_no}: {safe_line(bad.reason)}")


def _print_versions(versions: Versions, program: Program, page: Page) -> None:
    changed = versions.changed
    click.echo(f"against {versions.name}: {len(changed.new)} new, {len(changed.gone)} gone")
    _print_changed(styled("-", "red"), changed.gone, versions.old.program, page)
    _print_changed(styled("+", "green"), changed.new, program, page)


def _print_changed(mark: str, firings: list[Firing], program: Program, page: Page) -> None:
    for firing in firings[: page.most]:
        compiled = program.rules[program.numbers[firing.match.rule]]
        click.echo(f"\n{mark} {firing.match.rule}", color=True)
        for line in firing_lines(page, compiled, firing):
            click.echo(f"  {line}", color=True)
    if len(firings) > page.most:
        click.echo(f"\n{mark} ... and {plural(len(firings) - page.most, 'firing')} more (--all shows them)", color=True)


def _json(ask: Ask, trial: Trial, settings: Settings) -> None:
    versions = trial.versions
    report = Report(
        trial.rules.program, trial.rules.rules, trial.replayed or Replay(), trial.results, trial.recordings, trial.near,
        trial.golden, None if versions is None else (versions.name, versions.old.program, versions.changed),
    )  # fmt: skip
    click.echo(write(report_document(report)), nl=False)


def _junit(ask: Ask, trial: Trial, settings: Settings) -> None:
    click.echo(as_junit(trial.results, trial.golden, trial.expected or (), ask.expect or ""), nl=False)


def _tap(ask: Ask, trial: Trial, settings: Settings) -> None:
    click.echo(as_tap(trial.results, trial.golden, trial.expected or ()), nl=False)


def _markdown(ask: Ask, trial: Trial, settings: Settings) -> None:
    click.echo(click.unstyle(as_markdown(trial, _page(ask, trial, settings))), nl=False)


_FORMATS: dict[str, Callable[[Ask, Trial, Settings], None]] = {
    "text": _text, "json": _json, "junit": _junit, "tap": _tap, "markdown": _markdown,
}  # fmt: skip
