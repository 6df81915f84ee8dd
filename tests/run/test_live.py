"""What the engine loads and costs, and how a round is made safe against a store that refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from engine.core.compile import compile_rulebook
from engine.core.evaluator import Evaluator
from engine.model.checkpoint import Commit, SourceRecord
from engine.model.errors import StoreError
from engine.model.event import BadLine, Chunk, Gap, Position
from engine.rulebook.parse import parse_rules
from engine.run.clock import zone_offset
from engine.run.live import Helping, Pipeline
from engine.store.memory import MemoryStore
from tests.cli.workspace import Workspace, screen

HEAVY = ("apprise", "videodb", "requests", "websockets", "asyncio", "jsonschema")
EVENT = b'{"channel": "visual_index", "unix_ts": 1772442000.5, "data": {"text": "Slack %d"}}\n'


def test_the_engine_loads_no_sender_and_no_sdk(workspace: Workspace) -> None:
    workspace.rule("slack", "when: visual_index\ncontains: Slack\n")
    workspace.write("engine.yaml", "destinations: {hook: 'json://127.0.0.1:9/'}\ndefault: hook\n")
    workspace.append(screen("Slack"))
    workspace.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    with workspace.run() as engine:
        engine.says("fired   slack -> hook")
        assert engine.stop() == 0
    own, _, _ = engine.err.partition("fired   slack -> hook")  # the courier's own imports come later
    assert "engine.run.live" in own
    assert [name for name in HEAVY if f" {name}\n" in own] == []


@pytest.mark.parametrize(
    ("arguments", "heavier", "limit_s"),
    [
        (("--help",), ("yaml", "jmespath", "sqlite3", "orjson"), 0.3),
        (("check", "rules"), ("sqlite3", "watchfiles", "subprocess"), 0.6),
        (("status", "--state", "state"), ("yaml", "watchfiles"), 0.6),
    ],
)
def test_starting_is_cheap(
    workspace: Workspace, arguments: Sequence[str], heavier: Sequence[str], limit_s: float
) -> None:
    """The limits are four times what it takes: they catch an import of the wrong kind, not a tenth of a second."""
    workspace.rule("slack", "when: visual_index\ncontains: Slack\n")
    cpu = min(_cpu_s(lambda: workspace.engine(*arguments)) for _ in range(3))
    print(f"engine {' '.join(arguments)}: {cpu * 1000:.0f} ms of CPU")  # noqa: T201
    assert cpu < limit_s
    argv = [sys.executable, "-X", "importtime", "-m", "engine", *arguments]
    told = subprocess.run(argv, cwd=workspace.root, env=workspace.environment, capture_output=True, check=False).stderr
    assert [name for name in (*HEAVY, *heavier) if f" {name}\n".encode() in told] == []


def _cpu_s(work: Callable[[], object]) -> float:
    before = os.times()
    work()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


class Helpings:
    """A source that hands out what it was given, one list a read, and counts the reads."""

    def __init__(self, *helpings: Sequence[Chunk | BadLine | Gap]) -> None:
        self.reads = 0
        self._helpings = list(helpings)

    def read(self, now_ms: int) -> Sequence[Chunk | BadLine | Gap]:
        self.reads += 1
        return self._helpings.pop(0) if self._helpings else []

    def records(self) -> tuple[SourceRecord, ...]:
        return ()

    def close(self) -> None:
        """Nothing is open."""


class Refusing(MemoryStore):
    """A store that refuses its first commits."""

    def __init__(self, refusals: int) -> None:
        super().__init__()
        self.commits: list[Commit] = []
        self._refusals = refusals

    def commit(self, commit: Commit) -> int:
        self.commits.append(commit)
        if len(self.commits) <= self._refusals:
            raise StoreError("the disk is full")
        return super().commit(commit)


def pipeline(source: Helpings, store: MemoryStore) -> Pipeline:
    parsed = parse_rules([("slack.yaml", b"when: visual_index\ncontains: Slack\n")], None)
    program = compile_rulebook(parsed.rulebook)
    evaluator = Evaluator(program, {"default": ("console",)}, zone_offset("UTC"))
    return Pipeline(source, store, evaluator, lambda: 1_772_442_000_000)


def chunk(number: int, lines: bytes) -> Chunk:
    return Chunk("log:0", "log.jsonl", number * 1000, number + 1, lines)


def test_a_refused_commit_is_tried_again_before_anything_more_is_read() -> None:
    source = Helpings([chunk(0, EVENT % 0)], [chunk(1, EVENT % 1)])
    store = Refusing(2)
    line = pipeline(source, store)
    for _ in range(2):
        with pytest.raises(StoreError, match="full"):
            line.round()
        assert (line.is_behind, source.reads) == (True, 1)
    assert (line.round().rows, line.is_behind) == (1, False)
    assert store.commits[0] is store.commits[1] is store.commits[2]
    assert (line.round().rows, source.reads) == (1, 2)
    bodies = [row.notification.body for row in store.outbox()]
    assert bodies == ["Slack 1", "Slack 0"]


def test_blank_lines_and_gaps_alone_are_not_the_end() -> None:
    gap = Gap("log:0", "log.jsonl", 5, 10, "truncated")
    source = Helpings([chunk(0, b"\n\n\n")], [gap], [chunk(1, EVENT % 1)])
    store = MemoryStore()
    rounds: list[Helping] = []
    pipeline(source, store).drain(rounds.append)
    assert [(one.read, one.lines, one.rows) for one in rounds] == [
        (True, 0, 0), (True, 0, 0), (True, 1, 1), (False, 0, 0),
    ]  # fmt: skip
    assert store.status().gaps == (gap,)


def test_what_the_tail_could_not_take_is_told_and_counted() -> None:
    bad = BadLine(Position("log:0", 3), "log.jsonl", 1, "too-long", 5_000_000, b"{")
    store = MemoryStore()
    helping = pipeline(Helpings([bad, chunk(1, b"nonsense\n")]), store).round()
    assert [one.reason.partition(":")[0] for one in helping.output.bad_lines] == ["too-long", "not-json"]
    assert helping.lines == 2
    assert store.status().counters["lines.bad"] == 2


def test_nothing_new_is_no_commit(tmp_path: Path) -> None:
    store = Refusing(0)
    line = pipeline(Helpings(), store)
    assert line.round() == Helping()
    assert store.commits == []
