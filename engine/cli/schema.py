"""`engine schema`: what an editor needs to complete and check rule files."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.exits import ExitCode
from engine.cli.words import say

__all__ = ["command"]

HELP = """Print the JSON Schema (draft-07) of rule files.

\b
engine schema --out rules/schema.json

Editors with a YAML language server read it from the first line of a rule file:

\b
# yaml-language-server: $schema=schema.json
"""


@click.command("schema", help=HELP, short_help="Print the JSON Schema of rule files, for your editor.")
@click.option("--out", metavar="FILE", help="Write it to a file.")
def command(out: str | None) -> int:
    """Print the schema."""
    import json

    from engine.rulebook.schema import json_schema

    text = json.dumps(json_schema(), indent=2) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        Path(out).write_text(text, encoding="utf-8")
        say(f"{out} written")
    return ExitCode.OK
