"""How fast the store commits: one line of JSON with commits and rows a second, and CPU time, at three batch sizes.

Each row brings a notification of 300 characters and a state of 200 bytes; each batch moves one read position.
Run: `python bench/store_commit.py [--strict] [--memory] [--dir FOLDER]`.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from engine.model.checkpoint import Commit, SourceRecord, StateKey
from engine.model.notification import Notification
from engine.store.memory import MemoryStore
from engine.store.sqlite import Durability, SqliteStore

BATCHES = (1, 100, 512)
SECONDS = 1.5


def commits(size: int, seed: int) -> Iterator[Commit]:
    number = seed
    while True:
        source = SourceRecord("u", "/logs/events.jsonl", 1, 2, 0, number, number, 1024, "ab" * 16, b"g" * 64)
        notes = tuple(
            Notification(f"{number + n:032x}", "f" * 32, "rule", None, "me", "A title", "x" * 300, "info", number)
            for n in range(size)
        )
        states: dict[StateKey, bytes | None] = {("rule", f"group {n}"): b"s" * 200 for n in range(size)}
        yield Commit(number, (source,), states, notes, counters={"lines": size})
        number += size


def measure(store: SqliteStore | MemoryStore, size: int, seed: int) -> dict[str, float]:
    made = commits(size, seed)
    waits, cpu_s, began = [], 0.0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        commit = next(made)
        cpu, wall = time.process_time(), time.perf_counter()
        store.commit(commit)
        waits.append(time.perf_counter() - wall)
        cpu_s += time.process_time() - cpu
    waits.sort()
    rate = len(waits) / sum(waits)
    return {
        "commits_per_s": round(rate),
        "rows_per_s": round(rate * size),
        "cpu_ms_per_commit": round(cpu_s / len(waits) * 1_000, 3),
        "p50_ms": round(waits[len(waits) // 2] * 1_000, 3),
        "p99_ms": round(waits[len(waits) * 99 // 100] * 1_000, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strict", action="store_true", help="sync at each commit")
    parser.add_argument("--memory", action="store_true", help="measure the store without a file")
    parser.add_argument("--dir", help="a folder on the disk to measure (default: the temporary folder)")
    asked = parser.parse_args()
    durability: Durability = "strict" if asked.strict else "normal"
    result: dict[str, object] = {"bench": "store_commit", "sqlite": sqlite3.sqlite_version, "durability": durability}
    with tempfile.TemporaryDirectory(dir=asked.dir) as folder:
        store: SqliteStore | MemoryStore = MemoryStore()
        if asked.memory:
            result["durability"] = "none"
        else:
            store = SqliteStore.open(str(Path(folder) / "state"), role="engine", durability=durability, now_ms=0)
        for size in BATCHES:
            result[f"batch_{size}"] = measure(store, size, size * 10**9)
        store.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
