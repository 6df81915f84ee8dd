"""What the commands of `capture` exit with, and the one way to leave with a message."""

from __future__ import annotations

from enum import IntEnum

import click

__all__ = ["Exit", "Failure"]


class Exit(IntEnum):
    """Exit codes; click itself uses 2 for a wrong command line. Scripts rely on them: add, never change."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    ENVIRONMENT = 3
    INTERRUPTED = 130


class Failure(click.ClickException):
    """Leave with one line on stderr that says what to do next. A subclass may carry another code."""

    exit_code = Exit.ENVIRONMENT
