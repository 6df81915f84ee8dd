"""What a line is to the tail, where reading begins, and what a failed commit leaves."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest

from engine.source.tail import Bounds
from tests.source.follower import Follower, Log, serial

# -- lines


def test_lines_come_once_with_number_and_place(log: Log, follower: Follower) -> None:
    log.write(3)
    assert follower.read() == [1, 2, 3]
    log.write()
    assert follower.read() == [4]
    assert follower.read() == []
    last = follower.lines[-1]
    assert (last.line_no, last.position.offset, last.path) == (4, log.path.stat().st_size, str(log.path))
    assert follower.tail.at_end()


def test_a_partial_line_is_never_passed_on(log: Log, follower: Follower) -> None:
    line = serial(1)
    for cut in range(len(line)):
        log.append(line[cut : cut + 1])
        assert follower.wait(10_000) == ([1] if cut == len(line) - 1 else [])


def test_an_unterminated_last_line_waits_until_finish(log: Log, follower: Follower) -> None:
    log.append(serial(1) + serial(2).rstrip())
    assert follower.wait(60_000) == [1]
    follower.tail.finish(follower.now_ms)
    assert follower.read() == [2]
    log.append(b"\n" + serial(3))
    assert follower.read() == [3]
    assert follower.lines[-1].line_no == 3


def test_finish_leaves_what_is_no_object_to_a_later_run(log: Log, follower: Follower) -> None:
    log.append(serial(1) + serial(2)[:20])
    follower.read()
    follower.tail.finish(follower.now_ms)
    assert follower.read() == []
    follower.restart()
    log.append(serial(2)[20:])
    assert follower.read() == [2]
    assert not follower.bad


def test_a_log_of_one_unterminated_line_is_read_at_finish(log: Log, follower: Follower) -> None:
    log.append(serial(1).rstrip())
    assert follower.read() == []
    follower.tail.finish(follower.now_ms)
    assert follower.read() == [1]


def test_odd_bytes_do_not_stop_the_log(log: Log, follower: Follower) -> None:
    log.append(b"\xef\xbb\xbf" + serial(1))
    log.append(serial(2).replace(b"\n", b"\r\n") + b"\n\r\n" + b"\0" * 4000 + serial(3))
    log.append(b'{"n":4,"raw":"' + bytes(set(range(256)) - {10}) + b'"}\n' + serial(5))
    log.append(b'{"n":6}{"n":6}\n')
    follower.tail.rediscover(follower.now_ms)
    for item in follower.tail.read(follower.now_ms):
        follower.take(item)
    texts = [line.text for line in follower.lines]
    assert [text[:6] for text in texts] == [b'{"n":1', b'{"n":2', b'{"n":3', b'{"n":4', b'{"n":5', b'{"n":6']
    assert texts[1] == serial(2).rstrip()


@pytest.mark.parametrize("size", [4000, 300_000, 3_000_000])
def test_nuls_before_a_good_line_do_not_count_as_its_length(log: Log, follower: Follower, size: int) -> None:
    log.write()
    log.append(b"\0" * size + log.lines(2))
    assert follower.read() == [1, 2, 3]
    assert not follower.bad


def test_space_that_a_writer_took_in_advance_is_waited_for(log: Log, follower: Follower) -> None:
    """A writer through mmap, without any event: the file has its full size from the start."""
    with log.path.open("r+b") as file:
        file.truncate(2_000_000)
        with mmap.mmap(file.fileno(), 0) as memory:
            end = 0
            for number in (1, 2, 3):
                line = serial(number)
                memory[end : end + 30] = line[:30]
                assert follower.read(look=False) == []
                memory[end : end + len(line)] = line
                end += len(line)
                assert follower.read(look=False) == [number]
    os.truncate(log.path, end)
    log.written = 3
    log.write()
    assert follower.read() == [4]
    assert not follower.bad and not follower.gaps


def test_a_line_too_long_is_one_bad_line(log: Log, follower: Follower) -> None:
    follower.bounds = Bounds(line=1000)
    follower.restart()
    log.write()
    start = log.path.stat().st_size
    follower.read()
    for _ in range(10):
        log.append(b"y" * 500)
        assert follower.wait() == []
    follower.restart()
    log.append(b"\n")
    log.write()
    assert follower.read() == [2]
    (bad,) = follower.bad
    assert (bad.reason, bad.length, bad.head, bad.line_no) == ("too-long", 5000, b"y" * 256, 2)
    assert bad.position.offset == start + 5001
    assert follower.lines[-1].line_no == 3


@pytest.mark.parametrize(("length", "bad"), [(999, 0), (1000, 0), (1001, 1), (3000, 1)])
def test_the_longest_line_is_exact(log: Log, follower: Follower, length: int, bad: int) -> None:
    follower.bounds = Bounds(line=1000)
    follower.restart()
    log.append(b'{"n":7,"p":"' + b"z" * (length - 14) + b'"}\n' + serial(8))
    assert follower.read() == ([8] if bad else [7, 8])
    assert len(follower.bad) == bad


# -- where reading begins


def test_a_first_run_may_begin_at_the_end_and_says_so(log: Log, tmp_path: Path) -> None:
    log.write(5)
    log.append(serial(6)[:10])
    follower = Follower([str(tmp_path / "*.jsonl")], start="end")
    assert follower.read() == []
    assert [notice.code for notice in follower.tail.notices()] == ["start"]
    assert follower.committed
    other = Log(tmp_path / "other.jsonl")
    other.written = 20
    other.write()
    assert follower.read() == [21]
    follower.restart()
    log.append(serial(6)[10:])
    assert follower.read() == [6]
    assert follower.lines[-1].line_no == 6
    assert not follower.tail.notices()
    follower.close()


def test_a_failed_commit_gives_the_same_lines_again(log: Log, follower: Follower) -> None:
    log.write(2)
    follower.read()
    committed = tuple(follower.committed.values())
    log.write(2)
    first = list(follower.tail.read(follower.now_ms))
    follower.tail.records()
    follower.tail.rewind(committed)
    assert list(follower.tail.read(follower.now_ms)) == first != []
    follower.tail.rewind(())
    assert follower.read() == [1, 2, 3, 4]


def test_the_end_as_a_beginning_survives_a_failed_commit(log: Log) -> None:
    log.write(3)
    follower = Follower([str(log.path)], start="end")
    follower.tail.read(follower.now_ms)
    log.write()
    follower.tail.read(follower.now_ms)
    follower.tail.rewind(())
    assert follower.read() == [4]
    follower.close()
