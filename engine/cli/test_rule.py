"""`engine test-rule`: what a rule makes of a recording, and of its own tests."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import click

from engine.cli.document import replay_document, write
from engine.cli.exits import ExitCode
from engine.cli.golden import load as load_golden
from engine.cli.golden import report as report_golden
from engine.cli.golden import save as save_golden
from engine.cli.junit import as_junit
from engine.cli.loading import RuleSet, load_rules
from engine.cli.replay_view import Page, print_rule, too_many_bad
from engine.cli.settings import Settings, load_settings
from engine.cli.spans import span_option
from engine.cli.tests_view import print_results, results_line
from engine.cli.words import plural, say
from engine.core.near import Near, near_miss
from engine.core.subject import Subject
from engine.model.event import Event
from engine.model.match import Reason
from engine.run.clock import zone_offset
from engine.run.replay import Replay, first_event, replay
from engine.run.rule_tests import TestResult, run_tests
from engine.source.recording import expand

__all__ = ["command"]

HELP = """Try rules on a recording, and run their own tests.

\b
engine test-rule rules/slack.yaml                     its own tests
engine test-rule rules/slack.yaml --events rec.jsonl  every firing, and why
engine test-rule rules/slack.yaml --events rec.jsonl --from 10:00 --to 10:20

\b
Keep what it does today, and see after an edit whether it still does:
engine test-rule rules/slack.yaml --events rec.jsonl --save-expect slack.json
engine test-rule rules/slack.yaml --events rec.jsonl --expect slack.json

The engine itself does it, with the recording's clock; nothing is sent unless --send names a destination.

