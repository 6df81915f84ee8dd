"""Read a finished recording once, from its first byte to its last, with the names a tail gives the same lines."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from types import TracebackType
from typing import Self, TypeAlias

from engine.model.checkpoint import SourceRecord
from engine.model.errors import RecordingError
from engine.model.event import BadLine, Chunk
from engine.source import patterns
from engine.source.drain import Limits, Stop, drain, last_line
from engine.source.files import NotRegularError, file_id, open_regular
from engine.source.fingerprint import blank, first_line, uid_of

__all__ = ["NothingMatchedError", "Recording", "expand"]

Item: TypeAlias = Chunk | BadLine


class NothingMatchedError(RecordingError):
    """A glob covers no file: there is nothing to run."""


def expand(names: Sequence[str]) -> list[str]:
    """Return the paths of recordings, each once; plain names as they are, globs sorted.

    Errors: `NothingMatchedError` for the first glob that covers no file.
    """
    for name in names:
        if patterns.is_glob(name) and not patterns.expand([name]):
            raise NothingMatchedError(
                f"no file matches {name!r}; check the folder, and quote the pattern for the shell"
            )
    return patterns.expand(names)


class Recording:
    """A finished file. Meets `run.ports.Source`; memory stays at a few chunks whatever its size.

    Iterate over it, or call `read` until it returns nothing. Its last line needs no newline.
    Errors: `RecordingError` when the file cannot be read, or changes while it is.
    """

    def __init__(self, path: str, *, max_line_bytes: int = Limits().line) -> None:
        self.path = path
        self._limits = Limits(line=max_line_bytes)
        try:
            self._descriptor, status = open_regular(path)
        except NotRegularError as error:
            raise RecordingError(f"{error}; name the recording itself") from error
        except OSError as error:
            reason = error.strerror or "unknown error"
            raise RecordingError(f"cannot read the recording {path}: {reason}; check the name and its mode") from error
        self._open, self._ended = True, False
        line = first_line(self._descriptor, finished=True) or b""
        self._record = blank(path, file_id(status), uid=uid_of(PurePath(path).name, line))
        self._head: bytes = b""

    def read(self, now_ms: int) -> Sequence[Item]:
        """Return the next megabyte of lines; empty at the end."""
        items: list[Item] = []
        while not items and not self._ended:
            items += self._next()
        return items

    def _next(self) -> Sequence[Item]:
        helping = drain(self._descriptor, self._record, self._head, self._limits)
        if helping.stop is Stop.CHANGED or helping.head is None:
            raise RecordingError(
                f"{self.path} changed while it was read; read a copy of it, or follow it as a live log"
            )
        self._record, self._head = helping.record, helping.head
        return helping.items if helping.stop is Stop.MORE else [*helping.items, *self._last()]

    def _last(self) -> list[Item]:
        self._ended = True
        item, self._record, self._head = last_line(self._descriptor, self._record, self._head, self._limits, gone=True)
        return [] if item is None else [item]

    def records(self) -> tuple[SourceRecord, ...]:
        """Return nothing: a recording is read in one go and leaves no position behind."""
        return ()

    def close(self) -> None:
        """Let go of the file."""
        if self._open:
            self._open = False
            os.close(self._descriptor)

    def __iter__(self) -> Iterator[Item]:
        """Yield everything that is left."""
        while items := self.read(0):
            yield from items

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
