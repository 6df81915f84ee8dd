"""Exit codes, and the one place where an exception becomes words on stderr and a code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum

import click

from engine.model.errors import ConfigError, EngineError, RecordingError, RulebookError, StoreError

__all__ = ["ExitCode", "Result", "reported"]


class ExitCode(IntEnum):
    """What a command's end means (docs/commands.md)."""

    OK = 0
    FAILED = 1
    INVALID = 2
    NOTHING = 3
    DEGRADED = 4
    INTERNAL = 5
    INTERRUPTED = 130


@dataclass
class Result:
    """The code a command line ends with."""

    code: int = ExitCode.OK


@contextmanager
def reported() -> Iterator[Result]:
    """Run the block; whatever it raises is told on stderr and becomes the result's code."""
    result = Result()
    try:
        yield result
    except click.exceptions.Exit as leave:
        result.code = leave.exit_code
    except click.Abort:
        result.code = ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        result.code = ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        result.code = ExitCode.INVALID
    except (BrokenPipeError, SystemExit):
        # The reader of our output (`| head`) has gone, which click turns into SystemExit: stop quietly, and keep the
        # interpreter's exit quiet too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ is not None else 1)
        result.code = ExitCode.OK
    except EngineError as error:
        result.code = _tell(error)
    except Exception as error:  # noqa: BLE001 - the outermost frame: a bug is told, not a traceback thrown at a user
        result.code = _internal(error)


def _tell(error: EngineError) -> ExitCode:
    match error:
        case RulebookError() | ConfigError():
            if error.problems:
                from engine.cli.words import print_problems

                print_problems(error.problems)
            else:
                click.echo(f"error: {error}", err=True)
            return ExitCode.INVALID
        case StoreError():
            click.echo(f"error: {error}", err=True)
            return ExitCode.DEGRADED
        case RecordingError():
            click.echo(f"error: {error}", err=True)
            from engine.source.recording import NothingMatchedError

            return ExitCode.NOTHING if isinstance(error, NothingMatchedError) else ExitCode.DEGRADED
        case _:
            click.echo(f"error: {error}", err=True)
            return ExitCode.INTERNAL


def _internal(error: Exception) -> ExitCode:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown"
    click.echo(f"internal error: {type(error).__name__} at {where}", err=True)
    click.echo("This is a bug in capture-rules, and nothing was lost. ENGINE_DEBUG=1 shows the details.", err=True)
    if os.environ.get("ENGINE_DEBUG"):
        traceback.print_exception(error)
    return ExitCode.INTERNAL
