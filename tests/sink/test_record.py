from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from engine.model.delivery import Outcome, Permanent, Sent, Temporary
from engine.sink.record import RecordSender, record_name_problem
from tests.sink.deliveries import delivery


def write(folder: Path, body: str, name: str = "out.jsonl", tries: int = 1) -> Outcome:
    return RecordSender(folder, name).send(delivery(body, tries=tries))


def test_lines_are_appended_for_the_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "output"
    before = os.umask(0)
    try:
        assert [write(folder, '{"n":1}'), write(folder, '{"n":2}')] == [Sent(), Sent()]
    finally:
        os.umask(before)
    file = folder / "out.jsonl"
    assert file.read_bytes() == b'{"n":1}\n{"n":2}\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_body_is_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    write(tmp_path, '{"a":\r\n 1, "b": "\u2028", "c": "\ud800"}')
    [line] = (tmp_path / "out.jsonl").read_bytes().split(b"\n")[:-1]
    assert json.loads(line) == {"a": 1, "b": "\u2028", "c": "?"}


def test_a_torn_line_is_ended_before_the_next(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_bytes(b'{"n":1}\n{"n":')
    assert write(tmp_path, '{"n":2}', tries=2) == Sent()
    assert (tmp_path / "out.jsonl").read_bytes() == b'{"n":1}\n{"n":\n{"n":2}\n'


def test_a_line_written_before_a_crash_is_not_written_again(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path, f'{{"n":{number}}}')
    before = (tmp_path / "out.jsonl").read_bytes()
    assert write(tmp_path, '{"n":1}', tries=2) == Sent()
    assert (tmp_path / "out.jsonl").read_bytes() == before
    assert write(tmp_path, '{"n":1}') == Sent()  # A first try is never taken for a repeat.
    assert (tmp_path / "out.jsonl").read_bytes() == before + b'{"n":1}\n'
    assert write(tmp_path, '"n":1}', tries=2) == Sent()  # The end of another line is not this line.
    assert (tmp_path / "out.jsonl").read_bytes().endswith(b'\n"n":1}\n')


@pytest.mark.parametrize(
    "name", ["../x", "a/b", ".hidden", "-rf", "", "a" * 81, "con", "NUL.jsonl", "com1", "a\n", "é", "x."]
)
def test_a_name_outside_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    assert record_name_problem(name)
    outcome = write(tmp_path / "output", "{}", name)
    assert isinstance(outcome, Permanent)
    assert list(tmp_path.iterdir()) == []


def test_planted_links_and_devices_are_not_written_to(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious\n")
    folder = tmp_path / "output"
    folder.mkdir()
    (folder / "symlink").symlink_to(victim)
    (folder / "hardlink").hardlink_to(victim)
    os.mkfifo(folder / "fifo")
    (folder / "folder").mkdir()
    for name in ("symlink", "hardlink", "fifo", "folder"):
        outcome = write(folder, "{}", name)
        assert isinstance(outcome, Permanent), name
        assert outcome.pause
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "linked").symlink_to(elsewhere)
    assert isinstance(write(tmp_path / "linked", "{}"), Permanent)
    assert victim.read_text() == "precious\n"
    assert list(elsewhere.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_temporary(tmp_path: Path) -> None:
    outcome = write(Path("/proc/nothing/output"), "{}")
    assert isinstance(outcome, Temporary)
    assert outcome.reason.startswith("record: ")
