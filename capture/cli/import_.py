"""`capture import`: a finished session into a recording."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import click

from capture.cli.exits import Failure
from capture.journal import JournalError

__all__ = ["command"]


@click.command(name="import")
@click.argument("session")
@click.option(
    "--to", type=click.Path(path_type=Path, dir_okay=False), help="The file to make; SESSION.jsonl if left out."
)
@click.option("--collection", default="default", show_default=True, help="The collection the session is in.")
def command(session: str, to: Path | None, collection: str) -> None:
    """Fetch what VideoDB kept of SESSION into a recording that the engine reads.

    Final transcripts and index records, in order, at the times they happened, and the session's life around them.
    VideoDB keeps neither partial transcripts nor alerts, so they are not in it.

    \b
    capture import cap-1234
    engine run --events cap-1234.jsonl --from start --once --dry-run

    \b
    Exit codes: 0 done, 3 there is no such session or the file exists, 4, 5, 6 as in `capture listen`.
    """
    from capture.cli.cloud import connected
    from capture.importing import import_session

    target = to or Path(f"{_file_name(session)}.jsonl")
    with connected() as (_, connection):
        try:
            done = asyncio.run(import_session(connection, session, target, collection))
        except (JournalError, OSError) as error:
            raise Failure(str(error)) from error
    click.echo(f"{done.events} events of {done.streams} streams to {target}", err=True)
    if done.covered:
        click.echo(f"{done.covered} left out: an earlier index tells of the same moments", err=True)
    if done.odd:
        click.echo(f"{done.odd} left out: they have no time or no text", err=True)
    if done.status not in ("stopped", "exported", "failed"):
        click.echo(f"The session is {done.status}: this is what there is so far.", err=True)


def _file_name(session: str) -> str:
    """Return the id as a file name; what no id has becomes an underscore."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", session)[:80] or "session"
