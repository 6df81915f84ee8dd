"""Recordings: read to the end, refused with a reason, and named as a tail names them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.core.lines import split
from engine.model.errors import RecordingError
from engine.model.event import BadLine, Chunk, Line
from engine.source.recording import NothingMatchedError, Recording, expand
from tests.source.follower import Follower, Log, serial

PIPE = ["pipe"] if hasattr(os, "mkfifo") else []


def lines(path: Path) -> list[Line]:
    with Recording(str(path)) as recording:
        return [line for item in recording if isinstance(item, Chunk) for line in split(item)]


def test_a_tail_and_a_recording_name_every_line_alike(log: Log, follower: Follower, tmp_path: Path) -> None:
    log.write(200)
    log.append(serial(201).rstrip())
    follower.read()
    follower.tail.finish(follower.now_ms)
    follower.read()
    assert lines(log.path) == follower.lines
    (tmp_path / "archive").mkdir()
    log.path.rename(tmp_path / "archive" / log.path.name)
    moved = lines(tmp_path / "archive" / log.path.name)
    assert [line.position for line in moved] == [line.position for line in follower.lines]


@pytest.mark.parametrize(
    ("end", "count", "bad"),
    [
        (b"", 2, []),
        (serial(3).rstrip(), 3, []),
        (b'{"n":3', 2, ["unfinished"]),
        (b" \r", 2, []),
        (b"y" * 3_000_000, 2, ["too-long"]),
    ],
)
def test_the_last_line_needs_no_newline(tmp_path: Path, end: bytes, count: int, bad: list[str]) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(serial(1) + serial(2) + end)
    with Recording(str(path)) as recording:
        items = list(recording)
        assert recording.read(0) == []
    assert len(lines(path)) == count
    assert [item.reason for item in items if isinstance(item, BadLine)] == bad


def test_an_empty_recording_has_nothing(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.touch()
    assert lines(path) == []


@pytest.mark.parametrize("kind", ["missing", "folder", *PIPE])
def test_what_cannot_be_read_is_refused_with_a_reason(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "r.jsonl"
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(RecordingError, match=r"r\.jsonl.*; "):
        Recording(str(path))


def test_a_recording_that_changes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b"".join(serial(number) for number in range(40_000)))
    with Recording(str(path)) as recording:
        recording.read(0)
        path.write_bytes(b"".join(serial(number) for number in range(7, 50_000)))
        with pytest.raises(RecordingError, match="changed"):
            list(recording)


def test_globs_expand_in_order_and_must_match(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl", "c.jsonl.gz", "x[1].jsonl"):
        (tmp_path / name).touch()
    pattern = str(tmp_path / "*.jsonl")
    plain = str(tmp_path / "b.jsonl")
    odd = str(tmp_path / "x[1].jsonl")
    assert expand([plain, pattern, odd]) == [plain, str(tmp_path / "a.jsonl"), odd]
    assert expand([str(tmp_path / "none.jsonl")]) == [str(tmp_path / "none.jsonl")]
    with pytest.raises(NothingMatchedError, match="no file matches"):
        expand([plain, str(tmp_path / "*.json")])
