"""Damaged files: refused with the way out, kept as evidence, saved as far as they can be read; never a start at 0."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engine.core import retry
from engine.model.checkpoint import Commit, SourceRecord
from engine.model.delivery import DeliveryState, Permanent, Sent
from engine.model.errors import StoreError
from engine.model.event import BadLine, Gap, Position
from engine.model.notification import Notification
from engine.model.request import Request
from engine.model.summary import Answer, Spend
from engine.store.database import connect
from engine.store.recover import REASON
from engine.store.sqlite import Role, SqliteStore

NOW = 1_760_000_000_000
PAGE = 4096
ROWS = 400

ASKED = Request("ack", "rule", NOW, "group 1")
SOURCE = SourceRecord("u", "/events.jsonl", 1, 2, 0, 77, 7, 10, "ab", b"guard")


def open_store(directory: Path, role: Role = "engine") -> SqliteStore:
    return SqliteStore.open(str(directory), role=role, now_ms=NOW)


def note(number: int) -> Notification:
    return Notification(f"k{number}", "f", "rule", None, "me", "title", "x" * 300, "info", NOW)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A used state folder: one source, some states, rows in each condition, keys of rows that are gone."""
    made = tmp_path / "state"
    with closing(open_store(made)) as engine, closing(open_store(made, "courier")) as courier:
        engine.load()
        engine.commit(
            Commit(
                NOW,
                (SOURCE,),
                {("rule", f"group {n}"): b"%d" % n for n in range(20)},
                tuple(note(n) for n in range(ROWS)),
                (BadLine(Position("u:0", 1), "/events.jsonl", 1, "not-json", 3, b"abc"),),
                (Gap("u:0", "/events.jsonl", 5, 6, "truncated"),),
                {"lines": 9},
                (("rule", NOW, "{}"),),
            )
        )
        engine.summaries.remember("firing", Answer("It is shipped.", "gpt-4o-mini"), NOW)
        engine.summaries.spend((Spend("2026-03-02", "rule", 1),), NOW)
        engine.ask(ASKED)
        engine.drop([ROWS])
        sent, dead = courier.claim("me", NOW, 2)
        courier.settle([retry.after(sent, Sent(), NOW, 0.0), retry.after(dead, Permanent("400"), NOW, 0.0)])
    return made


def zero_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(100))


def zero_first_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(PAGE))


