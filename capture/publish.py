"""Small files that other programs read, such as the websocket id: whole or not at all, and for their owner alone."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from pathlib import Path

from capture.paths import open_private

__all__ = ["publish", "withdraw"]

_TRIES = 10
_WAIT_S = 0.02


def publish(path: Path, text: str) -> None:
    """Put a file with this text in place of the old one, 0600; nobody ever reads half of it.

    A symbolic link of that name is replaced, not followed. Errors: OSError.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fd = open_private(draft)
    try:
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
        _replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _replace(draft: Path, path: Path) -> None:
    """On Windows nobody may replace a file that somebody reads: wait until they are done."""
    for _ in range(_TRIES if sys.platform == "win32" else 0):
        try:
            draft.replace(path)
            return
        except PermissionError:
            time.sleep(_WAIT_S)
    draft.replace(path)


def withdraw(path: Path, text: str) -> None:
    """Remove the file if it still says what we published; else it is somebody else's by now."""
    with contextlib.suppress(OSError):
        if not path.is_symlink() and path.read_text() == text:
            path.unlink()
