"""What only the file store does: roles and locks, versions, a full disk, and text that must be gone when deleted."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import pytest

from engine.core import retry
from engine.model.checkpoint import Commit
from engine.model.delivery import DeliveryState, Sent
from engine.model.errors import StoreError
from engine.model.notification import Notification
from engine.model.request import Request
from engine.store import database
from engine.store.database import MIGRATIONS, SCHEMA_VERSION, Database, connect, migrate, open_database, sql
from engine.store.sqlite import Role, SqliteStore

NOW = 1_760_000_000_000


def open_store(directory: Path, role: Role = "engine", now_ms: int = NOW) -> SqliteStore:
    return SqliteStore.open(str(directory), role=role, now_ms=now_ms)


def batch(*keys: str, body: str = "text") -> Commit:
    notes = tuple(Notification(key, key, "rule", None, "me", "title", body, "info", NOW) for key in keys)
    return Commit(NOW, notifications=notes, counters={"batches": 1})


def raw(store: SqliteStore) -> Database:
    return store._database


def test_each_writing_role_has_one_holder_who_is_named(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "state")) as engine, closing(open_store(tmp_path / "state", "courier")):
        programs: dict[Role, str] = {"engine": "engine run", "courier": "engine deliver"}
        for role, program in programs.items():
            with pytest.raises(StoreError) as refused:
                open_store(tmp_path / "state", role)
            assert f"another `{program}` (pid {os.getpid()} on " in str(refused.value)
            assert "since 2025-10-09T08:53:20+00:00" in str(refused.value)
            assert "stop it or give --state another folder" in str(refused.value)
        assert engine.commit(batch("a")) == 1
    open_store(tmp_path / "state").close()


def test_another_process_is_refused_and_named(tmp_path: Path) -> None:
    second = (
        "import sys; from engine.store.sqlite import SqliteStore\n"
        "SqliteStore.open(sys.argv[1], role='engine', now_ms=0)"
    )
    with closing(open_store(tmp_path / "state")):
        done = subprocess.run([sys.executable, "-c", second, tmp_path / "state"], capture_output=True, text=True)
    assert done.returncode == 1
    assert f"pid {os.getpid()}" in done.stderr


def test_status_names_the_holder_only_while_there_is_one(tmp_path: Path) -> None:
    engine = open_store(tmp_path / "state")
    with closing(open_store(tmp_path / "state", "reader")) as reader:
        engine.load()
        assert reader.status().holder.startswith(f"pid {os.getpid()} on ")
        assert not reader.status().clean
        engine.close()
        assert reader.status().holder == ""
        assert reader.status().clean


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff"])
def test_a_lock_file_with_odd_content_locks_nobody_out(tmp_path: Path, content: bytes) -> None:
    open_store(tmp_path / "state").close()
    (tmp_path / "state" / "engine.lock").write_bytes(content)
    with closing(open_store(tmp_path / "state")) as store:
        assert json.loads((tmp_path / "state" / "engine.lock").read_bytes())["pid"] == os.getpid()
        (tmp_path / "state" / "engine.lock").write_bytes(content)
        assert store.status().holder == "unknown"


@pytest.mark.parametrize("role", ["engine", "courier"])
def test_a_stolen_lock_is_noticed_before_anything_is_written(tmp_path: Path, role: Role) -> None:
    state = tmp_path / "state"
    with closing(open_store(state)) as store:
        store.commit(batch("a"))
    with closing(open_store(state)):
        pass
    first = open_store(state, role)
    (state / f"{role}.lock").unlink()
    second = open_store(state, role)
    with pytest.raises(StoreError, match=f"another {role} has taken over"):
        first.commit(batch("b")) if role == "engine" else first.claim("me", NOW, 1)
    first.close(clean=False)
    assert [row.state for row in second.outbox()] == [DeliveryState.PENDING]
    second.close()


def test_a_role_keeps_to_its_own_work(tmp_path: Path) -> None:
    engine = open_store(tmp_path / "state")
    courier, reader = open_store(tmp_path / "state", "courier"), open_store(tmp_path / "state", "reader")
    engine.commit(batch("a"))
    for store in (courier, reader):
        with pytest.raises(StoreError, match="only the engine may do this"):
            store.commit(batch("b"))
    for store in (engine, reader):
        with pytest.raises(StoreError, match="only the courier may do this"):
            store.claim("me", NOW, 1)
        with pytest.raises(StoreError, match="only the courier may do this"):
            store.settle([])
        with pytest.raises(StoreError, match="only the courier may do this"):
            store.release(NOW)
    assert reader.drop([1]) == 1
    for store in (reader, courier, engine):
        store.close()
        store.close()


def test_the_courier_sees_the_engines_commits(tmp_path: Path) -> None:
    with (
        closing(open_store(tmp_path / "state")) as engine,
        closing(open_store(tmp_path / "state", "courier")) as courier,
    ):
        courier.changed()
        assert not courier.changed()
        engine.commit(batch("a"))
        assert courier.changed()
        [row] = courier.claim("me", NOW, 5)
        assert not courier.changed()
        assert engine.row(row.id) == row
        assert engine.changed()


def test_a_commit_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "state")) as store:
        store.commit(batch("a"))
        before = (store.outbox(), store.status())
        poison = Commit(NOW + 1, counters={"batches": 1}, states={("r", "g"): b"x"}, notifications=(None,))  # type: ignore[arg-type]
        with pytest.raises(AttributeError):
            store.commit(poison)
        assert (store.outbox(), store.status()) == before
        assert store.commit(batch("b")) == 1


def test_a_full_database_is_told_in_plain_words_and_passes(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "state")) as store:
        store.commit(batch("a"))
        before = (store.outbox(), store.status())
        pages = raw(store).connection.execute("PRAGMA page_count").fetchone()[0]
        raw(store).connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match="the disk is full; free some space"):
            store.commit(batch("b", body="x" * 100_000))
        assert (store.outbox(), store.status()) == before
        raw(store).connection.execute("PRAGMA max_page_count = 1000000")
        assert store.commit(batch("b", body="x" * 100_000)) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit there")
def test_a_disk_that_refuses_is_told_in_plain_words_and_passes(tmp_path: Path) -> None:
    import resource

    with closing(open_store(tmp_path / "state")) as store:
        store.commit(batch("a"))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, hard))
        try:
            with pytest.raises(StoreError, match=r"the disk (refused|is full)"):
                for number in range(100):
                    store.commit(batch(f"k{number}", body="x" * 10_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        told = store.status()
        assert told.counters["batches"] == told.outbox[0].pending
        assert store.commit(batch("after")) == 1
        assert raw(store).connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_held_file_is_told_in_plain_words(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "state")) as store, closing(connect(tmp_path / "state" / "engine.db")) as other:
        raw(store).connection.execute("PRAGMA busy_timeout = 10")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another program has held the file"):
            store.commit(batch("a"))
        other.execute("ROLLBACK")
        assert store.commit(batch("a")) == 1


def test_a_newer_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    open_store(tmp_path / "state").close()
    path = tmp_path / "state" / "engine.db"
    with closing(connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    roles: tuple[Role, ...] = ("engine", "courier", "reader")
    for role in roles:
        with pytest.raises(StoreError, match=r"written by a newer engine .* update this program"):
            open_store(tmp_path / "state", role)
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    with closing(sqlite3.connect(state / "engine.db")) as foreign:
        foreign.execute("CREATE TABLE theirs (x)")
    with pytest.raises(StoreError, match="not a state file of this program"):
        open_store(state)


def test_migrations_run_once_each_and_all_or_nothing(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "state")) as store:
        store.commit(batch("a"))
    path = tmp_path / "state" / "engine.db"
    step = SCHEMA_VERSION + 1
    good = {step: "ALTER TABLE outbox ADD COLUMN extra TEXT NOT NULL DEFAULT ''"}
    broken = {step: good[step] + "; INSERT INTO nowhere VALUES (1)"}
    with closing(connect(path)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            migrate(connection, step, broken.__getitem__)
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        migrate(connection, step, good.__getitem__)
        migrate(connection, step, good.__getitem__)
        assert connection.execute("PRAGMA user_version").fetchone() == (step,)
        assert connection.execute("SELECT key, extra FROM outbox").fetchall() == [("a", "")]


def test_the_engine_brings_an_older_file_over_and_the_others_wait_for_that(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "state")) as store:
        store.commit(batch("a"))
    with closing(connect(tmp_path / "state" / "engine.db")) as connection:
        connection.execute("PRAGMA user_version = 0")
    with pytest.raises(StoreError, match=r"older engine .* start `engine run`"):
        open_store(tmp_path / "state", "courier")
    with closing(open_store(tmp_path / "state")) as store:
        assert raw(store).connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert len(store.outbox()) == 1


def test_a_file_of_the_first_version_keeps_what_it_held(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "state")) as store:
        store.commit(batch("a"))
    path = tmp_path / "state" / "engine.db"
    kept = {}
    with closing(connect(path)) as connection:
        for table in ("outbox", "counter", "holder"):
            kept[table] = connection.execute(f"SELECT * FROM {table}").fetchall()
    path.unlink()
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    with closing(connect(path)) as connection:
        migrate(connection, 1)
        for table, rows in kept.items():
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
    with closing(open_store(tmp_path / "state")) as store:
        assert [row.notification.key for row in store.outbox()] == ["a"]
        assert store.status().counters == {"batches": 1}
        store.ask(Request("ack", "rule", NOW))
        store.commit(Commit(NOW, decisions=(("rule", NOW, "{}"),)))
        assert (len(store.requests()), store.decisions("rule")) == (1, [(NOW, "{}")])


def test_the_engine_sees_what_a_reader_asked(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "state")) as engine, closing(open_store(tmp_path / "state", "reader")) as reader:
        engine.commit(batch("a"))
        engine.changed()
        assert not engine.changed()
        reader.ask(Request("ack", "rule", NOW))
        assert engine.changed()
        [asked] = engine.requests()
        engine.commit(Commit(NOW, answered=(asked.id,)))
        assert reader.requests() == []
        assert not engine.changed(), "its own commit is no news"


def test_a_commit_that_fails_leaves_the_request(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "state")) as store:
        store.ask(Request("ack", "rule", NOW))
        poison = Commit(NOW, answered=(1,), notifications=(None,))  # type: ignore[arg-type]
        with pytest.raises(AttributeError):
            store.commit(poison)
        assert [request.id for request in store.requests()] == [1]


def test_the_quotes_of_old_decisions_are_gone_from_every_file(tmp_path: Path) -> None:
    state, secret = tmp_path / "state", "the captured sentence"
    with closing(open_store(state)) as engine:
        engine.commit(Commit(NOW, decisions=(("rule", NOW, secret),)))
        assert any(secret.encode() in path.read_bytes() for path in state.iterdir())
        assert engine.prune(NOW + 10, 1, 10) == 0
        assert engine.decisions("rule") == []
        assert not any(secret.encode() in path.read_bytes() for path in state.iterdir())


def test_a_start_that_died_while_making_the_file_is_made_again(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "engine.db.new").write_bytes(b"half a file")
    (state / "engine.db.new-journal").write_bytes(b"half a journal")
    with closing(open_store(state)) as store:
        assert store.commit(batch("a")) == 1


@pytest.mark.parametrize("step", MIGRATIONS)
def test_the_schema_is_a_file_of_the_package(step: int) -> None:
    assert files("engine.store").joinpath(MIGRATIONS[step]).is_file()
    assert Path(database.__file__).with_name(MIGRATIONS[step]).read_text(encoding="utf-8") == sql(step)


def test_the_settings_of_a_connection(tmp_path: Path) -> None:
    def settings(store: SqliteStore) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        return [raw(store).connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    with closing(open_store(tmp_path / "state")) as store:
        assert settings(store) == ["wal", 1, 1, 1, 5000]
    strict = SqliteStore.open(str(tmp_path / "state"), role="engine", durability="strict", now_ms=NOW)
    with closing(strict):
        assert settings(strict) == ["wal", 2, 1, 1, 5000]


def test_a_shared_file_system_gets_a_rollback_journal(tmp_path: Path) -> None:
    open_store(tmp_path / "state").close()
    engine = open_database(tmp_path / "state", engine=True, rollback=True)
    reader = open_database(tmp_path / "state", engine=False, rollback=True)
    with closing(engine), closing(reader):
        assert engine.connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        with engine.write() as connection:
            connection.execute("INSERT INTO counter (name, value) VALUES ('a', 1)")
        assert reader.changed()
        with reader.read() as connection:
            assert connection.execute("SELECT value FROM counter").fetchall() == [(1,)]
        assert not (tmp_path / "state" / "engine.db-wal").exists()
    with closing(open_store(tmp_path / "state")) as store:
        assert raw(store).connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_deleted_text_is_gone_from_every_file(tmp_path: Path) -> None:
    state, secret = tmp_path / "state", "the captured sentence"
    with closing(open_store(state)) as engine, closing(open_store(state, "courier")) as courier:
        engine.commit(batch("a", body=secret))
        courier.settle([retry.after(row, Sent(), NOW, 0.0) for row in courier.claim("me", NOW, 1)])
        assert any(secret.encode() in path.read_bytes() for path in state.iterdir())
        assert engine.prune(NOW + 10, 1, 1) == 1
        assert not any(secret.encode() in path.read_bytes() for path in state.iterdir())


def test_a_clean_close_leaves_one_plain_file(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "state")) as store:
        store.commit(batch("a"))
    assert {path.name for path in (tmp_path / "state").iterdir()} == {"engine.db", "engine.lock"}
    assert (tmp_path / "state" / "engine.lock").read_bytes() == b""
