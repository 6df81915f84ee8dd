"""Globs, special files, permissions and open files (fault plan, rows 24 and 26)."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.model.event import Chunk
from engine.source.tail import Bounds
from tests.source.follower import Follower, Log, serial

PIPE = ["pipe"] if hasattr(os, "mkfifo") else []


def test_globs_leave_out_what_is_no_log(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl.gz", "c.jsonl.tmp", "d.jsonl.zst", ".e.jsonl"):
        (tmp_path / name).write_bytes(serial(ord(name[0])))
    (tmp_path / "f.jsonl").mkdir()
    follower = Follower([str(tmp_path / "*")])
    assert follower.read() == [ord("a")]
    (tmp_path / "g.jsonl").write_bytes(serial(7))
    assert follower.read() == [7]
    follower.close()


def test_equal_first_lines_get_names_of_their_own(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "events.jsonl").write_bytes(b"{}\n")
    follower = Follower([str(tmp_path / "*" / "events.jsonl")])
    follower.read()
    logs = {line.position.log for line in follower.lines}
    assert len(logs) == 2 == len({log.partition("-")[0].partition(":")[0] for log in logs}) + 1
    follower.close()


def test_no_log_starves_another(tmp_path: Path) -> None:
    big, small = Log(tmp_path / "big.jsonl"), Log(tmp_path / "small.jsonl")
    with big.path.open("wb") as file:
        for number in range(40_000):
            file.write(serial(number))
    small.write()
    follower = Follower([str(tmp_path / "*.jsonl")])
    sizes = {"big.jsonl": 0, "small.jsonl": 0}
    for item in follower.tail.read(follower.now_ms):
        assert isinstance(item, Chunk)
        sizes[Path(item.path).name] += len(item.lines)
    assert 0 < sizes["big.jsonl"] <= 1 << 20
    assert sizes["small.jsonl"] == small.path.stat().st_size
    follower.close()


@pytest.mark.parametrize("kind", [*PIPE, "folder", "loop", "missing"])
def test_what_cannot_be_read_is_told_once_and_blocks_nothing(tmp_path: Path, kind: str) -> None:
    odd, log = tmp_path / "odd.jsonl", Log(tmp_path / "log.jsonl")
    make: dict[str, Callable[[], None]] = {
        "pipe": lambda: os.mkfifo(odd),
        "folder": odd.mkdir,
        "loop": lambda: odd.symlink_to("odd.jsonl"),
        "missing": lambda: None,
    }
    make[kind]()
    follower = Follower([str(odd), str(log.path)])
    log.write()
    assert follower.read() == [1]
    assert follower.tail.at_end()
    assert [notice.code for notice in follower.tail.notices()] == (["not-a-file"] if kind in ("pipe", "folder") else [])
    follower.read()
    assert not follower.tail.notices()
    if odd.is_dir():
        odd.rmdir()
    else:
        odd.unlink(missing_ok=True)
    odd.write_bytes(serial(5))
    assert follower.read() == [5]
    follower.close()


def test_a_log_without_permission_is_read_when_it_has_it(tmp_path: Path) -> None:
    if not hasattr(os, "seteuid"):
        pytest.skip("no such permissions here")
    was = os.geteuid()
    log = Log(tmp_path / "log.jsonl")
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    log.write(2)
    log.path.chmod(0)
    follower = Follower([str(log.path)])
    try:
        if was == 0:
            os.seteuid(65534)
        assert follower.read() == []
        assert [notice.code for notice in follower.tail.notices()] == ["unreadable"]
    finally:
        os.seteuid(was)
    log.path.chmod(0o644)
    assert follower.read() == [1, 2]
    follower.close()


@pytest.mark.parametrize("files", [0, 1, 5])
def test_few_open_files_serve_many_logs(tmp_path: Path, files: int) -> None:
    logs = [Log(tmp_path / f"{number:02}.jsonl") for number in range(30)]
    follower = Follower([str(tmp_path / "*.jsonl")], bounds=Bounds(files=files))
    for turn in range(3):
        for number, log in enumerate(logs):
            log.written = turn * 100 + number * 1000
            log.write()
        assert sorted(follower.wait(300)) == [turn * 100 + number * 1000 + 1 for number in range(30)]
    logs[7].rename("07.jsonl.1").open("ab").close()
    with (tmp_path / "07.jsonl.1").open("ab") as late:
        late.write(serial(1))
    logs[7].write()
    assert follower.wait(300) == [1, logs[7].written]
    follower.close()


def test_a_clock_set_back_does_no_harm(log: Log, follower: Follower) -> None:
    log.write()
    follower.read()
    log.rename("events.jsonl.1")
    follower.read()
    follower.now_ms -= 3_600_000
    log.write()
    assert follower.read() == [2]
    follower.wait()
    follower.wait()
    assert sorted(record.status for record in follower.committed.values()) == ["done", "live"]


def test_more_logs_than_the_system_opens(tmp_path: Path) -> None:
    """200 logs with 64 descriptors: told once, and every line read."""
    for number in range(200):
        (tmp_path / f"{number:03}.jsonl").write_bytes(serial(number))
    program = textwrap.dedent(
        """
        import os, resource, sys
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        from engine.source.tail import Tail
        tail = Tail([sys.argv[1] + "/*.jsonl"])
        def read(now_ms):
            return sum(len(item.lines.splitlines()) for item in tail.read(now_ms))
        lines = sum(map(read, range(0, 2000, 300)))
        with open(sys.argv[1] + "/150.jsonl", "ab") as file:
            file.write(b"{}\\n")
        print(lines, sum(map(read, range(3000, 4000, 300))), *[notice.code for notice in tail.notices()])
        os.close(os.open("/dev/null", os.O_RDONLY))
        """
    )
    ran = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert ran.stdout == "200 1 too-many-files\n"
