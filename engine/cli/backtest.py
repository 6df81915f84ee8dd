"""`engine backtest`: what many rules would have done over many hours, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import click

from engine.cli.document import replay_document, write
from engine.cli.exits import ExitCode
from engine.cli.loading import load_rules
from engine.cli.replay_view import too_many_bad
from engine.cli.settings import load_settings
from engine.cli.words import plural, say
from engine.core.moment import clock_text, date_text, duration_text
from engine.model.match import Firing, Reason
from engine.model.rule import Rule
from engine.run.clock import zone_offset
from engine.run.replay import Replay, replay
from engine.sink.neutralize import safe_line
from engine.source.recording import expand

__all__ = ["Tally", "command", "tally"]

HOUR_MS = 3_600_000

HELP = """Count what rules (default ./rules) would have done over whole recordings.

\b
engine backtest --events 'recordings/*.jsonl'
engine backtest rules/slack.yaml --events rec.jsonl --format json

The recordings are read one after the other as one journal. `engine run --once --from start` on one of them delivers
exactly the messages counted here.

Exit codes: 0 fine, 2 a rule is invalid, 3 no event or no such file, 4 more bad lines than --max-bad.
"""


@dataclass(slots=True)
class Tally:
    """One rule's numbers. `hours` counts the messages of each local hour (epoch hour shifted by the zone)."""

    rule: Rule
    messages: int = 0
    deferred: int = 0
    held: Counter[str] = field(default_factory=Counter)
    hours: Counter[int] = field(default_factory=Counter)
    groups: Counter[str] = field(default_factory=Counter)


@click.command("backtest", help=HELP, short_help="Count what rules would have done over whole recordings.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--events", multiple=True, required=True, metavar="REC", help="Recording or glob, again for more.")
@click.option("--config", metavar="FILE", help="The engine.yaml to use.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--max-bad", default=100, show_default=True, metavar="N", help="Bad lines the recordings may have.")
def command(paths: tuple[str, ...], events: tuple[str, ...], config: str | None, form: str, max_bad: int) -> int:
    """Backtest rules."""
    settings = load_settings(config)
    rules = load_rules(paths or settings.rules)
    offsets = zone_offset(settings.config.zone)
    recordings = expand(events)
    replayed = replay(rules.program, settings.routes(rules.program), offsets, recordings)
    if form == "json":
        click.echo(write(replay_document(rules.program, rules.rules, replayed, {}, ())), nl=False)
    else:
        _print(rules.rules, replayed, recordings, lambda at_ms: offsets("local", at_ms))
    if too_many_bad(replayed, max_bad):
        return ExitCode.DEGRADED
    if not replayed.events:
        say("no event in these recordings")
        return ExitCode.NOTHING
    return ExitCode.OK


def tally(rules: Sequence[Rule], firings: Sequence[Firing], offset_min: Callable[[int], int]) -> list[Tally]:
    """Return the numbers of each rule, in file order."""
    tallies = {rule.name: Tally(rule) for rule in rules}
    for firing in firings:
        one = tallies.get(firing.match.rule)
        if one is None:
            continue
        if firing.reason in (None, Reason.QUIET):
            at_ms = firing.match.at_ms
            minutes = offset_min(at_ms)
            one.messages += 1
            one.deferred += firing.reason is Reason.QUIET
            one.hours[(at_ms + minutes * 60_000) // HOUR_MS] += 1
            if firing.match.group is not None:
                one.groups[firing.match.group] += 1
        elif firing.reason is not None:
            one.held[firing.reason.value] += 1
    return list(tallies.values())


def _print(
    rules: Sequence[Rule], replayed: Replay, recordings: Sequence[str], offset_min: Callable[[int], int]
) -> None:
    length = duration_text((replayed.last_ms - replayed.first_ms) // 1000 * 1000)
    click.echo(f"{plural(len(recordings), 'recording')}, {length}, {plural(replayed.events, 'event')}, "
               f"{plural(replayed.counters['lines.bad'], 'bad line')}\n")  # fmt: skip
    width = max([len(rule.name) for rule in rules] + [4])
    click.echo(f"  {'rule':<{width}}  firings  busiest hour           held")
    for one in tally(rules, replayed.firings, offset_min):
        held = ", ".join(f"{count} {reason}" for reason, count in one.held.most_common())
        click.echo(f"  {one.rule.name:<{width}}  {one.messages:>7}  {_busiest(one):<21}  {held or '-'}".rstrip())
        if one.deferred:
            click.echo(f"  {'':<{width}}           {one.deferred} of them sent when quiet ended")
        for group, count in one.groups.most_common(3):
            click.echo(f"  {'':<{width}}  {count:>7}  group {safe_line(group, 60)}")
    coercions = Counter({name: count for name, count in replayed.counters.items() if name.startswith("coercion.")})
    for name, count in coercions.most_common(5):
        _, rule, kind = name.split(".", 2)
        click.echo(
            f"\n  {rule}: {plural(count, 'value')} of the wrong type in its filter ({kind}); they count as false"
        )


def _busiest(one: Tally) -> str:
    if not one.hours:
        return "-"
    hour, count = max(one.hours.items(), key=lambda item: (item[1], -item[0]))
    return f"{date_text(hour * HOUR_MS, 0)} {clock_text(hour * HOUR_MS, 0)[:5]} ({count})"
