"""Rules over time: cost of a hit with many live groups, of a commit, of a restart, and how long a pattern waits.

One JSON line. Times are CPU time; the waiting is counted from the stamps in the recordings, not measured.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from engine.core.compile import compile_rulebook
from engine.core.decode import decode
from engine.core.evaluator import Evaluator
from engine.core.intake import Intake
from engine.core.lines import split
from engine.core.subject import Subject
from engine.core.windows import Windows
from engine.model.config import Limits
from engine.model.event import Chunk, Event, Line, Malformed, Position
from engine.model.match import Hit
from engine.rulebook.parse import parse_rules
from engine.source.recording import Recording

START_MS = 1_772_442_000_000
RULE = b"""
name: errors
when: screen
word: error
count: 3 within 10m
by: data.app
"""
RECORDINGS = Path(__file__).parents[1] / "tests" / "data" / "recordings"


def _event(number: int, groups: int, step_ms: int) -> Event:
    at_ms = START_MS + number * step_ms
    text = f"An error dialog is shown in window {number % groups}"
    body = {"channel": "visual_index", "data": {"text": text, "app": f"app {number % groups}", "start": at_ms}}
    return Event(Position("bench:0", number), "bench", number, body, "visual_index", None, text, at_ms, at_ms, at_ms,
                 "media", True, "display:1", "display", "cap-1", ("bench", number))  # fmt: skip


def _hits(groups: int, count: int) -> dict[str, Any]:
    """Feed hits in turn to so many groups; at 30 ms a hit each of 10,000 is hit twice in its 10 minutes and stays."""
    program = compile_rulebook(parse_rules([("errors.yaml", RULE)], None).rulebook)
    compiled = program.rules[0]
    windows = Windows(program, {}, Limits(groups=max(groups, 10_000)))
    for event in (_event(number, groups, 30) for number in range(groups)):
        windows.on_hit(compiled, Hit("errors", event.body["data"]["app"], event, {}), Subject(event), event.at_ms)
        for _ in windows.release(event.at_ms):
            pass
    windows.changes()
    spent = 0.0
    for first in range(groups, groups + count, 100):
        # Made just before they are used, as the decoder would: a hit's event is fresh in the cache.
        batch = [_event(number, groups, 30) for number in range(first, first + 100)]
        hits = [(Hit("errors", event.body["data"]["app"], event, {}), Subject(event)) for event in batch]
        started = time.process_time()
        for hit, subject in hits:
            at_ms = hit.event.at_ms
            windows.on_hit(compiled, hit, subject, at_ms)
            for _ in windows.release(at_ms):
                pass
        spent += time.process_time() - started
    windows.changes()
    # What a commit after a batch of 100 hits costs, and how many rows it has: only what changed.
    batch = [_event(groups + count + number, groups, 30) for number in range(100)]
    for event in batch:
        windows.on_hit(compiled, Hit("errors", event.body["data"]["app"], event, {}), Subject(event), event.at_ms)
    started = time.process_time()
    rows = windows.changes()
    commit_s = time.process_time() - started
    return {"groups": groups, "us_per_hit": round(spent / count * 1e6, 2), "live": len(windows.snapshot()),
            "rows_in_a_commit_of_100_hits": len(rows), "us_per_row": round(commit_s / len(rows) * 1e6, 1)}  # fmt: skip


def _restart(states: int) -> dict[str, Any]:
    """Take over so many open states, as the store would hand them out."""
    program = compile_rulebook(parse_rules([("errors.yaml", RULE)], None).rulebook)
    windows = Windows(program, {}, Limits(groups=states))
    compiled = program.rules[0]
    for number in range(states):
        event = _event(number, states, 1)
        windows.on_hit(compiled, Hit("errors", event.body["data"]["app"], event, {}), Subject(event), event.at_ms)
    for _ in windows.release(START_MS + states + 20_000):
        pass
    stored = windows.snapshot()
    del windows
    started = time.process_time()
    evaluator = Evaluator(program, {}, lambda zone, at_ms: 0, stored, Limits(groups=states))
    spent = time.process_time() - started
    return {"states": len(stored), "seconds": round(spent, 3), "wake_known": evaluator.wake_at_ms is not None}


def _waits(path: Path) -> dict[str, Any]:
    """Count how long after its line's arrival a hit is handed over, and how many lines come too late to wait."""
    intake = Intake()
    waiting: list[tuple[int, int, str]] = []
    waited: dict[str, list[int]] = {}
    late, lines = 0, 0
    for line in _lines(path):
        decoded = decode(line)
        if isinstance(decoded, Malformed) or decoded.seen_ms is None:
            continue
        for step in ("before", "after"):
            front_ms = intake.front_at(decoded.seen_ms) if step == "before" else intake.front_ms
            for at_ms, seen_ms, kind in [one for one in waiting if one[0] + intake.lateness_ms <= front_ms]:
                over_ms = intake.arrives_ms(at_ms + intake.lateness_ms) if step == "before" else decoded.seen_ms
                waited.setdefault(kind, []).append(max(0, over_ms - seen_ms))
            waiting = [one for one in waiting if one[0] + intake.lateness_ms > front_ms]
            if step == "before":
                event = intake.admit(decoded, line, 0)
                if event is not None:
                    lines += 1
                    late += event.at_ms < intake.front_ms - intake.lateness_ms
                    waiting.append((event.at_ms, event.seen_ms, event.kind))
    kinds = {
        kind: {"median_s": _share(found, 50), "p95_s": _share(found, 95)}
        for kind, found in sorted(waited.items())
        if kind in ("transcript", "visual_index")
    }
    return {"recording": path.stem, "lines": lines, "late_percent": round(100 * late / lines, 1), **kinds}


def _share(found: list[int], percent: int) -> float:
    return round(sorted(found)[min(len(found) - 1, len(found) * percent // 100)] / 1000, 1)


def _lines(path: Path) -> list[Line]:
    recording = Recording(str(path))
    found: list[Line] = []
    while items := recording.read(0):
        found += [line for item in items if isinstance(item, Chunk) for line in split(item)]
    recording.close()
    return found


def main(recordings: list[str]) -> None:
    paths = [Path(name) for name in recordings] or sorted(RECORDINGS.glob("*.jsonl*"))
    print(json.dumps({
        "bench": "windows", "hits": [_hits(1, 50_000), _hits(10_000, 50_000)], "restart": _restart(100_000),
        "waits": [_waits(path) for path in paths],
    }))  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
