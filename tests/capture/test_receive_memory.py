"""What the webhook receiver remembers, and how it reads it back from the journals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from capture.webhook_memory import About, Memory, Tail

SMALL = st.none() | st.integers() | st.text(max_size=3) | st.lists(st.none(), max_size=1)
ANY = st.recursive(
    SMALL | st.booleans(), lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=6
)
TELLING = ("event", "capture_session_id", "event_id", "timestamp", "label", "start", "rtstream_id", "type")


@given(
    st.dictionaries(st.text(max_size=8), ANY, max_size=4)
    | st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(TELLING, SMALL)
        | {
            "event": st.just("capture_session.x") | SMALL,
            "channel": st.sampled_from(["alert", "transcript", "webhook"]),
        }
        | {"data": SMALL | st.fixed_dictionaries({}, optional=dict.fromkeys(TELLING, SMALL))},
    )
)
def test_any_object_is_remembered_once(message: dict[str, Any]) -> None:
    memory = Memory()
    assert memory.fresh(message, About("alert", "s", "a"), 0)
    assert not memory.fresh(message, About("alert", "s", "a"), 1)
    memory.heard(message)


def test_a_tail_reads_whole_lines_once_and_notices_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    tail = Tail(path)
    assert list(tail.new_lines()) == []
    path.write_bytes(b'{"a": 1}\n[2]\n{"a": 3')
    assert list(tail.new_lines()) == [{"a": 1}]
    with path.open("ab") as file:
        file.write(b"}\n")
    assert list(tail.new_lines()) == [{"a": 3}]
    path.rename(tmp_path / "old.jsonl")
    path.write_bytes(b'{"a": 4}\n')
    assert list(tail.new_lines()) == [{"a": 4}]
    assert list(tail.new_lines()) == []


def test_a_day_later_it_is_news_again() -> None:
    memory, about, day_ms = Memory(), About("session"), 24 * 3600 * 1000
    stamped, timeless = {"event": "x", "timestamp": 1}, {"type": "transcript", "text": "Yeah."}
    told = [memory.fresh(stamped, about, now) for now in (0, day_ms - 1, day_ms)]
    assert told == [True, False, True]
    assert [memory.fresh(timeless, about, now) for now in (0, 29_999, 30_000)] == [True, False, True]
