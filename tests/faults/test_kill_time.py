"""kill -9 during windows, digests, escalations and silences: deadlines are kept, nothing is told twice or lost."""

from __future__ import annotations

import json
import random
import sqlite3
import time
from pathlib import Path
from typing import Any

from engine.core.compile import compile_rulebook
from engine.core.evaluator import Evaluator
from engine.core.lines import split
from engine.model.config import Limits
from engine.model.event import Chunk
from engine.rulebook.parse import parse_rules
from engine.run.clock import zone_offset
from engine.source.recording import Recording
from tests.cli.workspace import Running, Workspace, until

LATENESS_S = 1
RULES = """
defaults: {notify: out}
rules:
  - {name: thrice, when: transcript, word: alpha, count: 3 within 4s, message: "{{ count }} {{ _.text }}"}
  - {name: chain, sequence: {a: {when: transcript, word: alpha}, b: {when: transcript, word: beta}}, within: 3s}
  - {name: quiet, absent: {when: transcript}, for: 2s, while: session.active, resolve: back}
  - {name: bundle, when: transcript, digest: {or_at: 9}}
  - {name: recap, when: [transcript, alert], digest: {at: session_end}}
  - {name: down, when: alert, escalate: [{after: 2s, notify: oncall}, {after: 5s, notify: oncall}],
     until: session.stopped, resolve: over}
"""
CONFIG = f"""
destinations: {{out: 'file://out.jsonl', oncall: 'file://oncall.jsonl'}}
limits: {{lateness: {LATENESS_S}s}}
"""


def _line(channel: str, number: int, text: str) -> dict[str, Any]:
    now_ms = time.time_ns() // 1_000_000
    body = {"channel": channel, "unix_ts": now_ms / 1000, "rtstream_name": "mic:default", "rtstream_id": "rts-1"}
    if channel == "capture_session":
        return {**body, "event": f"capture_session.{text}", "capture_session_id": "cap-1", "status": text, "data": {}}
    said = {"text": f"{text} {number}", "start": now_ms, "end": now_ms, "label": text}
    return {**body, "capture_session_id": "cap-1", "data": said}


def _story() -> list[tuple[float, str, str]]:
    """Return (second, channel, text): talk, four seconds of silence, talk, the end, and two seconds of other things."""
    words = ("alpha", "beta", "gamma", "alpha")
    talk = [(0.2 + number * 0.2, "transcript", words[number % 4]) for number in range(15)]
    more = [(7.5 + number * 0.2, "transcript", words[number % 4]) for number in range(15)]
    rest = [(11.2 + number * 0.3, "visual_index", "nothing") for number in range(16)]
    ends = [(0.0, "capture_session", "active"), (3.4, "alert", "smoke"), (10.9, "capture_session", "stopped")]
    return sorted([*talk, *more, *rest, *ends])


def test_what_was_due_is_told_once_however_often_the_engine_is_killed(workspace: Workspace) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    workspace.rule("time", RULES)
    workspace.write("engine.yaml", CONFIG.replace("file://", f"file://{workspace.root}/"))
    workspace.journal.touch()
    engine: Running | None = workspace.run("--quiet")
    kills, kill_at, began = 0, 0.8, time.monotonic()
    for number, (at_s, channel, text) in enumerate(_story()):
        while (left_s := began + at_s - time.monotonic()) > 0:
            time.sleep(min(left_s, 0.02))
            if time.monotonic() - began > kill_at:
                if engine is not None:
                    engine.kill()
                    kills += 1
                engine = workspace.run("--quiet")
                kill_at += 0.7 + chance.random()
        workspace.append(_line(channel, number, text))
    expected = _expected(workspace)
    assert engine is not None
    with engine:
        until(lambda: set(_keys(workspace.state)) >= expected, 20, lambda: f"seed {seed}: {engine.err}")
        time.sleep(0.3)  # anything told twice or made up would follow at once
        assert engine.stop() == 0
    keys = _keys(workspace.state)
    assert kills >= 5
    assert len(keys) == len(set(keys))
    assert set(keys) == expected, seed
    rules = {rule for rule, _ in map(_named, expected)}
    assert rules == {"thrice", "chain", "quiet", "bundle", "recap", "down"}


def _expected(workspace: Workspace) -> set[str]:
    """Return the keys of the messages that an engine nobody disturbed would have written."""
    program = compile_rulebook(parse_rules([("time.yaml", RULES.encode())], None).rulebook)
    limits = Limits(lateness_ms=LATENESS_S * 1000)
    evaluator = Evaluator(program, {"out": ("out",), "oncall": ("oncall",)}, zone_offset("UTC"), None, limits)
    recording = Recording(str(workspace.journal))
    while items := recording.read(0):
        for item in items:
            for line in split(item) if isinstance(item, Chunk) else ():
                evaluator.on_line(line, evaluator.intake.last_seen_ms)
    recording.close()
    told = evaluator.take_output().notifications
    return {f"{note.rule} {note.key}" for note in told}


def _named(key: str) -> tuple[str, str]:
    rule, _, name = key.partition(" ")
    return rule, name


def _keys(state: Path) -> list[str]:
    database = sqlite3.connect(state / "engine.db")
    try:
        rows = database.execute("SELECT key, record FROM outbox").fetchall()
    finally:
        database.close()
    return [f"{json.loads(record)['rule']} {key}" for key, record in rows]
