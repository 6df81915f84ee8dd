"""`capture doctor`: what must be right before a recording."""

from __future__ import annotations

import asyncio
import json

import click

from capture.cli.exits import Exit
from capture.paths import journal_path

__all__ = ["command"]


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: {ok, checks: [{name, ok, detail, fix}]}.")
def command(as_json: bool) -> int:
    """Check SDK, key, clock, recorder, permissions, journal folder and disk; say how to mend what is wrong.

    Nothing is changed, and you are asked for no permission.

    \b
    Exit codes: 0 all is well, 3 there is a problem.
    """
    from capture.doctor import examine

    checks = asyncio.run(examine(journal_path().parent))
    ok = all(check.ok for check in checks)
    if as_json:
        click.echo(json.dumps({"ok": ok, "checks": [check._asdict() for check in checks]}, indent=2))
    else:
        for check in checks:
            click.echo(f"{'ok     ' if check.ok else 'problem'} {check.name}: {check.detail}")
            if check.fix:
                click.echo(f"        -> {check.fix}")
    return Exit.OK if ok else Exit.ENVIRONMENT
