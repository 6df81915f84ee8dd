"""`capture status`: the running capture at a glance."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import click

from capture.cli.exits import Exit, Failure
from capture.cli.stop import nothing_runs
from capture.paths import journal_path

__all__ = ["command"]


@click.command(name="status")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def command(folder: Path | None, as_json: bool) -> int:
    """Show what the capture that writes to DIR is doing: session, streams, pipelines, gaps, queue.

    After its end it shows the last run, with what is still unfinished.

    \b
    Exit codes: 0 a capture runs, 3 none does.
    """
    from capture.live import render

    where = folder or journal_path().parent
    known = _known(where)
    if known is None:
        raise Failure(nothing_runs(where))
    if as_json:
        click.echo(json.dumps(known, indent=2))
    else:
        if not known["running"]:
            click.echo(nothing_runs(where) + "; the last run:")
        width = shutil.get_terminal_size((120, 24)).columns
        click.echo("\n".join([*render(known, width), f"journal {known['journal']}"]))
    return Exit.OK if known["running"] else Exit.ENVIRONMENT


def _known(where: Path) -> dict[str, Any] | None:
    from capture.control import NotRunningError, ask
    from capture.state import StateFile
    from capture.status import past

    state = StateFile(where).load()
    if state is None:
        return None
    try:
        return next(ask(state, "status"), past(state))
    except NotRunningError:
        return past(state)
