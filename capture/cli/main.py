"""The `capture` group: its table of commands, each loaded when used, and how the program ends.

Start-up stays under 150 ms because nothing here imports what a command needs; a new command is one line in the table.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import NamedTuple, cast

import click

from capture.cli.exits import Exit

__all__ = ["COMMANDS", "cli", "main"]


class Entry(NamedTuple):
    """Where a command lives: `module` has it under the name `command`; `help` is its line in `capture --help`."""

    module: str
    help: str


COMMANDS: dict[str, Entry] = {
    "start": Entry("capture.cli.start", "Capture this desktop, or a stream, until told to stop."),
    "stop": Entry("capture.cli.stop", "End the running capture in order."),
    "status": Entry("capture.cli.status", "Show what the running capture is doing."),
    "listen": Entry("capture.cli.listen", "Write every websocket event to a journal, as VideoDB's guides do."),
    "receive": Entry("capture.cli.receive", "Take webhooks from behind your own tunnel into a journal."),
    "import": Entry("capture.cli.import_", "Fetch a finished session into a recording."),
    "channels": Entry("capture.cli.channels", "List microphones, displays and system audio."),
    "doctor": Entry("capture.cli.doctor", "Check key, recorder, permissions, folder, clock and disk."),
    "replay": Entry("capture.cli.replay", "Feed a recording into a journal as if it happened now."),
    "simulate": Entry("capture.cli.simulate", "Run a local VideoDB to try things out, faults included."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in table order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of this command and return the command."""
        if cmd_name not in COMMANDS:
            return None
        return cast(click.Command, importlib.import_module(COMMANDS[cmd_name].module).command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table without importing what it names."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"capture {version('capture-rules')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show it.")
def cli() -> None:
    """Record a desktop through VideoDB into a journal, one event a line.

    The journal is what `engine run` reads. It lies in VIDEODB_EVENTS_DIR if that is set, else in your per-user
    state folder, and only you can read it. Variables are also read from a file .env in the current folder;
    what is set in the environment wins.

    \b
    Try it without a desktop, an account or a key:
      capture replay meeting.jsonl --speed 60         yesterday's meeting, 60 times faster
      capture simulate --play meeting.jsonl           a local VideoDB that plays it live

    \b
    Exit codes: 0 done, 1 unexpected, 2 wrong command line, 3 something outside is missing or refuses,
    130 interrupted.
    """
    if Path(".env").is_file():
        from dotenv import load_dotenv

        load_dotenv(Path(".env"))


def main() -> None:
    """Run the command line and exit: 130 after Ctrl-C, else as the command says."""
    try:
        code = cli.main(prog_name="capture", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(Exit.INTERRUPTED)
    sys.exit(code if isinstance(code, int) else Exit.OK)
