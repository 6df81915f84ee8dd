"""`--watch`: the same command again whenever a file is saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from engine.cli.exits import ExitCode, reported
from engine.cli.words import say
from engine.source.rules_dir import signature

__all__ = ["repeat"]

# The watcher begins after the first run: what was saved before that is found by looking, this often.
LOOK_MS = 500


def repeat(paths: Sequence[str], once: Callable[[], int]) -> int:
    """Run, then run again after every save of a rule file in their folders, until interrupted.

    Only rule files count: a report that is written beside them is no reason to run again.
    """
    from watchfiles import watch

    folders = {str(path if path.is_dir() else path.parent) for path in map(Path, paths)}
    looked_at = (*paths, *folders)
    seen = signature(looked_at)
    _run(once)
    for _ in watch(*folders, step=50, debounce=200, rust_timeout=LOOK_MS, yield_on_timeout=True, raise_interrupt=False):
        found = signature(looked_at)
        if found != seen:
            seen = found
            click.clear()
            _run(once)
    return ExitCode.INTERRUPTED


def _run(once: Callable[[], int]) -> None:
    with reported() as result:
        result.code = once()
    say(f"exit {result.code}; waiting for a change, Ctrl-C to stop", "cyan")
