"""`capture replay`: feed a recording into a journal as if it happened now."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import click

from capture.cli.exits import Failure
from capture.journal import Journal, JournalError, Sync
from capture.paths import journal_path
from capture.replay import RecordingError, Replayed, parse_speed, refuse_itself, replay

__all__ = ["command", "speed_option"]


def speed_option(_: click.Context, __: click.Parameter, value: str) -> float | None:
    """Turn the text of `--speed` into a factor; None means max. Errors: BadParameter."""
    try:
        return parse_speed(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a positive number nor max") from None


@click.command(name="replay")
@click.argument("recording", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--speed", callback=speed_option, default="1", metavar="N|max", show_default=True,
    help="How many times faster; max: without waits.",
)  # fmt: skip
@click.option("--to", "to", type=click.Path(path_type=Path, dir_okay=False), help="The journal to write to.")
@click.option("--clear", is_flag=True, help="Rename what the journal holds to events-<time>.jsonl first.")
def command(recording: Path, speed: float | None, to: Path | None, clear: bool) -> None:
    """Feed RECORDING into a journal as if it happened now.

    The order of events is kept, their times are moved to now. Without --to the lines go to the default journal,
    so a running engine sees them at once. A bad line is passed on unchanged, as a broken recorder would.

    \b
    capture replay meeting.jsonl --speed 60
    capture replay meeting.jsonl --speed max --to /tmp/try/events.jsonl
    """
    if not recording.is_file():
        raise Failure(f"there is no recording {recording}")
    target = to or journal_path()
    try:
        refuse_itself(recording, target)
        with Journal.open(target, run=f"replay-{secrets.token_hex(4)}", sync=Sync.NEVER, clear=clear) as journal:
            done = _replay_with_progress(recording, journal, speed)
    except (RecordingError, JournalError) as error:
        raise Failure(str(error)) from error
    click.echo(f"{done.lines} lines to {target}" + (f", {done.bad} of them bad" if done.bad else ""), err=True)
    if journal.rejected:
        click.echo(f"{journal.rejected} too long for a line went to {journal.dead_letter}", err=True)


def _replay_with_progress(recording: Path, journal: Journal, speed: float | None) -> Replayed:
    if not sys.stderr.isatty():
        return replay(recording, journal, speed=speed)
    with click.progressbar(length=recording.stat().st_size, label=recording.name, file=sys.stderr) as bar:
        return replay(recording, journal, speed=speed, on_line=lambda done: bar.update(done.end - bar.pos))
