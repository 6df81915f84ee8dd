"""`engine new`: a first version of a rule, with a test that already passes."""

from __future__ import annotations

import os
from pathlib import Path

import click

from engine.cli.exits import ExitCode
from engine.model.errors import ConfigError
from engine.rulebook.scalars import ScalarError, rule_name

__all__ = ["command", "template"]

SUBJECTS = {
    "screen": ("visual_index", "screen"),
    "speech": ("transcript", "transcript"),
    "alert": ("alert", "alert"),
}

HELP = """Write a first version of a rule to ./rules/NAME.yaml, with a test that passes.

\b
engine new slack --word slack                      what is on the screen
engine new deadline --when speech --word deadline  what is said
engine test-rule rules/slack.yaml
"""


@click.command("new", help=HELP, short_help="Write a first version of a rule to start from.")
@click.argument("name")
@click.option("--when", "subject", type=click.Choice(list(SUBJECTS)), default="screen", show_default=True)
@click.option("--word", metavar="TEXT", help="The word or phrase to look for (default: the name).")
@click.option("--folder", default="rules", show_default=True, metavar="DIR", help="Where to put it.")
def command(name: str, subject: str, word: str | None, folder: str) -> int:
    """Create a rule."""
    try:
        name = rule_name(name)
    except ScalarError as error:
        raise click.UsageError(f"NAME: {error.message}; {error.hint}") from error
    path = Path(folder) / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        raise ConfigError(f"{path} exists already; choose another name, or edit it") from None
    with os.fdopen(file, "w", encoding="utf-8") as opened:
        opened.write(template(name, subject, word or name.replace("-", " ")))
    click.echo(f"{path} written; try it:\n  engine test-rule {path}\n  engine test-rule {path} --events RECORDING")
    return ExitCode.OK


def template(name: str, subject: str, word: str) -> str:
    """Return the text of a rule file that loads and whose tests pass."""
    when, given = SUBJECTS[subject]
    shown = _quoted(word)
    test = "where" if subject == "alert" else "word"
    condition = f"where: {{label: {shown}}}" if test == "where" else f"word: {shown}"
    said = shown if subject == "alert" else _quoted(f"We see {word} here")
    return f"""\
# {name}: says so when {_SAYS[subject]}. Every key is explained by `engine schema`, and in docs/rules.md.
name: {name}
when: {when}
{condition}
# The places to tell are declared in engine.yaml; without `notify` it is the console.
# notify: me
# At most one message in five minutes; how many more there were is said in the next one.
cooldown: 5m
tests:
  - name: it fires once
    given:
      - {{at: 0s, {given}: {said}}}
      - {{at: 30s, {given}: {said}, data: {{take: 2}}}}
    expect: {{fires_at: [0s], suppressed: {{cooldown: 1}}}}
  - name: other things leave it alone
    given: [{{at: 0s, {given}: Something else entirely}}]
    expect: never
"""


_SAYS = {
    "screen": "this word is seen on the screen",
    "speech": "somebody says this word",
    "alert": "the service raises this alert",
}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
