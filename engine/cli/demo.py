"""`engine demo`: the whole product on a bundled recording, in some five seconds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from engine.cli.document import write
from engine.cli.exits import ExitCode
from engine.cli.loading import load_rules
from engine.cli.words import plural, styled
from engine.core.evaluator import Evaluator
from engine.core.near import Near, near_miss
from engine.core.subject import Subject
from engine.model.event import Event
from engine.run.clock import zone_offset
from engine.run.demo import Received, stage
from engine.run.replay import replay
from engine.shipped import demo_recording, rules_folder
from engine.sink.neutralize import neutralize, safe_line

__all__ = ["command"]

PLAY_S = 2.5

HELP = """See it all work: no key, no network, about five seconds.

A recorded meeting is played into a journal by the real `capture replay`, the real `engine run` follows it with the
shipped rules, and a small web server on this machine receives what would have gone to Slack.
"""


@click.command("demo", help=HELP, short_help="See it all work on a bundled recording.")
@click.option("--keep", metavar="DIR", help="Use this folder and leave everything in it, to look at.")
def command(keep: str | None) -> int:
    """Run the demo."""
    recording, rules = demo_recording(), rules_folder()
    near, length_s, events = _study(recording, rules)
    with tempfile.TemporaryDirectory(prefix="engine-demo-", ignore_cleanup_errors=True) as temporary:
        folder = Path(keep or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        minutes = f"{length_s / 60:.0f} minutes"
        click.echo(f"A meeting of {minutes}, {plural(events, 'event')}, is played into a journal ...")
        with stage(folder) as on_stage:
            on_stage.start_engine(rules)
            on_stage.replay(recording, max(1.0, length_s / PLAY_S))
            on_stage.settle()
            received = list(on_stage.received)
        _print(received, near, folder)
    _print_next(keep)
    return ExitCode.OK if received else ExitCode.FAILED


def _study(recording: Path, rules: Path) -> tuple[Near | None, float, int]:
    """Return the closest near miss, the length and the number of events."""
    loaded = load_rules((str(rules),))
    found: list[Near] = []

    def watch(event: Event) -> None:
        found.extend(miss for one in loaded.program.rules if (miss := near_miss(one, Subject(event))) is not None)

    replayed = replay(Evaluator(loaded.program, {}, zone_offset()), [str(recording)], None, watch)
    closest = min(found, key=lambda miss: miss.distance, default=None)
    return closest, (replayed.last_ms - replayed.first_ms) / 1000, replayed.events


def _print(received: list[Received], near: Near | None, folder: Path) -> None:
    click.echo(f"\n{plural(len(received), 'message')} delivered to the sink on this machine:\n")
    for one in received:
        click.echo(f"  {styled(safe_line(one.title, 100), 'green')}", color=True)
        for line in one.body.split("\n"):
            click.echo(f"    {safe_line(line, 110)}")
    for path in sorted((folder / "output").glob("*.jsonl")):
        count = sum(1 for _ in path.open("rb"))
        click.echo(f"\n  {path.name}: {plural(count, 'line')} recorded")
    if near is not None:
        click.echo("\nAnd one near miss: the rule " + styled(near.rule, "yellow") + " almost fired on", color=True)
        click.echo(f'    "{safe_line(near.event.text or near.event.kind, 100)}"')
        click.echo(f"    {safe_line(near.missing, 110)}")
    if received:
        payload = {"text": f"*{neutralize(received[0].title, 'slack')}*\n{neutralize(received[0].body, 'slack')}"}
        click.echo("\nWith a Slack address in engine.yaml the first one would have been posted there as")
        click.echo("    " + write(payload).replace("\n", "\n    ").rstrip())


def _print_next(keep: str | None) -> None:
    if keep is not None:
        click.echo(f"\nEverything is in {keep}: journal, state, log, engine.yaml.")
    click.echo(
        "\nNext: engine new slack && engine test-rule rules/slack.yaml; then engine run. engine --help says more."
    )
