"""The runner's own files: where they lie, how they are opened for their owner alone, and who holds them.

The engine computes the same default journal by code of its own: change neither alone.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Self

import platformdirs

__all__ = [
    "JOURNAL_NAME", "Holder", "Lock", "LockedError", "journal_path", "open_private", "private_dir", "state_dir",
]  # fmt: skip

JOURNAL_NAME = "videodb_events.jsonl"
"""The file name that the vendor's guides and every script written for them expect."""

_HOLDER_BYTES = 4096
_LOCKED_BYTE = 1 << 30  # Windows locks are mandatory: a byte far behind the text leaves the text readable


def state_dir() -> Path:
    """Return the per-user folder of the capture runner. It need not exist yet."""
    return Path(platformdirs.user_state_dir("capture-rules")) / "capture"


def journal_path() -> Path:
    """Return the default journal: in `VIDEODB_EVENTS_DIR` if that is set, else in the per-user state folder."""
    events_dir = os.environ.get("VIDEODB_EVENTS_DIR")
    return (Path(events_dir).expanduser() if events_dir else state_dir()) / JOURNAL_NAME


def private_dir(path: Path) -> None:
    """Make this folder and its missing parents, each 0700. A folder that exists keeps its mode."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)


def open_private(path: Path) -> int:
    """Open a file for reading and appending, 0600, created if missing. Returns the descriptor, which the caller closes.

    Errors: OSError for a symbolic link, for anything but a plain file, and for a file that another user owns:
    in a shared folder somebody may have planted it to read along or to have us write elsewhere.
    """
    if path.is_symlink():  # O_NOFOLLOW does not exist on Windows
        raise OSError(errno.ELOOP, "is a symbolic link, remove it", str(path))
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK", "O_NOINHERIT", "O_BINARY"):
        flags |= getattr(os, name, 0)
    fd = os.open(path, flags, 0o600)
    try:
        _keep_private(fd, path)
    except OSError:
        os.close(fd)
        raise
    return fd


class Holder(NamedTuple):
    """The process that holds a lock, as it introduced itself. Shape: `since` is ISO, UTC."""

    pid: int
    since: str
    run: str


class LockedError(Exception):
    """Somebody else holds the lock. `holder` is None when the lock file does not say who."""

    def __init__(self, path: Path, holder: Holder | None) -> None:
        super().__init__(f"{path} is locked")
        self.holder = holder


class Lock:
    """An operating-system lock on a file. It ends with this process, however that ends; the file stays."""

    def __init__(self, fd: int) -> None:
        """Use `take`."""
        self._fd = fd

    @classmethod
    def take(cls, path: Path, run: str) -> Self:
        """Lock the file and write into it who we are. Errors: LockedError, OSError."""
        fd = open_private(path)
        try:
            _lock(fd)
            me = Holder(os.getpid(), datetime.now(UTC).isoformat(timespec="seconds"), run)
            os.ftruncate(fd, 0)
            os.write(fd, json.dumps(me._asdict()).encode())
        except (BlockingIOError, PermissionError):
            holder = _read_holder(fd)
            os.close(fd)
            raise LockedError(path, holder) from None
        except OSError:
            os.close(fd)
            raise
        return cls(fd)

    def release(self) -> None:
        """Let go. The lock file stays: removing it would let two writers hold two files of one name."""
        os.close(self._fd)


def _keep_private(fd: int, path: Path) -> None:
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode):
        raise OSError(errno.EINVAL, "is not a plain file", str(path))
    if sys.platform == "win32":
        return
    if info.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "belongs to another user", str(path))
    if info.st_mode & 0o077:
        os.fchmod(fd, 0o600)


def _lock(fd: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(fd, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _read_holder(fd: int) -> Holder | None:
    os.lseek(fd, 0, os.SEEK_SET)
    try:
        return Holder(**json.loads(os.read(fd, _HOLDER_BYTES)))
    except (OSError, ValueError, TypeError):
        return None
