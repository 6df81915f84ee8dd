"""Random programs of a writer, a rotator and an engine that stops, crashes and fails to commit, with their oracle.

The oracle knows which lines were written, in order, and which were destroyed before anybody could read them.
"""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path
from random import Random

import orjson

from engine.core.lines import split
from engine.model.checkpoint import SourceRecord
from engine.model.event import BadLine, Chunk, Gap
from engine.source.tail import Bounds, Tail

NOW_MS = 1_790_000_000_000


class World:
    """A log in a folder, what was done to it, and what a tail delivered."""

    def __init__(self, folder: Path, seed: int, *, glob: str = "", files: int = 256) -> None:
        self.glob, self.files = glob, files
        self.random = Random(seed)
        self.path = folder / "events.jsonl"
        self.steps: list[str] = []
        self.now_ms = NOW_MS
        self.serial = 0
        self.half: tuple[int, bytes] | None = None
        self.unread: list[int] = []  # In the file that stands at the path.
        self.met = False  # Whether a running tail has that file open.
        self.first = True  # Whether nothing of this generation was ever read,
        self.since = 0  # but what an older file at the path held too.
        self.may_lose: set[int] = set()
        self.must_tell: set[int] = set()  # If lost, then not in silence.
        self.held: set[int] = set()  # In unlinked files that a running tail has open.
        self.given_up: set[int] = set()  # Halves that nobody completed.
        self.delivered: list[int] = []
        self.gaps: list[Gap] = []
        self.bad: list[BadLine] = []
        self.committed: dict[str, SourceRecord] = {}
        self.path.touch()
        self.tail: Tail | None = self.start()

    # -- the writer

    def write(self) -> None:
        data = b""
        if self.half:
            self.unread.append(self.half[0])
            data, self.half = self.half[1], None
        for _ in range(self.random.randint(1, 6)):
            data += self.line()
            self.unread.append(self.serial)
        self.append(data)

    def write_half(self) -> None:
        if not self.half:
            line = self.line()
            cut = self.random.randint(1, len(line) - 1)
            self.append(line[:cut])
            self.half = self.serial, line[cut:]

    def line(self) -> bytes:
        self.serial += 1
        return orjson.dumps({"n": self.serial, "pad": "x" * self.random.choice([60, 90, 400])}) + b"\n"

    def append(self, data: bytes) -> None:
        with self.path.open("ab") as log:
            log.write(data)

    # -- the rotator

    def rotate(self) -> None:
        self.shift()
        self.path.rename(self.beside(1))
        self.fresh()

    def copytruncate(self) -> None:
        self.shift()
        shutil.copyfile(self.path, self.beside(1))
        if self.random.random() < 0.3:
            self.write()
            self.may_lose.update(self.unread)
        if self.first:
            self.may_lose.update(self.unread)
        os.truncate(self.path, 0)
        self.drop()
        self.first = True

    def truncate(self) -> None:
        self.may_lose.update(self.unread)
        if self.met and not self.first:
            self.must_tell.update(self.unread)
        os.truncate(self.path, 0)
        self.drop()
        self.first = True

    def recreate(self) -> None:
        (self.held if self.met else self.may_lose).update(self.unread)
        self.path.unlink()
        self.fresh()

    def replace(self) -> None:
        spare = self.path.with_suffix(".tmp")
        shutil.copyfile(self.path, spare)
        spare.replace(self.path)
        self.met, self.first, self.since = False, True, self.serial
        self.write()

    def pack(self) -> None:
        plain = self.beside(1)
        if plain.exists():
            status = plain.stat()
            with plain.open("rb") as source, gzip.open(f"{plain}.gz", "wb") as target:
                shutil.copyfileobj(source, target)
            if self.random.random() < 0.5:
                os.utime(f"{plain}.gz", ns=(status.st_atime_ns, status.st_mtime_ns))
            plain.unlink()

    def shift(self) -> None:
        for number in range(30, 0, -1):
            for name in (self.beside(number), Path(f"{self.beside(number)}.gz")):
                if name.exists():
                    name.rename(str(name).replace(f".{number}", f".{number + 1}"))

    def beside(self, number: int) -> Path:
        return Path(f"{self.path}.{number}")

    def fresh(self) -> None:
        self.path.touch()
        self.drop()
        self.met, self.first = False, True

    def drop(self) -> None:
        """The writer goes on in an empty file."""
        if self.half:
            self.given_up.add(self.half[0])
        self.half, self.unread = None, []

    # -- the engine

    def start(self) -> Tail:
        return Tail([f"{self.path}{self.glob}"], tuple(self.committed.values()), bounds=Bounds(files=self.files))

    def read(self) -> None:
        self.pull(commit=True)

    def fail(self) -> None:
        """Read, and fail to commit."""
        self.pull(commit=False)
        if self.tail:
            self.tail.rewind(tuple(self.committed.values()))

    def crash(self) -> None:
        self.pull(commit=False)
        self.stop()

    def stop(self) -> None:
        if self.tail:
            self.tail.close()
        self.may_lose |= self.held
        self.tail, self.met, self.held = None, False, set()

    def restart(self) -> None:
        if not self.tail:
            self.tail = self.start()

    def wait(self) -> None:
        self.now_ms += self.random.choice([10, 300, 6000])

    def pull(self, *, commit: bool) -> None:
        if not self.tail:
            return
        self.tail.rediscover(self.now_ms)
        items = self.tail.read(self.now_ms)
        records = self.tail.records()
        self.met = self.files > 0
        if commit:
            self.committed |= {record.uid: record for record in records}
            self.take(items)

    def take(self, items: object) -> None:
        assert isinstance(items, list)
        for item in items:
            if isinstance(item, Gap):
                self.gaps.append(item)
            elif isinstance(item, BadLine):
                self.bad.append(item)
            else:
                assert isinstance(item, Chunk)
                for line in split(item):
                    self.delivered.append(orjson.loads(line.text)["n"])
        got = set(self.delivered)
        self.held -= got
        if any(serial > self.since for serial in got.intersection(self.unread)):
            self.first = False
        self.unread = [serial for serial in self.unread if serial not in got]

    # -- a program

    OPS = (
        ("write", 10), ("write_half", 4), ("rotate", 3), ("copytruncate", 2), ("truncate", 1), ("recreate", 1),
        ("replace", 1), ("pack", 2), ("read", 8), ("fail", 2), ("crash", 1), ("stop", 2), ("restart", 4), ("wait", 4),
    )  # fmt: skip

    def run(self, length: int) -> None:
        self.write()
        self.read()
        for _ in range(length):
            (name,) = self.random.choices([op for op, _ in self.OPS], [weight for _, weight in self.OPS])
            self.steps.append(name)
            getattr(self, name)()
        self.restart()
        assert self.tail
        for _ in range(40):
            self.now_ms += 1000
            self.read()
        assert self.tail.at_end()
        self.tail.close()
        self.tail = None

    def verdict(self) -> str:
        """Return what went wrong; empty if nothing did."""
        half = self.half[0] if self.half else None
        due = [serial for serial in range(1, self.serial + 1) if serial != half]
        written = set(due) - self.given_up
        lost = written - set(self.delivered)
        if lost - self.may_lose:
            return f"lost {sorted(lost - self.may_lose)}"
        if lost & self.must_tell and not self.gaps:
            return f"lost in silence {sorted(lost)}"
        if len(self.delivered) != len(set(self.delivered)):
            return f"twice: {self.delivered}"
        sure = [serial for serial in self.delivered if serial not in self.may_lose]
        if sure != sorted(sure):
            return f"order: {self.delivered}"
        if any(bad.reason != "unfinished" for bad in self.bad):
            return f"bad: {self.bad}"
        return ""