def garble_a_page(path: Path) -> None:
    """Overwrite a page in the middle, which belongs to the outbox."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // PAGE // 2 * PAGE)
        file.write(b"\xa5" * PAGE)


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def replace_by_text(path: Path) -> None:
    path.write_text("this was never a database\n" * 500)


DAMAGES = [zero_header, zero_first_page, garble_a_page, cut_in_half, empty, replace_by_text]
Damage = Callable[[Path], None]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_with_the_way_out(state: Path, damage: Damage) -> None:
    damage(state / "engine.db")
    before = (state / "engine.db").read_bytes()
    with pytest.raises(StoreError, match=rf"engine.db is damaged .* `engine run --recover --state {state}`"):
        open_store(state)
    assert (state / "engine.db").read_bytes() == before


@pytest.mark.parametrize("damage", DAMAGES)
def test_recovery_keeps_the_evidence_and_starts_in_order(state: Path, damage: Damage) -> None:
    damage(state / "engine.db")
    before = (state / "engine.db").read_bytes()
    recovery = SqliteStore.recover(str(state), NOW)
    assert Path(recovery.moved_to).name == "engine.db.corrupt-20251009T085320Z"
    assert Path(recovery.moved_to).read_bytes() == before
    with closing(open_store(state)) as engine:
        assert not engine.load().clean
        assert engine.status().gaps[0] == Gap("", "engine.db.corrupt-20251009T085320Z", 0, None, REASON)
        assert engine.status().counters[f"gaps:{REASON}"] == 1
        assert len(engine.outbox(most=10**9)) == recovery.rows["outbox"]
        engine.commit(Commit(NOW, notifications=(note(ROWS + 1),)))
    if sys.platform != "win32":
        assert {stat.S_IMODE(path.stat().st_mode) for path in state.iterdir()} == {0o600}


@pytest.mark.parametrize("damage", [zero_header, zero_first_page])
def test_a_lost_first_page_loses_nothing_else(state: Path, damage: Damage) -> None:
    with closing(open_store(state, "reader")) as reader:
        rows, checkpoint, status = reader.outbox(most=10**9), reader.load(), reader.status()
    damage(state / "engine.db")
    recovery = SqliteStore.recover(str(state), NOW)
    assert recovery.damaged == ()
    with closing(open_store(state)) as engine:
        assert (engine.outbox(most=10**9), engine.load()) == (rows, replace(checkpoint, clean=False))
        assert engine.decisions("rule") == [(NOW, "{}")]
        assert engine.requests() == [replace(ASKED, id=1)]
        assert engine.summaries.remembered("firing") == Answer("It is shipped.", "gpt-4o-mini")
        assert engine.summaries.spend((Spend("2026-03-02", "rule", 1),), NOW) == "rule"
        assert (engine.status().bad_lines, engine.status().gaps[1:]) == (status.bad_lines, status.gaps)
        assert engine.commit(Commit(NOW, notifications=(note(ROWS - 1),))) == 0  # dropped before: its key is known


def test_a_garbled_page_costs_the_rows_of_that_page_only(state: Path) -> None:
    garble_a_page(state / "engine.db")
    recovery = SqliteStore.recover(str(state), NOW)
    assert recovery.damaged == ("outbox",)
    assert ROWS - 1 - 30 < recovery.rows["outbox"] < ROWS - 1
    assert {name: recovery.rows[name] for name in ("source", "state", "seen")} == {"source": 1, "state": 20, "seen": 1}
    with closing(open_store(state)) as engine:
        assert engine.load().sources == (SOURCE,)
        assert [engine.row(number).state for number in (1, 2, 3, ROWS - 1)] == [  # type: ignore[union-attr]
            DeliveryState.SENT, DeliveryState.DEAD, DeliveryState.PENDING, DeliveryState.PENDING,
        ]  # fmt: skip


def test_a_file_cut_in_half_gives_what_the_half_holds(state: Path) -> None:
    cut_in_half(state / "engine.db")
    recovery = SqliteStore.recover(str(state), NOW)
    assert "outbox" in recovery.damaged
    assert recovery.rows["outbox"] > ROWS // 4
    assert recovery.rows["source"] == 1


@pytest.mark.parametrize("damage", [empty, replace_by_text])
def test_a_file_without_anything_gives_nothing_and_says_so(state: Path, damage: Damage) -> None:
    damage(state / "engine.db")
    recovery = SqliteStore.recover(str(state), NOW)
    assert {name: count for name, count in recovery.rows.items() if count} == {}
    assert {"source", "state", "outbox"} <= set(recovery.damaged)


def test_a_record_that_is_no_json_is_damage_and_costs_that_record(state: Path) -> None:
    with closing(connect(state / "engine.db")) as connection:
        connection.execute("UPDATE outbox SET record = '{' WHERE id = 9")
    with closing(open_store(state)) as engine, pytest.raises(StoreError, match=r"damaged .* --recover"):
        engine.outbox(most=10**9)
    recovery = SqliteStore.recover(str(state), NOW)
    assert (recovery.damaged, recovery.rows["outbox"]) == (("outbox",), ROWS - 2)


def test_a_file_that_is_gone_while_its_log_is_not_is_damage(state: Path) -> None:
    (state / "engine.db").rename(state / "elsewhere")
    (state / "engine.db-wal").write_bytes(b"")
    with pytest.raises(StoreError, match=r"it is gone, but engine.db-wal is still there"):
        open_store(state)
    SqliteStore.recover(str(state), NOW)
    open_store(state).close()


def crashed_copy(state: Path, tmp_path: Path) -> Path:
    """Return the folder as a power cut would leave it: ten more commits, all of them in the write-ahead log."""
    copy = tmp_path / "copy"
    with closing(open_store(state)) as engine:
        for number in range(10):
            engine.commit(Commit(NOW, (replace(SOURCE, offset=100 + number),), counters={"tail": 1}))
        shutil.copytree(state, copy)
        copy.chmod(0o700)
    return copy


def test_garbage_at_the_end_of_the_log_costs_the_last_commits_only(state: Path, tmp_path: Path) -> None:
    copy = crashed_copy(state, tmp_path)
    log = copy / "engine.db-wal"
    with log.open("r+b") as file:
        file.seek(-PAGE, os.SEEK_END)
        file.write(b"\xa5" * PAGE)
    with closing(open_store(copy)) as engine:
        tail = engine.status().counters["tail"]
        assert 8 <= tail < 10
        assert engine.load().sources[0].offset == 99 + tail


@pytest.mark.parametrize("lost", ["engine.db-wal", "engine.db-shm"])
def test_a_lost_log_gives_an_older_whole_state_and_a_lost_index_costs_nothing(
    state: Path, tmp_path: Path, lost: str
) -> None:
    copy = crashed_copy(state, tmp_path)
    (copy / lost).unlink()
    with closing(open_store(copy)) as engine:
        tail = engine.status().counters.get("tail", 0)
        assert tail == (0 if lost == "engine.db-wal" else 10)
        assert engine.load().sources[0].offset == (99 + tail if tail else 77)


def test_recovery_reads_the_log_too(state: Path, tmp_path: Path) -> None:
    copy = crashed_copy(state, tmp_path)
    garble_a_page(copy / "engine.db")
    SqliteStore.recover(str(copy), NOW)
    with closing(open_store(copy)) as engine:
        assert engine.load().sources[0].offset == 109
    assert {"engine.db.corrupt-20251009T085320Z", "engine.db.corrupt-20251009T085320Z-wal"} <= {
        path.name for path in copy.iterdir()
    }


def test_a_sound_file_is_not_recovered(state: Path) -> None:
    before = (state / "engine.db").read_bytes()
    with pytest.raises(StoreError, match="in order; there is nothing to recover"):
        SqliteStore.recover(str(state), NOW)
    assert (state / "engine.db").read_bytes() == before
    assert {path.name for path in state.iterdir()} == {"engine.db", "engine.lock", "courier.lock"}


def test_a_second_recovery_in_one_second_keeps_both_files(state: Path) -> None:
    for _ in range(2):
        garble_a_page(state / "engine.db")
        SqliteStore.recover(str(state), NOW)
    kept = sorted(path.name for path in state.glob("engine.db.corrupt-*"))
    assert kept == ["engine.db.corrupt-20251009T085320Z", "engine.db.corrupt-20251009T085320Z-2"]


@pytest.mark.parametrize("role", ["engine", "courier"])
def test_a_folder_in_use_is_not_recovered(state: Path, role: Role) -> None:
    with closing(open_store(state, role)), pytest.raises(StoreError, match="another `engine"):
        SqliteStore.recover(str(state), NOW)


def test_there_must_be_something_to_recover(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    with pytest.raises(StoreError, match=r"there is no .*engine.db to recover"):
        SqliteStore.recover(str(tmp_path / "state"), NOW)


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit there")
def test_a_recovery_without_room_changes_nothing(state: Path) -> None:
    import resource

    garble_a_page(state / "engine.db")
    before = (state / "engine.db").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        with pytest.raises(StoreError, match="was not recovered"):
            SqliteStore.recover(str(state), NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (state / "engine.db").read_bytes() == before
    assert {path.name for path in state.iterdir()} == {"engine.db", "engine.lock", "courier.lock"}
