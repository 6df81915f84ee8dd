"""One writer of a kind in a state folder: a lock file held for life, which also tells who holds it.

The lock is the operating system's and ends with the process, so a stale file never locks anybody out. The pid in it
is for people; nothing is ever signalled because of it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from engine.model.errors import StoreError
from engine.store.folder import check_file, open_private

__all__ = ["Lock", "holder"]

# A reader that asks who holds the lock takes it for some microseconds; a starter must not be turned away by that.
_ATTEMPTS: Final = 20
_PAUSE_S: Final = 0.01

# Windows locks byte ranges and forbids others to read them; a byte far behind the text leaves the text readable.
_FAR: Final = 1 << 30


class Lock:
    """The lock of one role in one folder, held until `release` or the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path, program: str, now_ms: int) -> Lock:
        """Return the lock, with our pid, host and start written into its file.

        Errors: `StoreError` naming the holder when somebody else has it.
        """
        descriptor = open_private(path)
        try:
            for attempt in range(_ATTEMPTS):
                if _grab(descriptor):
                    break
                if attempt + 1 == _ATTEMPTS:
                    raise StoreError(
                        f"another `{program}` ({_read(path) or 'unknown'}) uses {path.parent}; "
                        "stop it or give --state another folder"
                    )
                time.sleep(_PAUSE_S)
            os.ftruncate(descriptor, 0)
            os.write(descriptor, _introduce(now_ms))
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Let go; a second call does nothing. The file stays: removing it would let two processes hold two locks."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            _let_go(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


def holder(path: Path) -> str:
    """Return who holds the lock (`pid 7 on host, since ...`), or nothing when nobody does."""
    if not check_file(path):
        return ""
    descriptor = open_private(path)
    try:
        if _grab(descriptor):
            _let_go(descriptor)
            return ""
        return _read(path) or "unknown"
    finally:
        os.close(descriptor)


def _introduce(now_ms: int) -> bytes:
    import socket  # for this one name; status and readers never need it

    started = datetime.fromtimestamp(now_ms // 1000, UTC).isoformat()
    return json.dumps({"pid": os.getpid(), "started": started, "host": socket.gethostname()}).encode()


def _read(path: Path) -> str:
    try:
        said = json.loads(path.read_bytes())
        return f"pid {int(said['pid'])} on {said['host']}, since {said['started']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


if sys.platform == "win32":
    import msvcrt

    def _grab(descriptor: int) -> bool:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True

    def _let_go(descriptor: int) -> None:
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _grab(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _let_go(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
