"""`engine explain`: what a rule means, or why it did or did not match one line of a recording."""

from __future__ import annotations

from collections.abc import Callable

import click

from engine.cli.exits import ExitCode
from engine.cli.loading import load_rules
from engine.cli.pattern_view import print_firings, print_pattern, print_progress, print_steps, step_findings
from engine.cli.settings import load_settings
from engine.cli.words import styled
from engine.core.compile import CompiledRule
from engine.core.explain import Finding, explain
from engine.core.express import as_jmespath
from engine.core.moment import clock_text, duration_text, iso_text
from engine.core.near import near_miss
from engine.core.necessary import Bound, Literal, Need, Value
from engine.core.pattern_words import effect_words
from engine.core.subject import Subject
from engine.run.clock import zone_offset
from engine.run.rewind import AtLine, at_line
from engine.sink.neutralize import safe_line

__all__ = ["command"]

HELP = """Show what a rule means, or why it did or did not match one line.

\b
engine explain rules/slack.yaml        its meaning as a filter, gates, routes
engine explain rules/slack.yaml --events rec.jsonl --line 702     why, or not

Of a rule over time it shows the pattern in words, which step a line can stand for, what the windows held just after
it, and when something is due.

LINE counts from 1, as in `grep -n` and in everything `engine test-rule` prints.
"""


@click.command("explain", help=HELP, short_help="Show what a rule means, or why it matched a line.")
@click.argument("rule", metavar="RULE")
@click.option("--events", metavar="REC", help="The recording the line is in.")
@click.option("--line", type=click.IntRange(1), metavar="N", help="The line to explain.")
def command(rule: str, events: str | None, line: int | None) -> int:
    """Explain a rule."""
    if (events is None) != (line is None):
        raise click.UsageError("--events and --line go together: which line of which recording")
    rules = load_rules((rule,))
    offsets = zone_offset(load_settings().config.zone)
    at = None if events is None or line is None else at_line(rules.program, {}, offsets, events, line)
    for number, one in enumerate(rules.rules):
        compiled = rules.program.rules[rules.program.numbers[one.name]]
        if number:
            click.echo()
        if at is None:
            _print_meaning(compiled)
        else:
            _print_event(compiled, at, lambda at_ms: clock_text(at_ms, offsets("local", at_ms)))
    return ExitCode.OK


def _print_meaning(compiled: CompiledRule) -> None:
    rule = compiled.rule
    origin = f", from {safe_line(rule.pack)}" if rule.pack else ""
    click.echo(f"{styled(rule.name, 'bright_white')}   {rule.span}{origin}", color=True)
    if rule.description:
        click.echo(f"  {safe_line(rule.description)}")
    print_pattern(compiled)
    if not compiled.steps:
        click.echo(f"  filter: {as_jmespath(rule.condition)}")
    click.echo(f"  looked up by: {_need_words(compiled.need)}")
    for words in _gate_words(compiled):
        click.echo(f"  {words}")
    actions = [f"tell {', '.join(rule.notify)}"] if rule.notify else []
    actions += [f"append to {rule.record}"] if rule.record else []
    actions += [f"write rule.{rule.name} for other rules"] if rule.emit is not None else []
    click.echo(f"  then: {'; '.join(actions) or 'nothing'}")
    for words in effect_words(rule):
        click.echo(f"        {safe_line(words, 400)}")


def _need_words(need: Need) -> str:
    if need is None:
        return "nothing cheaper than every event of its kind"
    words = []
    for clue in sorted(need, key=str)[:8]:
        match clue:
            case Literal(text):
                words.append(f'"{text}"')
            case Value(path, key):
                words.append(f"{path.removeprefix('@')} = {key[1]}")
            case Bound(path, up, bound):
                words.append(f"{path.removeprefix('@')} {'>=' if up else '<='} {bound}")
    more = len(need) - len(words)
    return " or ".join(words) + (f" or {more} more" if more > 0 else "")


def _gate_words(compiled: CompiledRule) -> list[str]:
    """Return the gates in the order in which they are asked."""
    gates, rule = compiled.rule.gates, compiled.rule
    words = []
    if not gates.enabled:
        words.append("switched off (enabled: false)")
    if gates.expires_ms is not None:
        words.append(f"until {iso_text(gates.expires_ms)}")
    if gates.active is not None:
        words.append(f"only {gates.active.source or 'in active hours'}")
    if gates.unless is not None:
        words.append(f"unless {as_jmespath(gates.unless)}")
    if gates.dedup is not None:
        words.append(f"not the same {', '.join(gates.dedup.paths)} twice in {duration_text(gates.dedup.for_ms)}")
    if gates.cooldown_ms:
        per = f" for each {', '.join(rule.by)}" if rule.by else ""
        words.append(f"then silent for {duration_text(gates.cooldown_ms)}{per}")
    if gates.limit is not None:
        words.append(f"at most {gates.limit.count} in {duration_text(gates.limit.per_ms)}")
    if gates.quiet is not None:
        words.append(f"kept back {gates.quiet.source or 'in quiet hours'}, then sent together")
    return [f"gate: {one}" for one in words]


def _print_event(compiled: CompiledRule, at: AtLine, clock: Callable[[int], str]) -> None:
    event = at.event
    subject = Subject(event, at.evaluator.intake.is_active)
    finding = explain(compiled, subject)
    is_part = compiled.rule.window is not None
    verdict = styled("can use" if is_part else "matches", "green") if finding.holds else styled("does not match", "red")
    click.echo(f"{compiled.rule.name} {verdict} {event.path}:{event.line_no}", color=True)
    what = f"{event.kind}.{event.status}" if event.status else event.kind
    click.echo(f"  {safe_line(what, 80)} from {safe_line(event.stream or 'no stream', 80)},"
               f" arrived {iso_text(event.seen_ms)}, {event.clock} clock")  # fmt: skip
    if event.text is not None:
        click.echo(f'  "{safe_line(event.text, 200)}"')
    steps = step_findings(compiled, subject)
    if steps:
        print_steps(steps, _print_finding)
    else:
        _print_finding(finding, 1)
    print_firings(compiled, at.firings, clock)
    if is_part:
        print_progress(at.evaluator.state_words(compiled.rule.name, event.seen_ms))
    near = near_miss(compiled, subject)
    if near is not None:
        click.echo(f"  near miss: {safe_line(near.missing)}    {safe_line(near.hint)}")


def _print_finding(finding: Finding, depth: int) -> None:
    mark = styled("yes", "green") if finding.holds else styled("no ", "red")
    actual = f"    got {safe_line(finding.actual, 160)}" if finding.actual else ""
    click.echo(f"{'  ' * depth}{mark}  {safe_line(finding.words, 160)}{actual}", color=True)
    for part in finding.parts:
        _print_finding(part, depth + 1)
