"""Append notifications as lines of JSON to files of the output folder (`record: FILE` in a rule).

At least once: after a crash a line that is already among the last 64 KiB is not written again, an older one is.
A line is never joined to the torn end of an earlier one.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

from engine.model.delivery import Delivery, Outcome, Permanent, Sent, Temporary

__all__ = ["RecordSender", "record_name_problem"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}\Z")
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
_LOOK_BACK = 65_536
_LINE_ENDS = re.compile(r"[\r\n]+")
_APPEND = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def record_name_problem(name: str) -> str | None:
    """Return why this may not name a file in the output folder, None if it may."""
    if not _NAME.match(name) or name.endswith("."):
        return (
            "a record file is named by at most 80 letters, digits, '.', '_' and '-', beginning with a letter or digit"
        )
    if name.partition(".")[0].lower() in _RESERVED:
        return "Windows keeps that name for a device"
    return None


class RecordSender:
    """Writes to one file of the output folder, which is made when first needed: folder 0700, file 0600."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name

    def send(self, delivery: Delivery) -> Outcome:
        """Append the body as one line, on the disk when this returns `Sent`."""
        if problem := record_name_problem(self._name):
            return Permanent(f"record: {problem}", pause=True)
        line = _LINE_ENDS.sub(" ", delivery.notification.body).encode("utf-8", "replace") + b"\n"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = _open(self._folder, self._name)
            try:
                return _append(file, line, again=delivery.tries > 1)
            finally:
                os.close(file)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO, errno.ENOTDIR, errno.EISDIR):
                return Permanent(
                    "record: the file or its folder is a link or no regular file; move it away", pause=True
                )
            return Temporary(f"record: {error.strerror or 'cannot write'}")


def _open(folder: Path, name: str) -> int:
    """Open below the folder itself, so that a folder swapped for a link meanwhile is not followed."""
    if os.open not in os.supports_dir_fd:
        return os.open(folder / name, _APPEND, 0o600)
    parent = os.open(folder, _FOLDER)
    try:
        return os.open(name, _APPEND | os.O_NONBLOCK, 0o600, dir_fd=parent)
    finally:
        os.close(parent)


def _append(file: int, line: bytes, *, again: bool) -> Outcome:
    status = os.fstat(file)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        return Permanent("record: not a regular file with one name; move it away", pause=True)
    tail = _tail(file, status.st_size)
    if again and b"\n" + line in b"\n" + tail:
        return Sent()
    if tail and not tail.endswith(b"\n"):
        line = b"\n" + line
    if os.write(file, line) < len(line):  # The disk is full: what was written is a torn line, ended by the next one.
        return Temporary("record: no space left")
    os.fsync(file)
    return Sent()


def _tail(file: int, size: int) -> bytes:
    os.lseek(file, max(0, size - _LOOK_BACK), os.SEEK_SET)
    return os.read(file, _LOOK_BACK)
