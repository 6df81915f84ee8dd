"""What operators ask of the engine: done with the commit that deletes it, never lost, never done twice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from engine.core.decision import decision_words, read_decision
from engine.core.evaluator import Evaluator
from engine.core.moment import clock_text
from engine.model.checkpoint import Commit, SourceRecord
from engine.model.errors import StoreError
from engine.model.event import BadLine, Chunk, Gap
from engine.model.request import Request
from engine.run.clock import zone_offset
from engine.run.live import Answer, Pipeline
from engine.store.memory import MemoryStore
from engine.store.sqlite import SqliteStore
from tests.core.running import AT, program_of, seen

RULES = """
rules:
  - name: down
    when: visual_index
    contains: down
    by: _.stream
    message: "{{ _.text }}"
    notify: me
    escalate: [{after: 5m, notify: oncall}]
  - name: slack
    when: visual_index
    contains: Slack
    message: "{{ _.text }}"
    notify: me
"""
MINUTE = 60_000


class Lines:
    """A source that hands out what it was given, one chunk a read."""

    def __init__(self) -> None:
        self.waiting: list[Chunk] = []
        self._lines = 0
        self._offset = 0

    def put(self, *bodies: dict[str, object]) -> None:
        lines = "".join(json.dumps(body) + "\n" for body in bodies).encode()
        self.waiting.append(Chunk("log", "log", self._offset, self._lines + 1, lines))
        self._offset += len(lines)
        self._lines += len(bodies)

    def read(self, now_ms: int) -> Sequence[Chunk | BadLine | Gap]:
        waiting, self.waiting = self.waiting[:1], self.waiting[1:]
        return waiting

    def records(self) -> tuple[SourceRecord, ...]:
        return ()

    def close(self) -> None:
        pass


class Desk:
    """An engine on a store, whose clock is a number, and an operator beside it."""

    def __init__(self, store: MemoryStore | SqliteStore, beside: SqliteStore | None = None) -> None:
        self.store = store
        self._beside = beside or store
        self.lines = Lines()
        self.now_ms = AT
        self.start()

    def start(self) -> None:
        """Begin as a new process would, from what the store has."""
        states = self.store.load().states
        evaluator = Evaluator(program_of(RULES), {}, zone_offset("UTC"), states)
        self.pipeline = Pipeline(self.lines, self.store, evaluator, lambda: self.now_ms)

    def see(self, *texts: str, stream: str = "display:1") -> None:
        """Let the lines come, one round."""
        after_s = (self.now_ms - AT) / 1000
        self.lines.put(*({**seen(after_s, text), "rtstream_name": stream} for text in texts))
        self.pipeline.round()

    def at(self, minutes: float) -> None:
        """Let time pass to that many minutes after the start, and one round with it."""
        self.now_ms = AT + round(minutes * MINUTE)
        self.pipeline.round()

    def ack(self, rule: str = "down", group: str | None = None) -> None:
        self._beside.ask(Request("ack", rule, self.now_ms, group))

    def snooze(self, minutes: float, rule: str = "slack") -> None:
        self._beside.ask(Request("snooze", rule, self.now_ms, None, self.now_ms + round(minutes * MINUTE)))

    @property
    def sent(self) -> list[tuple[str, str]]:
        """(destination, first line) of all that is in the outbox, oldest first."""
        rows = reversed(self.store.outbox())
        return [(row.notification.destination, row.notification.body.split("\n")[0]) for row in rows]

    def decided(self, rule: str) -> list[str]:
        found = [read_decision(at_ms, text) for at_ms, text in self.store.decisions(rule)]
        return [decision_words(one, lambda at_ms: clock_text(at_ms, 0)) for one in found if one is not None]


@pytest.fixture(params=["memory", "sqlite"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    if request.param == "memory":
        yield Desk(MemoryStore())
        return
    store = SqliteStore.open(str(tmp_path / "state"), role="engine", now_ms=AT)
    beside = SqliteStore.open(str(tmp_path / "state"), role="reader", now_ms=AT)
    yield Desk(store, beside)
    beside.close()
    store.close()


def test_without_an_ack_somebody_else_is_called(desk: Desk) -> None:
    desk.see("down")
    desk.at(6)
    assert desk.sent == [("me", "down"), ("oncall", "down")]


def test_an_ack_stops_the_calls(desk: Desk) -> None:
    desk.see("down")
    desk.at(1)
    desk.ack()
    desk.at(1.1)
    desk.at(30)
    assert desk.sent == [("me", "down")]
    assert desk.store.requests() == []
    assert "acknowledged; 1 open" in desk.decided("down")


def test_an_ack_of_one_group_leaves_the_others(desk: Desk) -> None:
    desk.see("down")
    desk.see("down there", stream="display:2")
    desk.ack(group="display:2")
    desk.at(6)
    assert desk.sent == [("me", "down"), ("me", "down there"), ("oncall", "down")]


def test_what_was_asked_while_no_engine_ran_is_done_before_anything_else(desk: Desk) -> None:
    desk.see("down")
    desk.now_ms = AT + MINUTE
    desk.ack()
    desk.now_ms = AT + 60 * MINUTE  # the call is long overdue when the engine starts again
    desk.start()
    desk.pipeline.round()
    desk.at(61)
    assert desk.sent == [("me", "down")]
    assert desk.store.requests() == []


def test_a_snooze_holds_and_its_end_tells_how_many(desk: Desk) -> None:
    desk.snooze(10)
    desk.at(0.1)
    desk.see("Slack one", "Slack two")
    assert desk.sent == []
    desk.at(11)
    desk.see("Slack three")
    [row] = desk.store.outbox()
    assert row.notification.body == "Slack three\n(and 2 more since the last message)"
    assert desk.decided("slack")[-1].startswith("snoozed until 10:10")


def test_a_snooze_can_be_taken_back(desk: Desk) -> None:
    desk.snooze(10)
    desk.at(0.1)
    desk.snooze(0)
    desk.at(0.2)
    desk.see("Slack")
    assert desk.sent == [("me", "Slack")]


def test_a_snooze_survives_a_restart(desk: Desk) -> None:
    desk.snooze(10)
    desk.at(0.1)
    desk.start()
    desk.see("Slack")
    assert desk.sent == []


def test_a_request_for_a_rule_that_is_gone_is_answered(desk: Desk) -> None:
    desk.ack("gone")
    helping = desk.pipeline.round()
    assert [(answer.request.rule, answer.found) for answer in helping.answers] == [("gone", None)]
    assert desk.store.requests() == []


def test_a_round_without_requests_writes_nothing(desk: Desk) -> None:
    desk.pipeline.round()
    before = desk.store.status().last_commit_ms
    desk.at(3)
    assert desk.store.status().last_commit_ms == before


def test_the_answer_is_told_once(desk: Desk) -> None:
    desk.see("down")
    desk.ack()
    [answer] = desk.pipeline.round().answers
    assert (answer.found, answer.request.kind) == (1, "ack")
    assert desk.pipeline.round().answers == ()


class Refusing(MemoryStore):
    """A store that refuses some commits, and forgets nothing because of that."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses = 0

    def commit(self, commit: Commit) -> int:
        if self.refuses:
            self.refuses -= 1
            raise StoreError("the disk is full")
        return super().commit(commit)


def test_a_refused_commit_does_it_once_when_it_is_saved() -> None:
    store = Refusing()
    desk = Desk(store)
    desk.see("down")
    desk.ack()
    store.refuses = 2
    for _ in range(2):
        with pytest.raises(StoreError):
            desk.pipeline.round()
        assert len(store.requests()) == 1
    helping = desk.pipeline.round()
    assert isinstance(helping.answers[0], Answer)
    assert helping.answers[0].found == 1
    assert store.requests() == []
    assert desk.decided("down").count("acknowledged; 1 open") == 1


def test_a_crash_before_the_commit_leaves_it_for_the_next_start() -> None:
    store = Refusing()
    desk = Desk(store)
    desk.see("down")
    desk.ack()
    store.refuses = 1
    with pytest.raises(StoreError):
        desk.pipeline.round()
    desk.start()  # the first process is gone with all it knew
    assert [answer.found for answer in desk.pipeline.round().answers] == [1]
    desk.at(30)
    assert desk.sent == [("me", "down")]
