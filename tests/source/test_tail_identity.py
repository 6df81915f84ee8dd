"""Truncation, recreation, replacement, copies and moves (fault plan, rows 16 to 19)."""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import pytest

from tests.source.follower import Follower, Log, serial, upto

# -- truncation, rows 16 and 17


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("regrown", [0, 2, 30])
def test_copytruncate_reads_the_rest_from_the_copy(log: Log, follower: Follower, down: bool, regrown: int) -> None:
    log.write(4)
    follower.read()
    if down:
        follower.close()
    log.write(4)
    log.copytruncate("events.jsonl.1")
    log.write(regrown)
    if down:
        follower.restart()
    assert follower.read() == upto(8 + regrown, 5)
    assert follower.reasons == ["copytruncate"]
    logs = {line.position.log for line in follower.lines}
    assert {log.rpartition(":")[2] for log in logs} == ({"0", "1"} if regrown else {"0"})


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("regrown", [1, 4, 30])
def test_truncation_without_a_copy_is_a_gap(log: Log, follower: Follower, down: bool, regrown: int) -> None:
    log.write(4)
    follower.read()
    end = log.path.stat().st_size
    if down:
        follower.close()
    os.truncate(log.path, 0)
    log.write(regrown)
    if down:
        follower.restart()
    assert follower.read() == upto(4 + regrown, 5)
    (gap,) = follower.gaps
    assert (gap.reason, gap.offset, gap.length) == ("truncated", end, None)
    assert follower.lines[-1].line_no == regrown


def test_regrown_to_the_same_size_and_end(log: Log, follower: Follower) -> None:
    log.append(serial(1, 200))
    follower.read()
    os.truncate(log.path, 0)
    log.append(serial(2, 200))
    assert follower.read(look=False) == [2]


def test_regrown_with_the_same_first_kilobyte(log: Log, follower: Follower) -> None:
    same = log.lines(20)
    log.append(same + log.lines(5))
    follower.read()
    log.path.write_bytes(same + b"{}\n" + log.lines(10))
    assert follower.read() == [*upto(20), -1, *upto(35, 26)]
    assert follower.reasons == ["truncated"]


def test_the_record_covers_what_was_read_and_no_more(log: Log, follower: Follower) -> None:
    """Any piece, however small, leaves a full guard and the head as far as it was read."""
    for size in (3, 30, 200, 1500, 7):
        log.append(b"{" + b" " * size + b"}\n")
        follower.read()
        (record,) = follower.committed.values()
        data = log.path.read_bytes()
        assert record.offset == len(data)
        assert record.guard == data[-64:]
        hashed = blake2b(data[:1024], digest_size=16).hexdigest()
        assert (record.head_len, record.head_hash) == (min(1024, len(data)), hashed)
    assert record.line_no == 5


def test_three_copytruncates_while_down(log: Log, follower: Follower) -> None:
    log.write(2)
    follower.read()
    follower.close()
    for _ in range(3):
        log.write(2)
        for number in (2, 1):
            if (older := log.path.with_name(f"events.jsonl.{number}")).exists():
                older.rename(log.path.with_name(f"events.jsonl.{number + 1}"))
        log.copytruncate("events.jsonl.1")
    log.write(2)
    follower.restart()
    assert follower.read() == upto(10, 3)


def test_a_loss_of_power_resumes_after_the_last_line(log: Log, follower: Follower) -> None:
    log.write(30)
    follower.read()
    follower.close()
    keep = sum(len(serial(number)) for number in upto(20))
    os.truncate(log.path, keep + 5)
    (record,) = follower.committed.values()
    if not record.boot_id:
        pytest.skip("this system does not name its boots")
    follower.committed[record.uid] = replace(record, boot_id="another boot")
    follower.restart()
    assert follower.read() == []
    log.append(serial(21)[5:] + serial(31))
    assert follower.read() == [21, 31]
    assert [(line.line_no, line.position.log) for line in follower.lines[-2:]] == [(21, record.log), (22, record.log)]
    assert not follower.gaps


# -- recreation and replacement, rows 18 and 19


def same_inode(log: Log) -> bool:
    """Recreate the log on the inode it had; file systems differ in whether they give it again."""
    inode = log.path.stat().st_ino
    for number in range(50):
        log.path.unlink()
        log.path.touch()
        if log.path.stat().st_ino == inode:
            return True
        log.path.rename(log.path.with_name(f"spare{number}"))
        log.path.touch()
    return False


def test_recreated_on_the_same_inode_while_down(log: Log, follower: Follower) -> None:
    log.write(3)
    follower.read()
    follower.close()
    if not same_inode(log):
        pytest.skip("this file system does not reuse inodes")
    log.write(30)
    follower.restart()
    assert follower.read() == upto(33, 4)
    assert follower.reasons == ["truncated"]
    assert follower.lines[-1].position.log.endswith(":1")


def test_an_unlinked_log_is_read_to_its_end(log: Log, follower: Follower) -> None:
    log.write(2)
    follower.read()
    log.write(2)
    log.recreate()
    log.write(2)
    assert follower.read() == [3, 4, 5, 6]
    assert not follower.gaps


def test_vanished_while_down_is_a_gap(log: Log, follower: Follower) -> None:
    log.write(2)
    follower.read()
    follower.close()
    log.path.unlink()
    follower.restart()
    follower.read()
    assert follower.reasons == ["gone"]
    follower.restart()
    follower.read()
    assert follower.reasons == ["gone"]


