"""`capture stop`: end the running capture in order."""

from __future__ import annotations

from pathlib import Path

import click

from capture.cli.exits import Failure
from capture.paths import journal_path

__all__ = ["command", "nothing_runs"]


@click.command(name="stop")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--no-wait", is_flag=True, help="Do not wait for the end.")
def command(folder: Path | None, no_wait: bool) -> None:
    """End the capture that writes to DIR: recording, last events, recorder, pipelines, and the wait for the video.

    Asks the running capture over its private socket; it never signals a process. Shows the steps until the end.
    A second `capture stop` leaves the wait for the video to the next start.

    \b
    Exit codes: 0 it ended, 3 nothing runs here.
    """
    from capture.control import NotRunningError, ask
    from capture.state import StateFile

    where = folder or journal_path().parent
    state = StateFile(where).load()
    if state is None:
        raise Failure(nothing_runs(where))
    phase, last = "", None
    try:
        for known in ask(state, "stop"):
            last = known
            if known.get("phase") != phase:
                phase = str(known.get("phase"))
                click.echo(phase)
            if no_wait:
                return
    except NotRunningError:
        raise Failure(nothing_runs(where)) from None
    session = (last or {}).get("session") or {}
    if session.get("video_id"):
        click.echo(f"video {session['video_id']} {session.get('player_url') or ''}".rstrip())


def nothing_runs(where: Path) -> str:
    """Return the message for a folder that no capture answers for, with who holds its journal if somebody does."""
    from capture.paths import JOURNAL_NAME, Lock, LockedError

    lock = where / f".{JOURNAL_NAME}.lock"
    if lock.is_file():
        try:
            Lock.take(lock, "status").release()
        except LockedError as locked:
            who = f"process {locked.holder.pid}" if locked.holder else "another process"
            return f"no capture answers in {where}, but {who} writes to its journal; end that by itself"
        except OSError as error:
            return f"{where} cannot be looked at: {error}"
    return f"no capture runs in {where}"
