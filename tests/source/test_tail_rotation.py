"""Rotation by name and archives: every line once, in order, live and while down (fault plan, row 15)."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from tests.source.follower import Follower, Log, serial, upto

# -- rotation, row 15


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("rotations", [1, 3])
def test_rotation_by_name(log: Log, follower: Follower, down: bool, rotations: int) -> None:
    log.write(2)
    follower.read()
    if down:
        follower.close()
    for _ in range(rotations):
        log.write(3)
        for number in range(rotations, 0, -1):
            if (older := log.path.with_name(f"events.jsonl.{number}")).exists():
                older.rename(log.path.with_name(f"events.jsonl.{number + 1}"))
        log.rename("events.jsonl.1")
    log.write(2)
    if down:
        follower.restart()
    assert follower.read() == upto(log.written, 3)
    assert follower.wait() == [] and follower.wait() == []
    assert not follower.gaps
    statuses = sorted(record.status for record in follower.committed.values())
    assert statuses == ["done"] * rotations + ["live"]


@pytest.mark.parametrize("name", ["events-20260304T101500.jsonl", "events.jsonl-20260304", "events-cap-000e.jsonl"])
def test_other_names_of_a_rotated_log(log: Log, follower: Follower, name: str) -> None:
    log.write(2)
    follower.read()
    follower.close()
    log.write(2)
    log.rename(name)
    log.write()
    follower.restart()
    assert follower.read() == [3, 4, 5]
    assert not follower.gaps


def test_a_rotated_log_may_still_grow(log: Log, follower: Follower) -> None:
    log.write()
    follower.read()
    with log.path.open("ab") as held:
        log.rename("events.jsonl.1")
        held.write(serial(2))
        held.flush()
        assert follower.read() == [2]
        held.write(serial(3)[:30])
        held.flush()
        follower.wait(3000)
        held.write(serial(3)[30:])
        held.flush()
        assert follower.wait(3000) == [3]
        assert follower.wait(6000) == []
    assert [record.status for record in follower.committed.values()].count("done") == 1


def test_a_new_log_waits_for_the_end_of_the_old_one(log: Log, follower: Follower) -> None:
    """The writer died inside a line: it may complete it, but not for ever."""
    log.write()
    follower.read()
    log.append(b'{"n":2, "half')
    log.rename("events.jsonl.1")
    log.written = 2
    log.write()
    assert follower.read() == []
    assert follower.wait(4000) == []
    follower.wait(6000)
    assert follower.serials == [1, 3]
    assert [(bad.reason, bad.head) for bad in follower.bad] == [("unfinished", b'{"n":2, "half')]


@pytest.mark.parametrize("numbered", [True, False])
def test_old_files_of_the_same_name_are_not_read(log: Log, numbered: bool) -> None:
    name = "events.jsonl.1" if numbered else "events.jsonl.bak"
    log.path.with_name(name).write_bytes(serial(100))
    os.utime(log.path.with_name(name), (1, 1))
    log.write()
    follower = Follower([str(log.path)])
    assert follower.read() == [1]
    if numbered:
        log.path.with_name(name).rename(log.path.with_name("events.jsonl.2"))
    log.rename("events.jsonl.1")
    log.write()
    assert follower.read() == [2]
    follower.wait()
    assert follower.serials == [1, 2]
    follower.close()


# -- archives


def pack(plain: Path, cut: int = 0) -> Path:
    target = plain.with_name(plain.name + ".gz")
    data = gzip.compress(plain.read_bytes())
    target.write_bytes(data[: len(data) - cut])
    plain.unlink()
    return target


def test_an_archive_is_read_only_for_what_was_not(log: Log, follower: Follower) -> None:
    log.write(3)
    follower.read()
    follower.close()
    log.write(3)
    pack(log.rename("events.jsonl.1"))
    log.write()
    follower.restart()
    assert follower.read() == [4, 5, 6, 7]
    follower.restart()
    log.write()
    assert follower.read() == [8]
    assert not follower.gaps


def test_a_damaged_archive_gives_what_it_has_and_a_gap(log: Log, follower: Follower) -> None:
    log.write(3)
    follower.read()
    follower.close()
    with log.path.open("ab") as file:
        for number in range(4, 4000):
            file.write(serial(number, pad=number % 97))
    pack(log.rename("events.jsonl.1"), cut=2000)
    log.written = 4000
    log.write()
    follower.restart()
    assert follower.read() == []  # It may be in the making.
    assert not follower.tail.at_end()
    follower.wait()
    got = follower.serials
    assert got[-1] == 4001
    assert got[:-1] == upto(len(got) - 1) and len(got) > 1000
    assert follower.reasons == ["archive-damaged"]


def test_an_archive_in_the_making_is_waited_for(log: Log, follower: Follower) -> None:
    log.write(3)
    follower.read()
    follower.close()
    log.write(3)
    archive = log.path.with_name("events.jsonl.1.gz")
    data = gzip.compress(log.path.read_bytes())
    log.rename("packed-away")
    log.write()
    follower.restart()
    for end in (0, 20, len(data) - 5):
        archive.write_bytes(data[:end])
        assert follower.wait(3000) == []
    archive.write_bytes(data)
    assert follower.wait(300) == [4, 5, 6, 7]
    assert not follower.gaps
