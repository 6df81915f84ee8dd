"""A whole day of desktop events, 86,400 s of virtual time, through all packs and the shipped rules; one JSON line.

The day is made of the real recordings in tests/data (or in the folder given), one after the other, begun anew until it
is full. The parts in tests/data have long pauses; whole recordings make a denser day.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from engine.core.compile import compile_rulebook
from engine.core.evaluator import Evaluator
from engine.rulebook.parse import parse_rules
from engine.run.clock import zone_offset
from engine.run.replay import replay
from engine.source.rules_dir import find_pack, read_rules

ROOT = Path(__file__).parents[1]
DAY_S = 86_400
START_S = 1_772_409_600  # Monday 2026-03-02, 00:00 UTC
PAUSE_S = 300


def events(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield a day: each recording moved to where the one before ended, sessions and streams named anew."""
    parts = [
        [orjson.loads(line) for line in path.read_bytes().splitlines() if line]
        for path in sorted(folder.glob("*.jsonl"))
    ]
    at_s, number = float(START_S), 0
    while at_s < START_S + DAY_S:
        part = parts[number % len(parts)]
        number += 1
        shift_s = at_s - part[0]["unix_ts"]
        for body in part:
            moved = _moved(body, shift_s, number)
            if moved["unix_ts"] >= START_S + DAY_S:
                return
            yield moved
        at_s = part[-1]["unix_ts"] + shift_s + PAUSE_S


def _moved(body: dict[str, Any], shift_s: float, number: int) -> dict[str, Any]:
    moved = {**body, "unix_ts": body["unix_ts"] + shift_s}
    moved.pop("ts", None)
    if "capture_session_id" in moved:
        moved["capture_session_id"] = f"{moved['capture_session_id']}-{number}"
    data = dict(moved.get("data") or {})
    for name in ("start", "end"):
        if isinstance(data.get(name), int | float):
            # The wire has milliseconds; a relative time stays what it is.
            data[name] += round(shift_s * 1000) if data[name] > 1e11 else 0
    return {**moved, "data": data}


def main(recordings: Path = ROOT / "tests" / "data" / "recordings") -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "day.jsonl"
        with journal.open("wb") as out:
            lines = sum(1 for body in events(recordings) if out.write(orjson.dumps(body) + b"\n"))
        read = read_rules([str(ROOT / "rules"), str(ROOT / "rules" / "packs")])
        parsed = parse_rules(read.files, None, find_pack)
        assert not [one for one in parsed.problems if one.severity == "error"], parsed.problems
        program = compile_rulebook(parsed.rulebook)
        wall, started = time.monotonic(), time.process_time()
        result = replay(Evaluator(program, {}, zone_offset("UTC")), [str(journal)])
        spent, took = time.process_time() - started, time.monotonic() - wall
    print(json.dumps({
        "bench": "day", "virtual_s": round((result.last_ms - result.first_ms) / 1000), "lines": lines,
        "rules": len(program.rules), "messages": len({note.firing for note in result.notifications}),
        "cpu_s": round(spent, 2), "wall_s": round(took, 2),
    }))  # fmt: skip


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