Exit codes: 0 fine, 1 a test failed or the firings differ from --expect, 2 a rule or option is invalid,
3 nothing to run, 4 the recording cannot be read or holds more bad lines than --max-bad.
"""


@dataclass(frozen=True, slots=True)
class Ask:
    """The options of one call."""

    rules: tuple[str, ...]
    events: tuple[str, ...]
    since: str | None
    until: str | None
    near: int
    form: str
    save: str | None
    expect: str | None
    send: str | None
    config: str | None
    max_bad: int
    all: bool


@click.command("test-rule", help=HELP, short_help="Try rules on a recording, and run their own tests.")
@click.argument("rules", nargs=-1, required=True, metavar="RULE...")
@click.option("--events", multiple=True, metavar="REC", help="Recording or glob, again for more.")
@click.option("--from", "since", metavar="T", help="Begin here: 10:15:00, 90s from the first event, or a full date.")
@click.option("--to", "until", metavar="T", help="End here.")
@click.option("--near", default=3, show_default=True, metavar="N", help="Show this many near misses a rule.")
@click.option("--format", "form", type=click.Choice(["text", "json", "junit"]), default="text", show_default=True)
@click.option("--save-expect", metavar="F", help="Write the firings to a golden file.")
@click.option("--expect", metavar="F", help="Compare the firings with a golden file.")
@click.option("--watch", is_flag=True, help="Do it again whenever a rule file is saved.")
@click.option("--send", metavar="DEST", help="Really send the messages, only to this destination of engine.yaml.")
@click.option("--config", metavar="FILE", help="The engine.yaml that declares DEST.")
@click.option("--max-bad", default=100, show_default=True, metavar="N", help="Bad lines a recording may have.")
@click.option("--all", "all_", is_flag=True, help="Print every firing, not the first ten.")
def command(
    rules: tuple[str, ...], events: tuple[str, ...], since: str | None, until: str | None, near: int, form: str,
    save_expect: str | None, expect: str | None, watch: bool, send: str | None, config: str | None, max_bad: int,
    all_: bool,
) -> int:  # fmt: skip
    """Test rules."""
    ask = Ask(rules, events, since, until, near, form, save_expect, expect, send, config, max_bad, all_)
    if not watch:
        return _once(ask)
    from engine.cli.watch import repeat

    return repeat(rules, lambda: _once(ask))


def _once(ask: Ask) -> int:
    settings = load_settings(ask.config)
    rules = load_rules(ask.rules, settings.config.names() if ask.config else None)
    started = time.perf_counter()
    results = list(run_tests(rules.program, rules.rules))
    seconds = time.perf_counter() - started
    replayed, near = _replay(ask, rules, settings) if ask.events else (None, {})
    if ask.form == "json":
        click.echo(write(replay_document(rules.program, rules.rules, replayed or Replay(), _cut(near, ask), results)))
    elif ask.form == "junit":
        click.echo(as_junit(results), nl=False)
    else:
        _print(ask, rules, settings, replayed, near)
        print_results(results, False)
        if results:
            click.echo(f"  inline tests  {results_line(results, seconds)}")
    return _verdict(ask, settings, replayed, results)


def _verdict(ask: Ask, settings: Settings, replayed: Replay | None, results: Sequence[TestResult]) -> int:
    failed = any(not result.passed for result in results)
    if replayed is None and not results:
        say("nothing to run: no tests in these rules, and no --events")
        return ExitCode.NOTHING
    if replayed is not None:
        if too_many_bad(replayed, ask.max_bad):
            return ExitCode.DEGRADED
        if not replayed.events:
            say("no event in this recording and time span")
            return ExitCode.NOTHING
        if ask.save is not None:
            say(f"{plural(save_golden(ask.save, replayed.firings), 'firing')} saved in {ask.save}")
        if ask.expect is not None:
            failed = not report_golden(load_golden(ask.expect), replayed.firings) or failed
        if ask.send is not None:
            failed = not _send(ask.send, settings, replayed) or failed
    return ExitCode.FAILED if failed else ExitCode.OK


def _replay(ask: Ask, rules: RuleSet, settings: Settings) -> tuple[Replay, dict[str, list[Near]]]:
    recordings = expand(ask.events)
    offsets = zone_offset(settings.config.zone)
    first = first_event(recordings)
    span = None
    if first is not None and (ask.since or ask.until):
        span = span_option(ask.since, ask.until, first, offsets("local", first.seen_ms))
    asked = {rule.name for rule in rules.rules}
    compiled = [one for one in rules.program.rules if one.rule.name in asked]
    near: dict[str, list[Near]] = {rule.name: [] for rule in rules.rules}

    def watch(event: Event) -> None:
        for one in compiled:
            found = near_miss(one, Subject(event))
            if found is not None:
                near[one.rule.name].append(found)

    replayed = replay(
        rules.program, settings.routes(rules.program), offsets, recordings, span, watch if ask.near else None
    )
    replayed.firings = [firing for firing in replayed.firings if firing.match.rule in asked]
    return replayed, near


def _cut(near: dict[str, list[Near]], ask: Ask) -> dict[str, list[Near]]:
    """Keep the closest, nearest first; a distance that ties goes to the earlier event."""
    return {name: sorted(found, key=lambda one: one.distance)[: ask.near] for name, found in near.items()}


def _print(ask: Ask, rules: RuleSet, settings: Settings, replayed: Replay | None, near: dict[str, list[Near]]) -> None:
    if replayed is None:
        return
    offsets = zone_offset(settings.config.zone)
    page = Page(replayed, lambda at_ms: offsets("local", at_ms), 1_000_000 if ask.all else 10)
    cut = _cut(near, ask)
    for rule in rules.rules:
        compiled = rules.program.rules[rules.program.numbers[rule.name]]
        firings = [firing for firing in replayed.firings if firing.match.rule == rule.name]
        print_rule(page, compiled, firings, cut.get(rule.name, []), len(near.get(rule.name, [])))
        click.echo()
    if replayed.bad_lines:
        bad = replayed.bad_lines[0]
        say(
            f"{plural(replayed.counters['lines.bad'], 'bad line')}, the first at {bad.path}:{bad.line_no}: {bad.reason}"
        )


def _send(name: str, settings: Settings, replayed: Replay) -> bool:
    """Really send every message to one destination, whatever the rules say. Returns whether all went out."""
    from engine.cli.sending import send_all

    return send_all(name, settings, [one for one in replayed.firings if one.reason in (None, Reason.QUIET)])
