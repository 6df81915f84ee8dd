"""How fast lines come in: one JSON line with lines a CPU second and MB/s for reading and cutting 200,000 lines.

Run: `python bench/tail_read.py`
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from engine.core.lines import split
from engine.model.event import Chunk
from engine.run.ports import Source
from engine.source.recording import Recording
from engine.source.tail import Tail

LINES = 200_000
ROUNDS = 5


def generate(path: Path) -> None:
    with path.open("wb") as file:
        for number in range(LINES):
            event = {
                "ts": "2026-03-04T10:00:00+00:00",
                "unix_ts": 1772618400 + number,
                "channel": "transcript",
                "rtstream_name": "mic",
                "data": {
                    "text": f"utterance {number} about the budget and the plan for the next quarter",
                    "is_final": True,
                },
            }
            file.write(json.dumps(event).encode() + b"\n")


def cpu_seconds(source: Source) -> float:
    start = time.process_time()
    count = 0
    while items := source.read(0):
        for item in items:
            assert isinstance(item, Chunk)
            for _ in split(item):
                count += 1
    spent = time.process_time() - start
    source.close()
    assert count == LINES
    return spent


def best(make: Callable[[], Source]) -> float:
    return min(cpu_seconds(make()) for _ in range(ROUNDS))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "events.jsonl")
        generate(path)
        size = path.stat().st_size
        tail, recording = best(lambda: Tail([str(path)])), best(lambda: Recording(str(path)))
    print(
        json.dumps(
            {
                "bench": "tail_read",
                "lines": LINES,
                "bytes": size,
                "tail_lines_per_cpu_s": round(LINES / tail),
                "tail_mb_per_cpu_s": round(size / tail / 1e6),
                "recording_lines_per_cpu_s": round(LINES / recording),
                "recording_mb_per_cpu_s": round(size / recording / 1e6),
            }
        )
    )


if __name__ == "__main__":
    main()
