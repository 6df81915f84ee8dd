"""The journal: one writer appends one JSON object a line, and every line is whole.

Invariants: a lock held open keeps a second writer out; a line is one `write` and ends in a newline; the fields
of a wire message are never changed. What the writer adds is `ts` and `unix_ts` (one clock read, the receive
time) and `_capture: {run, gen, seq, origin}`. Should a message already carry one of these three names, its own
value stands under `_capture.wire`, so that nobody on the wire can pretend to be the writer; `wire_message`
takes a line back to what the wire said.
"""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Self, TypeAlias

import orjson

from capture.paths import Holder, Lock, LockedError, open_private, private_dir

__all__ = ["MAX_LINE", "Journal", "JournalBusyError", "JournalError", "Origin", "Sync", "wire_message"]

Origin: TypeAlias = Literal["ws", "webhook", "poll", "recorder", "runner", "replay"]
"""Which way a message came."""

MAX_LINE = 1 << 20
"""Bytes a line may have, newline included; longer ones go to the dead-letter file."""

_DEAD_LETTER_LIMIT = 64 << 20
_OURS = ("ts", "unix_ts", "_capture")
_NOTHING: Mapping[str, str] = MappingProxyType({})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class JournalError(Exception):
    """The journal cannot be written as it is; the message says what to do."""


class JournalBusyError(JournalError):
    """Another writer holds the journal. `holder` tells which, as far as its lock file does."""

    def __init__(self, path: Path, holder: Holder | None) -> None:
        who = f"process {holder.pid}, since {holder.since}" if holder else "another process"
        super().__init__(f"{path} is being written by {who}; stop it first or write to another file")
        self.holder = holder


class Sync(StrEnum):
    """When lines reach the disk itself, not merely the operating system.

    `auto`: lifecycle and alert lines at once, others within 200 ms. `each`: every line at once. `never`: when
    the operating system likes; a crash of this process still loses nothing, a power cut may lose seconds.
    """

    AUTO = "auto"
    EACH = "each"
    NEVER = "never"


