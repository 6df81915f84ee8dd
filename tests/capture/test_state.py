"""The state file: what is saved is loaded, whole and for its owner alone; nonsense is no state."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture.lifecycle import lifecycle_message
from capture.state import STATE_NAME, Export, Pipeline, RunState, Session, StateFile, Stream
from tests.capture.desk import new_run

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
STREAMS = st.builds(Stream, TEXT, TEXT, TEXT, st.lists(TEXT, max_size=2))
PIPELINES = st.builds(
    Pipeline, TEXT, TEXT, TEXT, state=TEXT, id=st.none() | TEXT, old=st.lists(TEXT, max_size=2),
    alerts=st.dictionaries(TEXT, TEXT, max_size=2), error=st.none() | TEXT,
)  # fmt: skip
SESSIONS = st.builds(
    Session, TEXT, created_ms=st.integers(0, 2**53), over=st.just(False), said=st.lists(TEXT, max_size=3),
    streams=st.lists(STREAMS, max_size=2), pipelines=st.dictionaries(TEXT, PIPELINES, max_size=2),
    export=st.builds(Export, TEXT, st.none() | TEXT, st.none() | TEXT),
)  # fmt: skip
STATES = st.builds(
    RunState, TEXT, st.integers(1, 2**31), st.integers(0, 2**53), TEXT,
    phase=st.sampled_from(["starting", "waiting", "live", "stopping", "exporting", "ended"]),
    control=st.dictionaries(TEXT, TEXT | st.integers(0, 65535), max_size=2),
    sessions=st.lists(SESSIONS, max_size=4),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(state=STATES)
def test_what_is_saved_is_loaded(tmp_path: Path, state: RunState) -> None:
    file = StateFile(tmp_path)
    file.save(state)
    assert file.load() == state


def test_finished_sessions_but_the_newest_are_dropped(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    sessions = [Session("a", over=True), Session("b"), Session("c", over=True)]
    file.save(RunState("run", 1, 1, "j", sessions=sessions))
    loaded = file.load()
    assert loaded is not None
    assert [each.id for each in loaded.sessions] == ["b", "c"]
    assert [each.id for each in loaded.unfinished] == ["b"]
    assert loaded.session is not None and loaded.session.id == "c"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"{}", b'{"version": 2}', b'{"version": 1}', b'{"version": 1, "sessions": 3}'],
)
def test_nonsense_is_no_state(tmp_path: Path, content: bytes) -> None:
    (tmp_path / STATE_NAME).write_bytes(content)
    assert StateFile(tmp_path).load() is None


def test_fields_of_a_later_version_are_left_out(tmp_path: Path) -> None:
    (tmp_path / STATE_NAME).write_bytes(
        b'{"version":1,"run":"r","pid":1,"started_ms":1,"journal":"j","new":1,"sessions":[{"id":"a","new":2}]}'
    )
    loaded = StateFile(tmp_path).load()
    assert loaded == RunState("r", 1, 1, "j", sessions=[Session("a")])


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_it_is_for_its_owner_alone_and_follows_no_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("untouched")
    (tmp_path / STATE_NAME).symlink_to(elsewhere)
    StateFile(tmp_path).save(RunState("r", 1, 1, "j"))
    path = tmp_path / STATE_NAME
    assert not path.is_symlink() and elsewhere.read_text() == "untouched"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["elsewhere", STATE_NAME]


def test_what_is_said_of_a_session_before_its_id_is_known_counts(tmp_path: Path) -> None:
    """The socket may be faster than the reply that tells the id; and it may be slower than polling."""
    run = new_run(tmp_path)
    try:
        for status in ("created", "starting"):
            run.take(lifecycle_message("cap-1", status, "u", "2026-01-01T00:00:00Z", {}), "ws")
        session = Session("cap-1")
        run.begin_session(session)
        assert (session.said, session.status) == (["created", "starting"], "starting")
        session.status = "stopping"
        run.take(lifecycle_message("cap-1", "active", "u", "2026-01-01T00:00:00Z", {}), "ws")
        assert (session.said[-1], session.status) == ("active", "stopping")
        saved = StateFile(tmp_path).load()
        assert saved is not None and saved.sessions == [session]
    finally:
        run.journal.close()
