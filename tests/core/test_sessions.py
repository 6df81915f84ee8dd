"""Which sessions are over, and how long they were."""

from __future__ import annotations

from engine.core.sessions import MOST, Sessions
from tests.core.dispatching import MINUTE_MS, happened


def _note(sessions: Sessions, minutes: float, status: str | None, session: str | None = "one") -> bool:
    return sessions.note(happened(minutes, None, kind="session", status=status, session=session))


def test_a_session_lasts_from_active_to_its_first_end() -> None:
    sessions = Sessions()
    for minutes, status in (
        (0, "created"),
        (1, "active"),
        (2, "active"),
        (8, "stopping"),
        (9, "stopped"),
        (12, "exported"),
    ):
        assert _note(sessions, minutes, status)
        assert sessions.is_over("one") == (minutes >= 9)
    assert sessions.length_ms("one") == 8 * MINUTE_MS and sessions.length_ms("two") is None


def test_a_session_that_goes_on_is_not_over() -> None:
    sessions = Sessions()
    for minutes, status in ((0, "active"), (5, "failed"), (6, "active")):
        _note(sessions, minutes, status)
    assert not sessions.is_over("one")
    _note(sessions, 7, "stopped")
    assert sessions.length_ms("one") == MINUTE_MS


def test_an_end_without_a_beginning_has_no_length() -> None:
    sessions = Sessions()
    assert _note(sessions, 0, "stopped") and not _note(sessions, 0, None) and not _note(sessions, 0, "active", None)
    assert sessions.is_over("one") and sessions.length_ms("one") is None


def test_a_restart_changes_nothing_and_old_sessions_are_forgotten() -> None:
    sessions = Sessions()
    for number in range(MOST + 5):
        _note(sessions, number, "active", f"s{number}")
        _note(sessions, number + 1, "stopped", f"s{number}")
    stored = sessions.changes()
    assert sessions.changes() == {} and len(stored) == 1
    again = Sessions()
    again.restore({key: blob for key, blob in stored.items() if blob is not None})
    assert again.snapshot() == sessions.snapshot()
    assert not again.is_over("s0") and again.length_ms(f"s{MOST}") == MINUTE_MS