class Journal:
    """The one writer of one journal file. Safe to use from several threads; close it to let go of the lock."""

    def __init__(self, path: Path, fd: int, lock: Lock, run: str, sync: Sync, now_ns: Callable[[], int]) -> None:
        """Use `open`."""
        self.path = path
        self.run = run
        self.rejected = 0
        self._fd = fd
        self._lock = lock
        self._sync = sync
        self._now_ns = now_ns
        self._seq = 0
        self._torn = False
        self._mutex = threading.Lock()
        self._syncer = _Syncer(fd) if sync is Sync.AUTO else None

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        run: str,
        sync: Sync = Sync.AUTO,
        clear: bool = False,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> Self:
        """Lock and open the journal, creating folder (0700) and file (0600). `clear` renames an earlier one away.

        A last line that a crash left without its newline is ended first. Errors: JournalBusyError, JournalError.
        """
        try:
            private_dir(path.parent)
            lock = Lock.take(path.with_name(f".{path.name}.lock"), run)
        except LockedError as locked:
            raise JournalBusyError(path, locked.holder) from None
        except OSError as error:
            raise JournalError(f"cannot lock {path}: {error}") from error
        try:
            if clear:
                _rotate(path, now_ns())
            fd = open_private(path)
            try:
                _end_torn_line(fd)
            except OSError:
                os.close(fd)
                raise
        except OSError as error:
            lock.release()
            raise JournalError(f"cannot open {path}: {error}") from error
        return cls(path, fd, lock, run, sync, now_ns)

    @property
    def dead_letter(self) -> Path:
        """Where `reject` writes. Its name does not end in `.jsonl`, so that nobody tails it as a journal."""
        return self.path.with_suffix(".dead-letter")

    def append(
        self, message: Mapping[str, Any], origin: Origin, gen: int | None = None, about: Mapping[str, str] = _NOTHING
    ) -> int:
        """Write one message as one line and return its `seq`, which counts from 1 in every run.

        `about` joins `_capture`: what is known of the message beside what it says. A message that makes no line
        (over `MAX_LINE`, not JSON) goes to the dead-letter file; it takes a number all the same, so that the hole
        shows. Errors: JournalError when the disk refuses.
        """
        with self._mutex:
            self._seq += 1
            line = _encode(message, self._stamps(message, origin, gen, about))
            if line is None:
                self._reject(_as_text(message), "not-json", origin)
            elif len(line) > MAX_LINE:
                self._reject(line, "too-long", origin)
            else:
                self._write(line, urgent=_is_urgent(message))
            return self._seq

    def append_line(self, line: bytes) -> None:
        """Write a line as it is, without stamps: for what a recording holds that is not an object.

        Shape: no newline within. Errors: JournalError when the disk refuses.
        """
        with self._mutex:
            self._write(line + b"\n", urgent=False)

    def reject(self, raw: bytes, reason: str, origin: Origin) -> None:
        """Keep what can be no line in the dead-letter file. Past 64 MiB of them only the first 256 bytes are kept."""
        with self._mutex:
            self._reject(raw, reason, origin)

    def sync(self) -> None:
        """Bring every line written so far to the disk itself."""
        if self._fd >= 0:
            os.fsync(self._fd)

    def close(self) -> None:
        """Bring everything to the disk and let go of the lock. A second call does nothing."""
        with self._mutex:
            if self._fd < 0:
                return
            if self._syncer:
                self._syncer.stop()
            try:
                if self._sync is not Sync.NEVER:
                    os.fsync(self._fd)
            finally:
                os.close(self._fd)
                self._fd = -1
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _stamps(
        self, message: Mapping[str, Any], origin: Origin, gen: int | None, about: Mapping[str, str]
    ) -> dict[str, Any]:
        micros = self._now_ns() // 1000
        noted: dict[str, Any] = {**about, "run": self.run, "gen": gen, "seq": self._seq, "origin": origin}
        displaced = {name: message[name] for name in _OURS if name in message}
        if displaced:
            noted["wire"] = displaced
        return {"ts": _iso(micros), "unix_ts": micros / 1e6, "_capture": noted}

    def _write(self, line: bytes, *, urgent: bool) -> None:
        if self._fd < 0:
            raise JournalError(f"{self.path} is closed")
        whole = b"\n" + line if self._torn else line
        try:
            written = os.write(self._fd, whole)
            self._torn = written != len(whole)
            if self._torn:
                raise OSError(errno.ENOSPC, f"took {written} of {len(whole)} bytes: is the disk full?")
            if self._sync is Sync.EACH or (urgent and self._syncer):
                os.fsync(self._fd)
            elif self._syncer:
                self._syncer.dirty()
        except OSError as error:
            raise JournalError(f"cannot write to {self.path}: {error}") from error

    def _reject(self, raw: bytes, reason: str, origin: Origin) -> None:
        self.rejected += 1
        try:
            fd = open_private(self.dead_letter)
        except OSError as error:
            raise JournalError(f"cannot open {self.dead_letter}: {error}") from error
        try:
            kept = raw if os.fstat(fd).st_size < _DEAD_LETTER_LIMIT else raw[:256]
            record = {
                "ts": _iso(self._now_ns() // 1000), "run": self.run, "origin": origin, "reason": reason,
                "length": len(raw), "raw": kept.decode("utf-8", "replace"),
            }  # fmt: skip
            os.write(fd, orjson.dumps(record) + b"\n")
        except OSError as error:
            raise JournalError(f"cannot write to {self.dead_letter}: {error}") from error
        finally:
            os.close(fd)


def wire_message(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the wire said, without what `Journal.append` added to it."""
    message = {name: value for name, value in line.items() if name not in _OURS}
    about = line.get("_capture")
    wire = about.get("wire") if isinstance(about, dict) else None
    if isinstance(wire, dict):
        message.update((name, wire[name]) for name in _OURS if name in wire)
    return message


class _Syncer:
    """A thread that syncs a file 200 ms after it was written to, so that appending never waits for the disk."""

    EVERY_S = 0.2

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._dirty = threading.Event()
        self._stop = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="journal-sync", daemon=True)
        self._thread.start()

    def dirty(self) -> None:
        """Ask for a sync. Errors: OSError of the last one, once, as the thread has nobody to tell."""
        failure, self._failure = self._failure, None
        if failure:
            raise failure
        self._dirty.set()

    def stop(self) -> None:
        self._stop.set()
        self._dirty.set()
        self._thread.join()

    def _run(self) -> None:
        while self._dirty.wait() and not self._stop.wait(self.EVERY_S):
            self._dirty.clear()
            try:
                os.fsync(self._fd)
            except OSError as error:
                self._failure = error


def _iso(micros: int) -> str:
    return (_EPOCH + timedelta(microseconds=micros)).isoformat(timespec="microseconds")


def _is_urgent(message: Mapping[str, Any]) -> bool:
    """Whether it is an alert (by webhook: with an `event_id` instead of a channel) or a session's lifecycle."""
    return (
        "alert" in (message.get("channel"), message.get("type"))
        or "event_id" in message
        or str(message.get("event")).startswith("capture_session.")
    )


def _encode(message: Mapping[str, Any], stamps: Mapping[str, Any]) -> bytes | None:
    """Return the line with its newline, or None for what JSON cannot say. `ts` comes first, for the eye."""
    line = {"ts": None, "unix_ts": None, **message, **stamps}
    try:
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        pass
    try:  # integers over 64 bits, depth over 254 and lone surrogates are beyond orjson
        text = json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return None
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode() + b"\n"


def _as_text(message: Mapping[str, Any]) -> bytes:
    try:
        return repr(message)[:MAX_LINE].encode("utf-8", "replace")
    except RecursionError:
        return b"(nested too deep to show)"


def _rotate(path: Path, now_ns: int) -> None:
    """Give a journal that holds anything a name of its own; a reader that has it open reads on undisturbed."""
    if path.is_symlink() or not path.exists() or not path.stat().st_size:
        return
    stamp = (_EPOCH + timedelta(microseconds=now_ns // 1000)).strftime("%Y%m%dT%H%M%S.%fZ")
    target = path.with_name(f"events-{stamp}.jsonl")
    if target.exists():
        raise FileExistsError(f"{target} exists already")
    path.rename(target)


def _end_torn_line(fd: int) -> None:
    size = os.lseek(fd, 0, os.SEEK_END)
    if not size:
        return
    os.lseek(fd, size - 1, os.SEEK_SET)
    if os.read(fd, 1) != b"\n":
        os.write(fd, b"\n")
