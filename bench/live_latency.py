"""Append to outbox commit, live: a writer process, `engine run` with 1,000 rules, 100 lines a second; one JSON line.

The bench reads the outbox itself every half millisecond, so its own delay is in the figures. Idle CPU is that of
`engine run` alone over ten quiet seconds.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.corpus import write_rules

RATE = 100
LINES = 600


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def line(number: int) -> bytes:
    now = time.time()
    body = {
        "unix_ts": now, "channel": "transcript", "rtstream_id": "rts-mic", "rtstream_name": "mic:default",
        "data": {"text": f"marker {number} zzlatency", "is_final": True, "start": int(now * 1000) - 900,
                 "end": int(now * 1000) - 100},
    }  # fmt: skip
    return json.dumps(body).encode() + b"\n"


def follow(state: Path, journal: Path) -> list[float]:
    """Append at the rate; return the milliseconds from each append to its row being visible."""
    database = sqlite3.connect(f"file:{state / 'engine.db'}?mode=ro", uri=True, isolation_level=None)
    waits, seen = [], 0
    with journal.open("ab", buffering=0) as file:
        due = time.perf_counter()
        for number in range(LINES):
            due += 1 / RATE
            while time.perf_counter() < due:
                time.sleep(0.0005)
            file.write(line(number))
            began = time.perf_counter()
            while True:
                count = database.execute("SELECT count(*) FROM outbox").fetchone()[0]
                if count > seen:
                    seen = count
                    waits.append((time.perf_counter() - began) * 1000)
                    break
                if time.perf_counter() - began > 5:
                    raise SystemExit("a line was not committed within five seconds")
                time.sleep(0.0005)
    database.close()
    return sorted(waits)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rules = write_rules(folder / "rules", 1_000)
        (rules / "zz.yaml").write_text("when: transcript\ncontains: zzlatency\nnotify: sink\n", encoding="utf-8")
        (folder / "engine.yaml").write_text("destinations:\n  sink: json://127.0.0.1:9/\n", encoding="utf-8")
        journal = folder / "journal.jsonl"
        journal.touch()
        run = subprocess.Popen(
            [sys.executable, "-m", "engine", "run", "--rules", str(rules), "--events", str(journal), "--state",
             str(folder / "state"), "--config", str(folder / "engine.yaml"), "--from", "start", "--quiet"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while not (folder / "state" / "engine.db").exists():
                time.sleep(0.05)
            time.sleep(3)
            before, began = cpu_s(run.pid), time.perf_counter()
            time.sleep(10)
            idle = (cpu_s(run.pid) - before) / (time.perf_counter() - began)
            waits = follow(folder / "state", journal)
        finally:
            run.terminate()
            run.wait(20)
    print(json.dumps({
        "bench": "live_latency", "rules": 1_001, "lines": LINES, "lines_per_s": RATE, "unit": "ms",
        "p50": round(waits[len(waits) // 2], 2), "p95": round(waits[int(len(waits) * 0.95)], 2),
        "p99": round(waits[int(len(waits) * 0.99)], 2), "max": round(waits[-1], 2),
        "idle_cpu_percent": round(idle * 100, 2), "load": Path("/proc/loadavg").read_text().split()[0],
    }))  # fmt: skip


if __name__ == "__main__":
    main()
