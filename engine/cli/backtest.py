"""`engine backtest`: what many rules would have done over many hours, in numbers and in the messages themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import click

from engine.cli.document import Report, report_document, write
from engine.cli.evaluating import evaluators
from engine.cli.exits import ExitCode
from engine.cli.golden import messages
from engine.cli.loading import load_rules
from engine.cli.output import printed_to
from engine.cli.replay_view import Page, firing_lines, too_many_bad
from engine.cli.settings import load_settings
from engine.cli.words import plural, say, styled
from engine.core.compile import Program
from engine.core.moment import clock_text, date_text, duration_text
from engine.model.match import Firing, Reason
from engine.model.notification import Notification
from engine.model.rule import Rule
from engine.run.clock import zone_offset
from engine.run.replay import Replay, replay
from engine.sink.neutralize import safe_line
from engine.source.recording import expand

__all__ = ["Tally", "command", "tally"]

HOUR_MS = 3_600_000
# English text has some four letters a token; what a model is paid for is counted in tokens.
LETTERS_PER_TOKEN = 4

HELP = """Count what rules (default ./rules) would have done over whole recordings.

\b
engine backtest --events 'recordings/*.jsonl'
engine backtest rules/slack.yaml --events rec.jsonl --show 10
engine backtest rules/slack.yaml --events rec.jsonl --format json

The recordings are read one after the other as one journal. `engine run --once --from start` on one of them delivers
exactly the messages counted here. Digests that still wait at the end are told then.

