"""The `engine` command: a table of subcommands, each loaded only when it is called."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from engine.cli.exits import ExitCode, reported

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "run": "Tail the journal, match the rules, deliver the messages.",
    "test-rule": "Try rules on a recording, and run their own tests.",
    "test": "Run the tests of every rule.",
    "backtest": "Count what rules would have done over whole recordings.",
    "check": "Find every mistake in rule files and engine.yaml.",
    "explain": "Show what a rule means, or why it did or did not match one line.",
    "new": "Write a first version of a rule to start from.",
    "outbox": "List, show, retry or drop messages.",
    "status": "Show how the engine, or one rule, is doing.",
    "ack": "List open incidents, or take one on.",
    "snooze": "Send no messages of a rule for a while.",
    "deliver": "Send what waits in the outbox (`engine run` does this itself).",
    "demo": "See it all work on a bundled recording: no key, no network.",
    "schema": "Print the JSON Schema of rule files, for your editor.",
}
EPILOG = """\b
A first rule, in three lines:
  $ printf 'when: visual_index\\ncontains: Slack\\n' > rules/slack.yaml
  $ engine test-rule rules/slack.yaml --events yesterday.jsonl
  $ engine run

Exit codes: 0 fine, 1 an expectation failed, 2 rules, config or command line invalid, 3 nothing to do,
4 degraded (undelivered, or a recording with too many bad lines), 5 internal error, 130 interrupted.
"""


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports a command's module only to run it or show its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"engine.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table from the names alone, so that `--help` imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command, offering the nearest name for a misspelt one."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, 1)
            ctx.fail(f"no command {name!r}" + (f"; did you mean {near[0]!r}?" if near else "; see `engine --help`"))
        return super().resolve_command(ctx, args)


@click.command(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="capture-rules", prog_name="engine")
def engine() -> None:
    """Rules that react to what happens on a desktop.

    `capture` writes what is seen and said to a journal; `engine` matches rules against it and tells you through
    Slack, e-mail and 180 other ways, the moment it happens.
    """


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line. Returns its exit code; every error has been told on stderr."""
    with reported() as result:
        answer = engine.main(arguments, prog_name="engine", standalone_mode=False)
        result.code = answer if isinstance(answer, int) else ExitCode.OK
    return result.code
