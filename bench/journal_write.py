"""How fast the journal takes lines, and how long one line may wait: `python bench/journal_write.py [events]`.

The lines are those of a meeting: transcripts of 60 to 300 characters with every tenth a screen description. The
goal is 10,000 events a second sustained with a 99th percentile of at most 10 ms a line, without fsync.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from capture.journal import Journal, Sync


def main(events: int) -> None:
    print(f"{'policy':<8}{'events/s':>10}{'p50 us':>9}{'p99 us':>9}{'p99.9 us':>10}{'worst ms':>10}{'MB':>6}")
    for sync in (Sync.NEVER, Sync.AUTO):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "journal.jsonl"
            spent = write(path, sync, events)
            size = path.stat().st_size
        total = sum(spent)
        spent.sort()
        p50, p99, p999 = (spent[int(len(spent) * part)] / 1000 for part in (0.5, 0.99, 0.999))
        rate = events / (total / 1e9)
        print(f"{sync:<8}{rate:>10,.0f}{p50:>9.1f}{p99:>9.1f}{p999:>10.1f}{spent[-1] / 1e6:>10.2f}{size / 1e6:>6.0f}")


def write(path: Path, sync: Sync, events: int) -> list[int]:
    """Return the nanoseconds every line took."""
    messages = [message(number) for number in range(100)]
    spent = []
    with Journal.open(path, run="bench", sync=sync) as journal:
        for number in range(events):
            began = time.perf_counter_ns()
            journal.append(messages[number % 100], "ws", 1)
            spent.append(time.perf_counter_ns() - began)
    return spent


def message(number: int) -> dict[str, object]:
    channel = "transcript" if number % 10 else "visual_index"
    data = {"text": "so we said " * (6 + number % 20), "is_final": True, "start": 1772441996000, "end": 1772441998000}
    return {"channel": channel, "rtstream_id": "rts-mic", "rtstream_name": "mic:default", "data": data}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
