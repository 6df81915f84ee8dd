"""A random program may not tell one store from the other."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine.core import retry
from engine.model.checkpoint import Commit
from engine.model.delivery import Delivery, Outcome, Permanent, Sent, Temporary
from engine.model.errors import StoreError
from engine.model.event import BadLine, Position
from engine.model.request import Request
from engine.store.memory import MemoryStore
from tests.contract.test_store import NOW, Pair, note, source

NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f", "\ud800"])
PLACES = st.sampled_from(["me", "ops"])
IDS = st.lists(st.integers(0, 14), max_size=5)
OUTCOMES = st.sampled_from(
    [Sent(), Temporary("503"), Temporary("429", 30_000), Permanent("400"), Permanent("401", True)]
)
DAY = 86_400_000


class SqliteIsMemory(RuleBasedStateMachine):
    """Whatever is done to both, both show the same."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.sqlite = Pair(self.folder / "state")
        self.memory = MemoryStore()
        self.now_ms = NOW
        self.held: list[Delivery] = []

    @rule(ms=st.sampled_from([1, 1_000, 60_000, DAY, 31 * DAY]))
    def time_passes(self, ms: int) -> None:
        self.now_ms += ms

    @rule(
        names=st.lists(NAMES, max_size=4),
        place=PLACES,
        states=st.dictionaries(st.tuples(NAMES, NAMES), st.none() | st.binary(max_size=3), max_size=3),
        uid=NAMES,
        offset=st.integers(0, 2**64),
    )
    def commit(
        self, names: list[str], place: str, states: dict[tuple[str, str], bytes | None], uid: str, offset: int
    ) -> None:
        notes = tuple(note(name, place) for name in names)
        line = BadLine(Position(uid, offset), uid, 1, "not-json", 3, b"abc")
        commit = Commit(
            self.now_ms, (source(uid, offset),), states, notes, (line,), (), {uid: len(names)}, ((uid, offset, "{}"),)
        )
        assert self.sqlite.commit(commit) == self.memory.commit(commit)

    @rule(name=NAMES, group=st.none() | NAMES, until_ms=st.none() | st.integers(0, 2**64))
    def ask(self, name: str, group: str | None, until_ms: int | None) -> None:
        asked = Request("ack" if until_ms is None else "snooze", name, self.now_ms, group, until_ms)
        self.sqlite.ask(asked)
        self.memory.ask(asked)

    @rule(most=st.integers(0, 3))
    def answer(self, most: int) -> None:
        commit = Commit(self.now_ms, answered=tuple(one.id for one in self.memory.requests()[:most]))
        assert self.sqlite.commit(commit) == self.memory.commit(commit)

    @rule(place=PLACES, most=st.integers(0, 3))
    def claim(self, place: str, most: int) -> None:
        taken = self.memory.claim(place, self.now_ms, most)
        assert self.sqlite.claim(place, self.now_ms, most) == taken
        self.held += taken

    @rule(outcome=OUTCOMES, jitter=st.floats(0, 1, exclude_max=True))
    def settle(self, outcome: Outcome, jitter: float) -> None:
        settled = [retry.after(row, outcome, self.now_ms, jitter) for row in self.held]
        self.held = []
        self.sqlite.settle(settled)
        self.memory.settle(settled)

    @rule()
    def the_courier_dies(self) -> None:
        self.held = []
        freed = self.memory.release(self.now_ms)
        assert self.sqlite.release(self.now_ms) == freed
        dead = [retry.after_crash(row, self.now_ms) for row in freed]
        self.sqlite.settle(dead)
        self.memory.settle(dead)

    @rule(ids=IDS)
    def retry(self, ids: list[int]) -> None:
        assert self.sqlite.retry(ids, self.now_ms) == self.memory.retry(ids, self.now_ms)

    @rule(ids=IDS)
    def drop(self, ids: list[int]) -> None:
        assert self.sqlite.drop(ids) == self.memory.drop(ids)

    @rule(ids=IDS, name=NAMES)
    def coalesce(self, ids: list[int], name: str) -> None:
        told = []
        for store in (self.sqlite, self.memory):
            try:
                store.coalesce(ids, note(name), self.now_ms)
                told.append("")
            except StoreError as error:
                told.append(str(error))
        assert told[0] == told[1]

    @rule(sent_ms=st.sampled_from([0, DAY]), dead_ms=st.sampled_from([0, 30 * DAY]))
    def prune(self, sent_ms: int, dead_ms: int) -> None:
        assert self.sqlite.prune(self.now_ms, sent_ms, dead_ms) == self.memory.prune(self.now_ms, sent_ms, dead_ms)

    @rule(clean=st.booleans())
    def restart(self, clean: bool) -> None:
        self.sqlite.close(clean=clean)
        self.sqlite = Pair(self.folder / "state")
        self.memory.close(clean=clean)
        assert self.sqlite.load() == self.memory.load()

    @invariant()
    def they_show_the_same(self) -> None:
        assert self.sqlite.outbox(most=1_000) == self.memory.outbox(most=1_000)
        assert self.sqlite.destinations() == self.memory.destinations()
        assert self.sqlite.next_due_ms() == self.memory.next_due_ms()
        assert replace(self.sqlite.status(), holder="") == self.memory.status()
        assert self.sqlite.decisions("a") == self.memory.decisions("a")
        assert self.sqlite.requests() == self.memory.requests()

    def teardown(self) -> None:
        self.sqlite.close()
        shutil.rmtree(self.folder)


TestSqliteIsMemory = SqliteIsMemory.TestCase
TestSqliteIsMemory.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
