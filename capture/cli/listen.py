"""`capture listen`: the listener of the vendor's guides."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from pathlib import Path

import click

from capture.cli.exits import Failure
from capture.journal import Journal, JournalError
from capture.paths import JOURNAL_NAME, journal_path

__all__ = ["command"]


@click.command(name="listen")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--clear", is_flag=True, help="Rename what the journal holds to events-<time>.jsonl first.")
@click.option("--cwd", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Read .env in this folder.")
def command(folder: Path | None, clear: bool, cwd: Path | None) -> None:
    """Write every websocket event to a journal: the listener of VideoDB's guides, with its options and files.

    Prints WS_ID=<id> first. Scripts written for the guides work unchanged when they look in the same folder:
    videodb_events.jsonl, videodb_ws_id and videodb_ws_pid lie in DIR, else in VIDEODB_EVENTS_DIR, else in your
    private state folder. The guides use /tmp, which everybody on the machine can reach: name it if you want it.

    After a lost connection there is a new id, in the same file, printed again. What a script bound to the old id
    stays silent until bound anew; `capture start` does that by itself.

    \b
    capture listen --clear &
    capture listen --clear /path/to/events &
    kill $(cat /path/to/events/videodb_ws_pid)

    \b
    Exit codes: 0 ended by SIGTERM or Ctrl-C, 3 the journal is in use or cannot be written, 4 the key is refused
    (401), 5 no credits (402), 6 forbidden (403). Without a network it tries for ever.
    """
    if cwd:
        _read_env(cwd)
    journal = folder / JOURNAL_NAME if folder else journal_path()
    from capture.account import websocket_urls
    from capture.cli.cloud import connected
    from capture.listen import listen

    with connected() as (_, connection):
        try:
            with Journal.open(journal, run=f"listen-{secrets.token_hex(4)}", clear=clear) as opened:
                _log(f"writing to {journal}")
                asyncio.run(listen(opened, websocket_urls(connection), _announce, _log))
        except (JournalError, OSError) as error:
            raise Failure(str(error)) from error


def _announce(connection_id: str) -> None:
    with contextlib.suppress(OSError):  # whoever wanted the first line may be gone
        click.echo(f"WS_ID={connection_id}")


def _log(line: str) -> None:
    with contextlib.suppress(OSError):
        click.echo(f"{time.strftime('%H:%M:%S')} {line}", err=True)


def _read_env(cwd: Path) -> None:
    """Set what `.env` in this folder says, unless the environment said so before any file did."""
    from dotenv import dotenv_values

    from_here = dotenv_values(".env")  # read into the environment when the program started
    for name, value in dotenv_values(cwd / ".env").items():
        if value is not None and os.environ.get(name) in (None, from_here.get(name)):
            os.environ[name] = value
