"""What both ledgers of summaries promise: answers stay, budgets hold, old text goes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.checkpoint import Commit
from engine.model.notification import Notification, SummaryRequest
from engine.model.summary import Answer, Spend
from engine.run.ports import SummaryLedger
from engine.store.memory import MemoryStore
from engine.store.rows import answer, pack_answer
from engine.store.sqlite import SqliteStore

NOW = 1_760_000_000_000
DAY_MS = 86_400_000
ODD = "\x00 lone \ud800 'quote'; -- \u202e \U0001f600"
REQUEST = SummaryRequest("f-1", ODD, (("10:00 mic", ODD), ("", "")), 300, 20, "2026-03-02", ODD, "after")


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MemoryStore | SqliteStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    opened = SqliteStore.open(str(tmp_path / "state"), role="engine", now_ms=NOW)
    yield opened
    opened.close()


def test_both_meet_the_port(store: MemoryStore | SqliteStore) -> None:
    def port(sqlite: SqliteStore, memory: MemoryStore) -> tuple[SummaryLedger, SummaryLedger]:
        return sqlite.summaries, memory.summaries  # the type checker is the test

    assert callable(port)
    assert store.summaries.remembered("nothing") is None


@pytest.mark.parametrize(
    "given_answer", [Answer("Shipped.", "gpt-4o-mini"), Answer(None, "", "HTTP 429"), Answer(ODD, ODD)]
)
def test_an_answer_is_remembered_as_it_was_and_the_first_one_stays(
    store: MemoryStore | SqliteStore, given_answer: Answer
) -> None:
    store.summaries.remember(ODD, given_answer, NOW)
    store.summaries.remember(ODD, Answer("later"), NOW + 1)
    assert store.summaries.remembered(ODD) == given_answer
    assert store.summaries.remembered("other") is None


def test_a_call_counts_on_all_its_budgets_or_on_none(store: MemoryStore | SqliteStore) -> None:
    both = (Spend("2026-03-02", "notes", 2), Spend("2026-03-02", "", 3))
    assert [store.summaries.spend(both, NOW) for _ in range(3)] == [None, None, "notes"]
    other = (Spend("2026-03-02", "other", 9), both[1])
    assert [store.summaries.spend(other, NOW) for _ in range(2)] == [None, ""]
    assert store.summaries.spend((Spend("2026-03-03", "notes", 2), Spend("2026-03-03", "", 3)), NOW) is None
    assert store.summaries.spend((Spend("2026-03-02", "x", 0),), NOW) == "x"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["1", "2"]), st.integers(0, 3)), max_size=20))
def test_both_count_alike(tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[str, str, int]]) -> None:
    sqlite = SqliteStore.open(str(tmp_path_factory.mktemp("state")), role="engine", now_ms=NOW)
    memory = MemoryStore()
    for name, day, most in calls:
        budgets = (Spend(day, name, most), Spend(day, "", 4))
        assert sqlite.summaries.spend(budgets, NOW) == memory.summaries.spend(budgets, NOW)
    sqlite.close()


def test_answers_go_with_the_sent_messages(store: MemoryStore | SqliteStore, tmp_path: Path) -> None:
    store.summaries.remember("old", Answer("captured text"), NOW)
    store.summaries.remember("new", Answer("more of it"), NOW + 2 * DAY_MS)
    if isinstance(store, SqliteStore):
        store.close()
        store = SqliteStore.open(str(tmp_path / "state"), role="engine", now_ms=NOW)
    store.prune(NOW + 2 * DAY_MS, 2 * DAY_MS, 30 * DAY_MS)
    assert store.summaries.remembered("old") is None
    assert store.summaries.remembered("new") == Answer("more of it")
    if isinstance(store, SqliteStore):
        store.close()
        assert b"captured text" not in b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())


def test_a_request_waits_in_the_outbox_as_it_was(store: MemoryStore | SqliteStore) -> None:
    note = Notification("k", "f-1", "notes", None, "me", "title", "body", "info", NOW, 2, REQUEST)
    plain = replace(note, key="plain", request=None)
    store.commit(Commit(NOW, notifications=(note, plain)))
    assert [row.notification for row in store.outbox()] == [plain, note]


@given(st.builds(Answer, st.none() | st.text(st.characters(codec=None)), st.text(), st.text()))
def test_what_is_packed_reads_back(one: Answer) -> None:
    assert answer(pack_answer(one)) == one


def test_readers_spend_no_more_than_there_is_however_many_they_are(tmp_path: Path) -> None:
    folder = str(tmp_path / "state")
    SqliteStore.open(folder, role="engine", now_ms=NOW).close()
    granted: list[str | None] = []

    def spend() -> None:
        reader = SqliteStore.open(folder, role="reader", now_ms=NOW)
        granted.extend(reader.summaries.spend((Spend("2026-03-02", "notes", 10),), NOW) for _ in range(5))
        reader.close()

    threads = [threading.Thread(target=spend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (granted.count(None), granted.count("notes")) == (10, 10)
