"""How commands speak: colours only where they are wanted, captured text only after it was made safe."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Collection, Sequence
from typing import IO

import click

from engine.model.errors import Problem
from engine.rulebook.report import as_text
from engine.rulebook.scalars import ScalarError, duration_ms

__all__ = ["duration_option", "logs_to_stderr", "plural", "print_problems", "say", "styled", "wants_color"]


def wants_color(stream: IO[str]) -> bool:
    """Tell whether to colour: NO_COLOR says no, FORCE_COLOR yes, else whether a person is watching."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


def styled(text: str, style: str | None, stream: IO[str] | None = None) -> str:
    """Return the text in a colour, where the stream (stdout unless named) wants colours."""
    return click.style(text, fg=style) if style is not None and wants_color(stream or sys.stdout) else text


def say(text: str, style: str | None = None) -> None:
    """Write one line about the run itself to stderr."""
    click.echo(styled(text, style, sys.stderr), err=True, color=True)


def print_problems(problems: Sequence[Problem]) -> None:
    """Write problems to stderr as paragraphs with carets."""
    click.echo(as_text(problems, wants_color(sys.stderr)), err=True, nl=False, color=True)


def plural(count: int, noun: str) -> str:
    """Return `1 rule`, `2 rules`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def duration_option(text: str, option: str) -> int:
    """Return the milliseconds of an option such as `--wait 60s`. Errors: a usage error that says how to write it."""
    try:
        return duration_ms(text)
    except ScalarError as error:
        raise click.UsageError(f"{option}: {error.message}; {error.hint}") from error


def logs_to_stderr(level: int, secrets: Collection[str]) -> None:
    """Let the program's own log lines reach stderr, with every secret value replaced."""
    from engine.core.redact import redactor

    redact = redactor(frozenset(secrets))

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(redact(f"{record.name.removeprefix('engine.')}: {record.getMessage()}"), "yellow")

    logger = logging.getLogger("engine")
    logger.setLevel(level)
    logger.addHandler(Handler())
    logger.propagate = False