def test_atomic_replacement_by_an_extension(log: Log, follower: Follower) -> None:
    log.write(3)
    follower.read()
    spare = log.path.with_name("spare.tmp")
    spare.write_bytes(log.path.read_bytes() + log.lines(2))
    spare.replace(log.path)
    assert follower.read() == [4, 5]
    follower.restart()
    log.write()
    assert follower.read() == [6]
    assert len(follower.committed) == 1


def test_atomic_replacement_by_something_else(log: Log, follower: Follower) -> None:
    log.write(3)
    follower.read()
    log.write(1)
    spare = log.path.with_name("spare.tmp")
    spare.write_bytes(log.lines(2))
    spare.replace(log.path)
    assert follower.read() == [4, 5, 6]


def test_a_link_that_changes_its_target(tmp_path: Path) -> None:
    one, two = Log(tmp_path / "one"), Log(tmp_path / "two")
    link = tmp_path / "current.jsonl"
    link.symlink_to("one")
    follower = Follower([str(link)])
    one.write(2)
    assert follower.read() == [1, 2]
    two.written = 3
    two.write(2)
    one.append(serial(3))
    link.unlink()
    link.symlink_to("two")
    assert follower.read() == [3, 4, 5]
    link.unlink()
    link.symlink_to("one")
    one.written = 10
    one.write()
    assert follower.wait() == [11]
    follower.close()


def test_a_folder_removed_and_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = Log(folder / "events.jsonl")
    follower = Follower([str(log.path)])
    log.write(2)
    follower.read()
    log.write(1)
    log.path.unlink()
    folder.rmdir()
    assert follower.read() == [3]
    assert str(tmp_path) in follower.tail.directories()
    folder.mkdir()
    log.write(1)
    assert follower.read() == [4]
    assert str(folder) in follower.tail.directories()
    follower.close()


def test_many_names_of_one_file_are_one_log(tmp_path: Path) -> None:
    log = Log(tmp_path / "a.jsonl")
    os.link(log.path, tmp_path / "b.jsonl")
    (tmp_path / "c.jsonl").symlink_to("a.jsonl")
    follower = Follower([str(tmp_path / "*.jsonl"), str(tmp_path / "c.jsonl")])
    log.write()
    assert follower.read() == [1]
    with (tmp_path / "b.jsonl").open("ab") as other:
        other.write(serial(2))
    assert follower.read() == [2]
    (tmp_path / "a.jsonl").unlink()
    with (tmp_path / "b.jsonl").open("ab") as other:
        other.write(serial(3))
    assert follower.wait() == [3]
    assert len(follower.committed) == 1
    follower.close()


# -- copies and moves


def test_a_copy_is_read_from_where_the_log_was(log: Log, follower: Follower) -> None:
    log.write(20)
    copy = log.path.with_name("copy.jsonl")
    copy.write_bytes(log.path.read_bytes())
    follower.patterns = [str(log.path), str(copy)]
    follower.restart()
    assert follower.read() == upto(20)
    assert [notice.code for notice in follower.tail.notices()] == ["copy"]
    with copy.open("ab") as file:
        file.write(serial(100))
    assert follower.read() == [100]
    follower.restart()
    assert follower.read() == []


def test_copies_may_be_read_on_request(log: Log) -> None:
    log.write(3)
    log.path.with_name("copy.jsonl").write_bytes(log.path.read_bytes())
    follower = Follower([str(log.path.with_name("*.jsonl"))], copies="read")
    assert follower.read() == [1, 2, 3, 1, 2, 3]
    assert len({line.position for line in follower.lines}) == 6
    follower.close()


def test_a_copy_in_the_making_waits(log: Log, follower: Follower) -> None:
    log.write(100)
    copy = log.path.with_name("copy.jsonl")
    follower.patterns = [str(log.path), str(copy)]
    follower.restart()
    follower.read()
    data = log.path.read_bytes()
    for end in (2000, 5000, len(data) - 1):
        copy.write_bytes(data[:end])
        assert follower.wait(3000) == []
    copy.write_bytes(data)
    assert follower.wait(300) == []
    assert [notice.code for notice in follower.tail.notices()] == ["copy"]


def test_an_unfinished_copy_is_still_a_copy(log: Log, follower: Follower) -> None:
    log.write(100)
    copy = log.path.with_name("copy.jsonl")
    follower.patterns = [str(log.path), str(copy)]
    follower.restart()
    follower.read()
    copy.write_bytes(log.path.read_bytes()[:3000])
    follower.wait()
    assert follower.wait() == []


def test_a_moved_log_goes_on(log: Log, follower: Follower, tmp_path: Path) -> None:
    log.write(3)
    follower.read()
    follower.close()
    (tmp_path / "elsewhere").mkdir()
    moved = tmp_path / "elsewhere" / "other.jsonl"
    moved.write_bytes(log.path.read_bytes() + serial(4))
    log.path.unlink()
    follower.patterns = [str(moved)]
    follower.restart()
    assert follower.read() == [4]
    (record,) = follower.committed.values()
    assert (record.path, record.inode) == (str(moved), moved.stat().st_ino)
    assert not follower.gaps
