"""How fast the journal takes lines, and how long one may wait; one JSON line.

The lines are those of a meeting: transcripts of 60 to 300 characters, every tenth a screen description. `paced` is
the promise: 10,000 events a second for ten seconds; then every line is read back and its order checked.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import orjson

from capture.journal import Journal, Sync

RATE = 10_000
SECONDS = 10


def main(events: int = 200_000) -> None:
    found: dict[str, object] = {"bench": "journal_write", "unit": "us a line, wall"}
    for sync in (Sync.NEVER, Sync.AUTO):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "journal.jsonl"
            found[f"flat_out_{sync}"] = figures(write(path, sync, events, 0))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.jsonl"
        paced = write(path, Sync.NEVER, RATE * SECONDS, RATE)
        found["paced"] = {**figures(paced), "in_order_and_complete": is_complete(path, RATE * SECONDS)}
    print(json.dumps(found))


def figures(spent: list[int]) -> dict[str, float]:
    total = sum(spent)
    spent = sorted(spent)
    p50, p99, p999 = (round(spent[int(len(spent) * part)] / 1000, 1) for part in (0.5, 0.99, 0.999))
    return {"events_per_s": round(len(spent) / (total / 1e9)), "p50": p50, "p99": p99, "p99_9": p999,
            "worst": round(spent[-1] / 1000, 1)}  # fmt: skip


def write(path: Path, sync: Sync, events: int, rate: int) -> list[int]:
    """Return the nanoseconds every line took; with a rate, a hundredth of a second's lines at a time."""
    messages = [message(number) for number in range(100)]
    spent: list[int] = []
    with Journal.open(path, run="bench", sync=sync) as journal:
        due = time.perf_counter()
        for number in range(events):
            if rate and number % (rate // 100) == 0:
                due += 0.01
                time.sleep(max(0.0, due - time.perf_counter()))
            began = time.perf_counter_ns()
            journal.append(messages[number % 100], "ws", 1)
            spent.append(time.perf_counter_ns() - began)
    return spent


def is_complete(path: Path, events: int) -> bool:
    numbers = [orjson.loads(line)["_capture"]["seq"] for line in path.open("rb")]
    return len(numbers) == events and numbers == sorted(set(numbers))


def message(number: int) -> dict[str, object]:
    channel = "transcript" if number % 10 else "visual_index"
    data = {"text": "so we said " * (6 + number % 20), "is_final": True, "start": 1772441996000, "end": 1772441998000}
    return {"channel": channel, "rtstream_id": "rts-mic", "rtstream_name": "mic:default", "data": data}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
