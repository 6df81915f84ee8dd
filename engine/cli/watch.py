"""`--watch`: the same command again whenever a file is saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from engine.cli.exits import ExitCode, reported
from engine.cli.words import say

__all__ = ["repeat"]


def repeat(paths: Sequence[str], once: Callable[[], int]) -> int:
    """Run, then run again after every save of one of the files, until interrupted."""
    from watchfiles import watch

    folders = {str(path if path.is_dir() else path.parent) for path in map(Path, paths)}
    _run(once)
    for _ in watch(*folders, step=50, debounce=200, raise_interrupt=False):
        click.clear()
        _run(once)
    return ExitCode.INTERRUPTED


def _run(once: Callable[[], int]) -> None:
    with reported() as result:
        result.code = once()
    say(f"exit {result.code}; waiting for a change, Ctrl-C to stop", "cyan")
