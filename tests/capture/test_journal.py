"""The journal keeps its promises on real files: whole lines, one writer, private, wire fields untouched."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.journal import MAX_LINE, Journal, JournalBusyError, JournalError, Sync, wire_message
from capture.paths import journal_path

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes and links")


def lines(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_a_line_is_the_message_plus_stamps_of_one_clock_read(tmp_path: Path) -> None:
    message = {"channel": "transcript", "rtstream_id": "rts-1", "data": {"text": "Grüße 😀", "start": 1710000001234}}
    with Journal.open(tmp_path / "j.jsonl", run="r1", now_ns=lambda: 1_772_446_530_123_456_789) as journal:
        assert journal.append(message, "ws", gen=3) == 1
    (line,) = lines(tmp_path / "j.jsonl")
    assert {name: line[name] for name in message} == message
    assert line["ts"] == "2026-03-02T10:15:30.123456+00:00"
    assert line["unix_ts"] == 1772446530.123456 == datetime.fromisoformat(line["ts"]).timestamp()
    assert line["_capture"] == {"run": "r1", "gen": 3, "seq": 1, "origin": "ws"}


def test_the_wire_cannot_pretend_to_be_the_writer(tmp_path: Path) -> None:
    forged = {"ts": "yesterday", "unix_ts": 1, "_capture": {"run": "x", "origin": "runner"}, "channel": "alert"}
    with Journal.open(tmp_path / "j.jsonl", run="r1", now_ns=lambda: 5_000_000_000) as journal:
        journal.append(forged, "ws")
    (line,) = lines(tmp_path / "j.jsonl")
    assert line["unix_ts"] == 5.0
    assert line["_capture"]["run"] == "r1"
    assert line["_capture"]["origin"] == "ws"
    assert wire_message(line) == forged


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abts_\n\u2028é", max_size=4), inner),
    max_leaves=8,
)
names = st.sampled_from(["ts", "unix_ts", "_capture", "channel", "data", "event"]) | st.text("xy\n", max_size=2)


@given(messages=st.lists(st.dictionaries(names, json_values, max_size=5), max_size=5))
def test_any_message_comes_back_as_it_was(messages: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j.jsonl"
        with Journal.open(path, run="r", sync=Sync.NEVER) as journal:
            assert [journal.append(message, "ws") for message in messages] == list(range(1, len(messages) + 1))
        assert path.read_bytes().count(b"\n") == len(messages)
        assert [wire_message(line) for line in lines(path)] == messages


@given(text=st.text(st.characters(categories=["Cs", "Ll", "So"]), min_size=1, max_size=6))
def test_lone_surrogates_become_replacement_characters(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j.jsonl"
        with Journal.open(path, run="r", sync=Sync.NEVER) as journal:
            journal.append({"data": {"text": text}}, "ws")
        (line,) = lines(path)
    assert line["data"]["text"] == text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def test_a_number_beyond_64_bits_keeps_every_digit(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j.jsonl", run="r") as journal:
        journal.append({"n": 2**80}, "ws")
    assert json.loads((tmp_path / "j.jsonl").read_bytes())["n"] == 2**80


def test_what_makes_no_line_goes_to_the_dead_letter_and_leaves_a_hole(tmp_path: Path) -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with Journal.open(tmp_path / "j.jsonl", run="r") as journal:
        journal.append({"text": "x" * MAX_LINE}, "ws")
        journal.append({"n": float("nan"), "big": 2**80}, "webhook")
        journal.append(deep, "ws")
        journal.reject(b"[1]\xff", "not-object", "ws")
        assert journal.append({"ok": True}, "ws") == 4
        assert journal.rejected == 4
        letters = lines(journal.dead_letter)
    assert [(x["reason"], x["origin"]) for x in letters] == [
        ("too-long", "ws"), ("not-json", "webhook"), ("not-json", "ws"), ("not-object", "ws"),
    ]  # fmt: skip
    assert letters[0]["length"] > MAX_LINE
    assert "x" * MAX_LINE in letters[0]["raw"]
    assert letters[3]["raw"] == "[1]\ufffd"
    assert [line["_capture"]["seq"] for line in lines(tmp_path / "j.jsonl")] == [4]
    while deep:  # a chain this deep would overflow the stack when it is freed at once
        deep = deep["a"]


def test_a_torn_tail_is_ended_before_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(b'{"a": 1}\n{"torn": "by a cra')
    with Journal.open(path, run="r") as journal:
        journal.append({"b": 2}, "ws")
    torn, whole = path.read_bytes().splitlines()[1:]
    assert torn == b'{"torn": "by a cra'
    assert orjson.loads(whole)["b"] == 2


def test_a_second_writer_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with Journal.open(path, run="first"):
        code = (
            "import sys, pathlib; from capture.journal import *\n"
            "try: Journal.open(pathlib.Path(sys.argv[1]), run='second')\n"
            "except JournalBusyError as error: print(error.holder.pid, error.holder.run, error)"
        )
        out = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout
        assert out.startswith(f"{os.getpid()} first {path} is being written by process {os.getpid()}, since 2")
        with pytest.raises(JournalBusyError):
            Journal.open(path, run="same process")
    with Journal.open(path, run="afterwards"):
        pass


def test_a_killed_writer_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    code = (
        "import sys, pathlib, os; from capture.journal import *\n"
        "Journal.open(pathlib.Path(sys.argv[1]), run='r').append({'a': 1}, 'ws'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    with Journal.open(path, run="r2") as journal:
        journal.append({"a": 2}, "ws")
    assert [line["a"] for line in lines(path)] == [1, 2]


def test_clear_renames_and_a_reader_keeps_its_file(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    with Journal.open(path, run="r1") as journal:
        journal.append({"a": 1}, "ws")
    with path.open("rb") as reader:
        with Journal.open(path, run="r2", clear=True, now_ns=lambda: 1_772_446_530_123_456_789) as journal:
            journal.append({"a": 2}, "ws")
        assert orjson.loads(reader.read())["a"] == 1
    assert orjson.loads((tmp_path / "events-20260302T101530.123456Z.jsonl").read_bytes())["a"] == 1
    assert [line["a"] for line in lines(path)] == [2]
    assert len(list(tmp_path.glob("*.jsonl"))) == 2


def test_clear_of_nothing_makes_no_file(tmp_path: Path) -> None:
    for _ in range(2):
        Journal.open(tmp_path / "j.jsonl", run="r", clear=True).close()
    assert [path.name for path in tmp_path.glob("*.jsonl")] == ["j.jsonl"]


@posix
def test_only_the_owner_may_read(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "j.jsonl"
    with Journal.open(path, run="r") as journal:
        journal.reject(b"x", "not-object", "ws")
        for private in (path, journal.dead_letter, path.parent / ".j.jsonl.lock"):
            assert stat.S_IMODE(private.stat().st_mode) == 0o600
        assert {stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)} == {0o700}
    path.chmod(0o644)
    Journal.open(path, run="r").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@posix
@pytest.mark.parametrize("name", ["j.jsonl", ".j.jsonl.lock"])
@pytest.mark.parametrize("clear", [False, True])
def test_a_planted_link_is_refused_and_its_target_untouched(tmp_path: Path, name: str, clear: bool) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"precious")
    (tmp_path / name).symlink_to(target)
    with pytest.raises(JournalError, match="symbolic link"):
        Journal.open(tmp_path / "j.jsonl", run="r", clear=clear)
    assert target.read_bytes() == b"precious"


@posix
def test_a_pipe_in_its_place_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "j.jsonl")
    with pytest.raises(JournalError, match="not a plain file"):
        Journal.open(tmp_path / "j.jsonl", run="r")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_reported_and_the_next_line_starts_fresh(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys, pathlib; from capture.journal import *\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "journal = Journal.open(pathlib.Path(sys.argv[1]), run='r', sync=Sync.NEVER)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))\n"
        "try: journal.append({'text': 'x' * 400}, 'ws')\n"
        "except JournalError as error: print(error)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)\n"
        "journal.append({'text': 'after'}, 'ws')"
    )
    path = tmp_path / "j.jsonl"
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "took 300 of" in run.stdout
    torn, whole = path.read_bytes().splitlines()
    assert len(torn) == 300
    assert orjson.loads(whole)["text"] == "after"


def test_threads_never_mix_their_lines(tmp_path: Path) -> None:
    def write(name: str) -> None:
        for number in range(300):
            journal.append({"name": name, "number": number, "text": "x" * 50}, "ws")

    with Journal.open(tmp_path / "j.jsonl", run="r", sync=Sync.NEVER) as journal:
        threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    written = lines(tmp_path / "j.jsonl")
    assert [line["_capture"]["seq"] for line in written] == list(range(1, 1201))
    assert [line["number"] for line in written if line["name"] == "c"] == list(range(300))


@pytest.mark.parametrize("sync", list(Sync))
def test_every_policy_has_everything_on_disk_after_close(tmp_path: Path, sync: Sync) -> None:
    with Journal.open(tmp_path / "j.jsonl", run="r", sync=sync) as journal:
        journal.append({"channel": "alert"}, "ws")
        journal.append({"channel": "transcript"}, "ws")
        journal.sync()
    journal.close()
    assert len(lines(tmp_path / "j.jsonl")) == 2
    with pytest.raises(JournalError, match="closed"):
        journal.append({}, "ws")


def test_the_default_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEODB_EVENTS_DIR", str(tmp_path))
    assert journal_path() == tmp_path / "videodb_events.jsonl"
    monkeypatch.delenv("VIDEODB_EVENTS_DIR")
    if sys.platform == "linux":
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        assert journal_path() == tmp_path / "capture-rules" / "capture" / "videodb_events.jsonl"
