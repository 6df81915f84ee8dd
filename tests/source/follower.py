"""The hands of a writer and of a rotator, and an engine reduced to its source: it reads, commits and restarts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import orjson

from engine.core.lines import split
from engine.model.checkpoint import SourceRecord
from engine.model.event import BadLine, Chunk, Gap, Line
from engine.source.tail import Bounds, Tail

NOW_MS = 1_790_000_000_000


def serial(number: int, pad: int = 60) -> bytes:
    """One line that can be told from all others."""
    return orjson.dumps({"n": number, "pad": "x" * pad}) + b"\n"


def upto(last: int, first: int = 1) -> list[int]:
    """Serials in order."""
    return list(range(first, last + 1))


class Log:
    """One log as its writer and its rotator see it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0
        path.touch()

    def lines(self, count: int) -> bytes:
        data = b"".join(serial(self.written + number) for number in range(1, count + 1))
        self.written += count
        return data

    def write(self, count: int = 1) -> None:
        self.append(self.lines(count))

    def append(self, data: bytes) -> None:
        with self.path.open("ab") as log:
            log.write(data)

    def rename(self, name: str) -> Path:
        """Rotate by name, and start a new file."""
        target = self.path.with_name(name)
        self.path.rename(target)
        self.path.touch()
        return target

    def copytruncate(self, name: str) -> Path:
        target = self.path.with_name(name)
        shutil.copyfile(self.path, target)
        os.truncate(self.path, 0)
        return target

    def recreate(self) -> None:
        self.path.unlink()
        self.path.touch()


class Follower:
    """A tail, its clock, and what was committed of it."""

    def __init__(
        self,
        patterns: Sequence[str],
        start: Literal["start", "end"] = "start",
        copies: Literal["skip", "read"] = "skip",
        bounds: Bounds | None = None,
    ) -> None:
        self.patterns, self.begin, self.copies = patterns, start, copies
        self.bounds = bounds or Bounds()
        self.now_ms = NOW_MS
        self.committed: dict[str, SourceRecord] = {}
        self.lines: list[Line] = []
        self.bad: list[BadLine] = []
        self.gaps: list[Gap] = []
        self.tail = self.open()

    def open(self) -> Tail:
        records = tuple(self.committed.values())
        return Tail(self.patterns, records, self.begin, copies=self.copies, bounds=self.bounds)

    def restart(self) -> None:
        self.tail.close()
        self.tail = self.open()

    def close(self) -> None:
        self.tail.close()

    def read(self, *, look: bool = True) -> list[int]:
        """Read and commit to the end. Returns the serials that came."""
        if look:
            self.tail.rediscover(self.now_ms)
        before = len(self.lines)
        while items := self.tail.read(self.now_ms):
            for item in items:
                self.take(item)
        self.committed |= {record.uid: record for record in self.tail.records()}
        return [number(line) for line in self.lines[before:]]

    def take(self, item: Chunk | BadLine | Gap) -> None:
        if isinstance(item, Chunk):
            self.lines += split(item)
        elif isinstance(item, BadLine):
            self.bad.append(item)
        else:
            self.gaps.append(item)

    def wait(self, ms: int = 6000) -> list[int]:
        """Let time pass, then read."""
        self.now_ms += ms
        return self.read()

    @property
    def serials(self) -> list[int]:
        return [number(line) for line in self.lines]

    @property
    def reasons(self) -> list[str]:
        return [gap.reason for gap in self.gaps]


def number(line: Line) -> int:
    return int(orjson.loads(line.text).get("n", -1))
