"""The state folder: who may be in it, which files it holds, and what lies under it.

Every file is made here, private from its first byte whatever the umask; a file or folder that another account could
have planted is refused before it is opened.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Final

from engine.model.errors import StoreError

__all__ = ["DATABASE", "SIDECARS", "check_file", "network_type", "open_private", "prepare", "sync", "under"]

DATABASE: Final = "engine.db"
SIDECARS: Final = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database; it gives these files the modes of the database itself."""

_NETWORK: Final = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "fuse", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2",
    "prl_fs", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
})  # fmt: skip


def prepare(directory: str, *, create: bool) -> Path:
    """Return the folder, there and private to us. With `create`, a missing one is made with mode 0700.

    Errors: `StoreError` for a foreign owner, a folder that others may write, or a link that another account made.
    """
    path = Path(directory)
    try:
        if create and not path.exists():
            path.mkdir(parents=True, mode=0o700, exist_ok=True)
            path.chmod(0o700)
        link, found = path.lstat(), path.stat()
    except FileNotFoundError:
        raise StoreError(f"there is no state folder {path} yet; start `engine run` first") from None
    except OSError as error:
        raise StoreError(f"the state folder {path} cannot be used: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise StoreError(f"{path} is not a folder; give --state another one")
    _check_owner(path, link)
    _check_owner(path, found)
    if sys.platform != "win32" and found.st_mode & 0o022:
        mode = stat.S_IMODE(found.st_mode)
        raise StoreError(f"other accounts may write in {path} (mode {mode:04o}); run `chmod 700 {path}`")
    return path


def check_file(path: Path) -> bool:
    """Return whether the file is there; then it is a plain file of ours, readable by us alone.

    Errors: `StoreError` for a link, a hard link, a pipe or a foreign owner: another account may have put it there.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"{path} cannot be used: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise StoreError(f"{path} is not a plain file but a link, a pipe or a folder; remove it and start again")
    _check_owner(path, found)
    if sys.platform != "win32" and found.st_mode & 0o077:
        path.chmod(0o600)
    return True


def open_private(path: Path, *, fresh: bool = False) -> int:
    """Return a descriptor to read and write the file, made with mode 0600 if missing; `fresh` says it must be.

    Errors: `StoreError`, for a planted link too.
    """
    flags = os.O_RDWR | os.O_CREAT | (os.O_EXCL if fresh else 0)
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)  # POSIX has the one, Windows the other
    try:
        there = check_file(path)
        descriptor = os.open(path, flags, 0o600)
        if not there and sys.platform != "win32":
            os.fchmod(descriptor, 0o600)  # a umask may have taken our own bits away
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    return descriptor


def sync(directory: Path) -> None:
    """Make the names in the folder survive a power loss, where the platform can."""
    if sys.platform != "win32":  # Windows opens no folder
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def under(path: Path) -> str | None:
    """Return the kind of network or shared file system that holds the path, if it is one. Linux only, else None."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    return network_type(mounts, str(path.resolve()))


def network_type(mounts: str, path: str) -> str | None:
    """Return the type of the mount that holds the path if it is a network or shared one.

    Shape: `mounts` as in /proc/self/mountinfo. A later mount hides an earlier one at the same place.
    """
    best, kind = -1, ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        if len(left.split()) < 5 or not right:
            continue
        place = _unescape(left.split()[4]).rstrip("/")
        if len(place) >= best and (path == place or path.startswith(place + "/")):
            best, kind = len(place), right.split()[0]
    # `fuseblk` is a local disk (NTFS); any other FUSE type may be a program talking to another machine.
    shared = kind in _NETWORK or kind.startswith("fuse.")
    return kind if shared else None


def _unescape(place: str) -> str:
    for code, letter in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        place = place.replace(code, letter)
    return place


def _check_owner(path: Path, found: os.stat_result) -> None:
    if sys.platform != "win32":  # Windows keeps the profile folder private by its access list
        # A link made by root (/tmp on macOS) is part of the system; anything else must be our own.
        ours = {os.getuid()} | ({0} if stat.S_ISLNK(found.st_mode) else set())
        if found.st_uid not in ours:
            raise StoreError(
                f"{path} belongs to another account (uid {found.st_uid}); "
                "use that account or give --state another folder"
            )
