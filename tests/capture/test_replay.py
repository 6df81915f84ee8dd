"""A replayed recording is the recording, only now: order, contents and distances are kept."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.cli.main import COMMANDS
from capture.journal import Journal, Sync, wire_message
from capture.replay import parse_speed, read_recording, replay, retimed, stamp_ms

T0 = 1_772_441_996_000


def recording(path: Path, *events: dict[str, Any] | bytes) -> Path:
    path.write_bytes(b"".join((e if isinstance(e, bytes) else orjson.dumps(e)) + b"\n" for e in events))
    return path


def transcript(offset_s: float, text: str = "hello") -> dict[str, Any]:
    at_ms = T0 + round(offset_s * 1000)
    return {
        "ts": "2026-03-02T08:59:56+00:00", "unix_ts": at_ms / 1000, "channel": "transcript", "rtstream_id": "rts-mic",
        "data": {"text": text, "is_final": True, "start": at_ms - 2500, "end": at_ms - 300, "confidence": 0.5},
    }  # fmt: skip


def replayed(source: Path, folder: Path, **options: Any) -> list[dict[str, Any]]:
    with Journal.open(folder / "out.jsonl", run="r", sync=Sync.NEVER) as journal:
        replay(source, journal, **options)
    return [orjson.loads(line) for line in (folder / "out.jsonl").read_bytes().splitlines()]


def capture(*args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "capture", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, **options)


def test_times_move_to_now_and_keep_their_distances(tmp_path: Path) -> None:
    before = time.time() * 1000
    out = replayed(recording(tmp_path / "rec.jsonl", transcript(0), transcript(7, "bye")), tmp_path, speed=None)
    for line, original in zip(out, (transcript(0), transcript(7, "bye")), strict=True):
        now = line["unix_ts"] * 1000
        assert before - 1 <= now <= time.time() * 1000
        assert now - line["data"]["end"] == pytest.approx(300, abs=20)
        assert line["data"]["end"] - line["data"]["start"] == 2200
        assert isinstance(line["data"]["start"], int)
        assert line["_capture"]["origin"] == "replay"
        assert line["data"]["text"] == original["data"]["text"]
        assert line["data"]["confidence"] == 0.5


@pytest.mark.parametrize(("speed", "expected"), [(1.0, 53.0), (60.0, 53 / 60), (None, 0.0)], ids=["live", "60", "max"])
def test_speed_divides_the_waits(tmp_path: Path, speed: float | None, expected: float) -> None:
    waits: list[float] = []
    source = recording(tmp_path / "rec.jsonl", *map(transcript, [0, 7, 3, 53], "abcd"))
    out = replayed(source, tmp_path, speed=speed, wait=waits.append, clock=lambda: sum(waits))
    assert [line["data"]["text"] for line in out] == list("abcd")
    assert sum(waits) == pytest.approx(expected)
    assert max(waits, default=0.0) <= 0.5, "a signal just before a wait would be heard only at its end"


def test_bad_lines_pass_unchanged_in_their_place(tmp_path: Path) -> None:
    bad = [b'{"torn": "by', b"[1, 2]", b'"text"', b"\xff\xfe", b"null", b"[" * 2000]
    source = recording(tmp_path / "rec.jsonl", transcript(0), *bad, b"", transcript(1))
    with Journal.open(tmp_path / "out.jsonl", run="r") as journal:
        done = replay(source, journal, speed=None)
    assert (tmp_path / "out.jsonl").read_bytes().splitlines()[1:-1] == bad
    assert (done.lines, done.bad, done.end) == (8, 6, source.stat().st_size)


def test_a_journal_replays_without_piling_up_stamps(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "first.jsonl", run="r1") as journal:
        journal.append({"channel": "transcript", "ts": "of the wire", "data": {"text": "a"}}, "ws", gen=2)
    (line,) = replayed(tmp_path / "first.jsonl", tmp_path, speed=None)
    assert wire_message(line) == {"channel": "transcript", "ts": "of the wire", "data": {"text": "a"}}
    assert line["_capture"]["gen"] == 2
    assert line["_capture"]["run"] == "r"


@given(
    was_ms=st.integers(1_500_000_000_000, 1_900_000_000_000),
    now_ms=st.integers(1_500_000_000_000, 1_900_000_000_000),
    start=st.integers(-60_000, 0),
    length=st.integers(0, 60_000),
)
def test_retiming_keeps_the_unit_and_the_distance(was_ms: int, now_ms: int, start: int, length: int) -> None:
    first, last = was_ms + start, was_ms + start + length
    moved = retimed({"data": {"start": first, "end": last}, "timestamp": first}, was_ms, now_ms)
    assert moved == {
        "data": {"start": now_ms + start, "end": now_ms + start + length}, "timestamp": now_ms + start,
    }  # fmt: skip
    in_seconds = retimed({"data": {"start": first / 1000, "end": last / 1000}}, was_ms, now_ms)["data"]
    assert in_seconds["end"] == pytest.approx((now_ms + start + length) / 1000, abs=0.002)
    back = retimed(retimed({"data": {"start": first}}, was_ms, now_ms), now_ms, was_ms)
    assert back == {"data": {"start": first}}


def test_what_is_no_time_near_the_stamp_stays() -> None:
    message = {
        "timestamp": "soon", "start": 12.5, "end": True, "start_time": T0,
        "data": {"timestamp": "2020-01-01T00:00:00Z", "start": None, "text": str(T0)},
    }  # fmt: skip
    assert retimed(message, T0, T0 + 5000) == message


def test_iso_event_times_move_too() -> None:
    moved = retimed({"event": "capture_session.stopped", "timestamp": "2026-03-02T08:59:57Z"}, T0, T0 + 86_400_000 * 9)
    assert moved["timestamp"] == "2026-03-11T08:59:57.000Z"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"unix_ts": 1.5, "ts": "2026-03-02T08:59:56Z"}, 1500),
        ({"ts": "2026-03-02T08:59:56Z", "data": {"end": 5}}, T0),
        ({"data": {"end": T0 + 1}}, T0 + 1),
        ({"timestamp": "2026-03-02T08:59:56"}, T0),
        ({"unix_ts": True, "ts": 5, "data": []}, None),
    ],
)
def test_stamp(message: dict[str, Any], expected: int | None) -> None:
    assert stamp_ms(message) == expected


def test_a_line_without_a_time_takes_that_of_the_line_before(tmp_path: Path) -> None:
    source = recording(tmp_path / "rec.jsonl", {"a": 1}, transcript(5), {"b": 2}, b"junk")
    assert [entry.at_ms for entry in read_recording(source)] == [None, T0 + 5000, T0 + 5000, T0 + 5000]


@pytest.mark.parametrize("text", ["0", "-1", "fast", "nan", "inf", ""])
def test_a_speed_that_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        parse_speed(text)


def test_the_command_reports_and_writes(tmp_path: Path) -> None:
    source = recording(tmp_path / "rec.jsonl", transcript(0), b"junk", transcript(3600))
    done = capture("replay", str(source), "--speed", "max", "--to", str(tmp_path / "new" / "j.jsonl"))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"3 lines to {tmp_path}/new/j.jsonl, 1 of them bad\n"
    assert len((tmp_path / "new" / "j.jsonl").read_bytes().splitlines()) == 3


def test_the_command_writes_to_the_default_journal(tmp_path: Path) -> None:
    source = recording(tmp_path / "rec.jsonl", transcript(0))
    assert capture("replay", str(source), env={**os.environ, "VIDEODB_EVENTS_DIR": str(tmp_path / "d")}).returncode == 0
    assert (tmp_path / "d" / "videodb_events.jsonl").stat().st_size


def test_failures_are_one_line_with_a_code(tmp_path: Path) -> None:
    missing = capture("replay", str(tmp_path / "no.jsonl"))
    assert (missing.returncode, missing.stderr) == (3, f"Error: there is no recording {tmp_path}/no.jsonl\n")
    source = recording(tmp_path / "rec.jsonl", transcript(0))
    before = source.read_bytes()
    itself = capture("replay", str(source), "--to", str(source), "--clear")
    assert itself.returncode == 3
    assert source.read_bytes() == before
    assert itself.stderr.count("\n") == 1
    with Journal.open(tmp_path / "busy.jsonl", run="r"):
        busy = capture("replay", str(source), "--to", str(tmp_path / "busy.jsonl"))
    assert busy.returncode == 3
    assert f"process {os.getpid()}" in busy.stderr
    assert capture("replay", str(source), "--speed", "0").returncode == 2


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and terminals")
def test_ctrl_c_exits_130_and_a_terminal_sees_progress(tmp_path: Path) -> None:
    source = recording(tmp_path / "rec.jsonl", transcript(0), transcript(3600))
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "capture", "replay", str(source), "--to", str(tmp_path / "j.jsonl")]
    process = subprocess.Popen(command, stderr=child)
    os.close(child)
    seen = b""
    deadline = time.monotonic() + 20
    while b"50%" not in seen and time.monotonic() < deadline:
        seen += os.read(parent, 1024)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    os.close(parent)
    assert b"rec.jsonl" in seen
    assert len((tmp_path / "j.jsonl").read_bytes().splitlines()) == 1


def test_help_teaches_and_names_every_command() -> None:
    shown = capture("--help").stdout
    assert all(f"  {name} " in shown for name in COMMANDS)
    assert "Exit codes" in shown
    assert capture("--version").stdout.startswith("capture ")
    assert capture("fly").returncode == 2


def test_starting_imports_nothing_heavy() -> None:
    code = "import sys, capture.cli.main; print({'videodb', 'websockets', 'asyncio', 'orjson'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "set()\n"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_in_the_table_loads(name: str) -> None:
    shown = capture(name, "--help")
    assert shown.returncode == 0
    assert shown.stdout.startswith("Usage: capture ")