Exit codes: 0 fine, 2 a rule is invalid, 3 no event or no such file, 4 more bad lines than --max-bad.
"""


@dataclass(slots=True)
class Tally:
    """One rule's numbers. `hours` counts the messages of each local hour (epoch hour shifted by the zone).

    `messages` are of every kind, `kinds` tells them apart; `summaries` and `letters` are what a model would be given.
    """

    rule: Rule
    messages: int = 0
    deferred: int = 0
    collected: int = 0
    silent: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    hours: Counter[int] = field(default_factory=Counter)
    groups: Counter[str] = field(default_factory=Counter)
    summaries: int = 0
    letters: int = 0

    @property
    def days(self) -> int:
        """How many local days had a message."""
        return len({hour // 24 for hour in self.hours})


@click.command("backtest", help=HELP, short_help="Count what rules would have done over whole recordings.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--events", multiple=True, required=True, metavar="REC", help="Recording or glob, again for more.")
@click.option("--config", metavar="FILE", help="The engine.yaml to use.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--out", metavar="FILE", help="Write the report to a file.")
@click.option("--show", default=2, show_default=True, metavar="N", help="Show the last messages of each rule.")
@click.option("--max-bad", default=100, show_default=True, metavar="N", help="Bad lines the recordings may have.")
def command(
    paths: tuple[str, ...], events: tuple[str, ...], config: str | None, form: str, out: str | None, show: int,
    max_bad: int,
) -> int:  # fmt: skip
    """Backtest rules."""
    settings = load_settings(config)
    rules = load_rules(paths or settings.rules)
    offsets = zone_offset(settings.config.zone)
    recordings = expand(events)
    replayed = replay(evaluators(settings)(rules.program), recordings)
    with printed_to(out):
        if form == "json":
            report = Report(rules.program, rules.rules, replayed, recordings=recordings)
            click.echo(write(report_document(report)), nl=False)
        else:
            page = Page(replayed, lambda at_ms: offsets("local", at_ms))
            _print(rules.rules, replayed, recordings, lambda at_ms: offsets("local", at_ms))
            _print_messages(page, rules.program, rules.rules, replayed, show)
    if too_many_bad(replayed, max_bad):
        return ExitCode.DEGRADED
    if not replayed.events:
        say("no event in these recordings")
        return ExitCode.NOTHING
    return ExitCode.OK


def tally(
    rules: Sequence[Rule],
    firings: Sequence[Firing],
    offset_min: Callable[[int], int],
    notifications: Sequence[Notification] = (),
) -> list[Tally]:
    """Return the numbers of each rule, in file order."""
    tallies = {rule.name: Tally(rule) for rule in rules}
    for firing in firings:
        one = tallies.get(firing.match.rule)
        if one is not None:
            _add(one, firing, offset_min)
    asked: set[str] = set()
    for note in notifications:
        one = tallies.get(note.rule)
        # One answer serves every destination of a message.
        if one is not None and note.request is not None and note.request.key not in asked:
            asked.add(note.request.key)
            one.summaries += 1
            one.letters += len(note.request.prompt) + sum(len(at) + len(text) for at, text in note.request.lines)
    return list(tallies.values())


def _add(one: Tally, firing: Firing, offset_min: Callable[[int], int]) -> None:
    if firing.reason is Reason.DIGEST:
        one.collected += 1
    elif firing.reason in (None, Reason.QUIET):
        at_ms = firing.match.at_ms
        if not firing.destinations:
            one.silent += 1
            return
        one.messages += 1
        one.kinds[firing.kind] += 1
        one.deferred += firing.reason is Reason.QUIET
        one.hours[(at_ms + offset_min(at_ms) * 60_000) // HOUR_MS] += 1
        if firing.match.group is not None:
            one.groups[firing.match.group] += 1
    elif firing.reason is not None:
        one.held[firing.reason.value] += 1


def _print(
    rules: Sequence[Rule], replayed: Replay, recordings: Sequence[str], offset_min: Callable[[int], int]
) -> None:
    length = duration_text((replayed.last_ms - replayed.first_ms) // 1000 * 1000)
    click.echo(f"{plural(len(recordings), 'recording')}, {length}, {plural(replayed.events, 'event')}, "
               f"{plural(replayed.counters['lines.bad'], 'bad line')}\n")  # fmt: skip
    width = max([len(rule.name) for rule in rules] + [4])
    click.echo(f"  {'rule':<{width}}  messages  a day  busiest hour           held")
    for one in tally(rules, replayed.firings, offset_min, replayed.notifications):
        held = ", ".join(f"{count} {reason}" for reason, count in one.held.most_common())
        rate = f"{one.messages / one.days:.1f}".removesuffix(".0") if one.days else "-"
        row = f"  {one.rule.name:<{width}}  {one.messages:>8}  {rate:>5}  {_busiest(one):<21}  {held or '-'}"
        click.echo(row.rstrip())
        for words in _details(one):
            click.echo(f"  {'':<{width}}            {words}")
    coercions = Counter({name: count for name, count in replayed.counters.items() if name.startswith("coercion.")})
    for name, count in coercions.most_common(5):
        _, rule, kind = name.split(".", 2)
        click.echo(
            f"\n  {rule}: {plural(count, 'value')} of the wrong type in its filter ({kind}); they count as false"
        )


def _details(one: Tally) -> list[str]:
    """Return what stands below a rule's row, most important first."""
    words = []
    if set(one.kinds) - {"fired"}:
        words.append(", ".join(f"{count} {kind}" for kind, count in one.kinds.most_common()))
    if one.silent:
        words.append(f"{plural(one.silent, 'firing')} recorded or heard by other rules, told to nobody")
    if one.collected:
        words.append(f"{plural(one.collected, 'firing')} collected in digests")
    if one.deferred:
        words.append(f"{one.deferred} of them sent when quiet ended")
    if one.summaries:
        # Of two languages one has half as many letters a token, so this is an estimate.
        noun = "summary" if one.summaries == 1 else "summaries"
        words.append(f"{one.summaries} {noun}, about {one.letters // LETTERS_PER_TOKEN:,} tokens to read")
    words += [f"{count:>5}  group {safe_line(group, 60)}" for group, count in one.groups.most_common(3)]
    return words


def _print_messages(page: Page, program: Program, rules: Sequence[Rule], replayed: Replay, show: int) -> None:
    """Print the last messages of each rule, as a person would have had them."""
    for rule in rules if show > 0 else ():
        told = messages([firing for firing in replayed.firings if firing.match.rule == rule.name])
        if not told:
            continue
        compiled = program.rules[program.numbers[rule.name]]
        left = len(told) - show
        more = f"   the last {show} of {len(told)}" if left > 0 else ""
        click.echo(f"\n{styled(rule.name, 'bright_white')}{more}", color=True)
        for firing in told[-show:]:
            for line in firing_lines(page, compiled, firing):
                click.echo(f"  {line}", color=True)


def _busiest(one: Tally) -> str:
    if not one.hours:
        return "-"
    hour, count = max(one.hours.items(), key=lambda item: (item[1], -item[0]))
    return f"{date_text(hour * HOUR_MS, 0)} {clock_text(hour * HOUR_MS, 0)[:5]} ({count})"
