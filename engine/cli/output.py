"""`--out FILE`: what a command prints goes to a file, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

import click

__all__ = ["printed_to"]


@contextmanager
def printed_to(path: str | None) -> Iterator[None]:
    """Send what the block prints to a file, without colours; an error leaves the file as it was.

    Errors: a usage error when the file cannot be written.
    """
    if path is None:
        yield
        return
    text = StringIO()
    with redirect_stdout(text):
        yield
    target = Path(path)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.write_text(click.unstyle(text.getvalue()), encoding="utf-8")
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise click.UsageError(f"--out {path}: {error.strerror or 'it cannot be written'}") from error
