"""The state folder is private and nothing that another account planted is opened."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.model.checkpoint import Commit
from engine.model.errors import StoreError
from engine.store.folder import network_type
from engine.store.sqlite import Role, SqliteStore

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has access lists instead of modes")
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
NOW = 1_760_000_000_000


def open_store(directory: Path, role: Role = "engine") -> SqliteStore:
    return SqliteStore.open(str(directory), role=role, now_ms=NOW)


@pytest.fixture(params=[0o000, 0o022, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@posix
@pytest.mark.usefixtures("umask")
def test_everything_is_private_whatever_the_umask(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with_courier = (open_store(state), open_store(state, "courier"))
    with_courier[0].commit(Commit(NOW, counters={"lines": 1}))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in state.iterdir()}
    for store in with_courier:
        store.close()
    names = ("engine.db", "engine.db-wal", "engine.db-shm", "engine.lock", "courier.lock")
    assert modes == dict.fromkeys(names, 0o600)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


@posix
def test_a_file_left_readable_is_closed_to_others(tmp_path: Path) -> None:
    open_store(tmp_path / "state").close()
    (tmp_path / "state" / "engine.db").chmod(0o644)
    open_store(tmp_path / "state").close()
    assert stat.S_IMODE((tmp_path / "state" / "engine.db").stat().st_mode) == 0o600


@posix
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(mode)
    with pytest.raises(StoreError, match=f"run `chmod 700 {state}`"):
        open_store(state)
    assert list(state.iterdir()) == []


@posix
@pytest.mark.parametrize("name", ["engine.db", "engine.db-wal", "engine.lock"])
@pytest.mark.parametrize("kind", ["link", "dangling link", "hard link", "pipe", "folder"])
def test_what_is_planted_is_refused_and_its_target_untouched(tmp_path: Path, name: str, kind: str) -> None:
    state, victim = tmp_path / "state", tmp_path / "victim"
    open_store(state).close()
    victim.write_bytes(b"precious")
    planted = state / name
    planted.unlink(missing_ok=True)
    match kind:
        case "link":
            planted.symlink_to(victim)
        case "dangling link":
            planted.symlink_to(tmp_path / "nothing")
        case "hard link":
            planted.hardlink_to(victim)
        case "pipe":
            os.mkfifo(planted)
        case _:
            planted.mkdir()
    with pytest.raises(StoreError, match=f"{name} is not a plain file"):
        open_store(state)
    assert victim.read_bytes() == b"precious"
    assert not (tmp_path / "nothing").exists()


@posix
@as_root
@pytest.mark.parametrize("name", [".", "engine.db", "engine.lock"])
def test_what_belongs_to_another_account_is_refused(tmp_path: Path, name: str) -> None:
    state = tmp_path / "state"
    open_store(state).close()
    os.chown(state / name, 4711, -1)
    with pytest.raises(StoreError, match="belongs to another account \\(uid 4711\\)"):
        open_store(state)


@posix
@as_root
def test_a_folder_behind_another_accounts_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "state").symlink_to(tmp_path / "real")
    open_store(tmp_path / "state").close()
    os.chown(tmp_path / "state", 4711, -1, follow_symlinks=False)
    with pytest.raises(StoreError, match="belongs to another account"):
        open_store(tmp_path / "state")


@pytest.mark.parametrize("role", ["courier", "reader"])
def test_only_the_engine_makes_a_state(tmp_path: Path, role: Role) -> None:
    with pytest.raises(StoreError, match="start `engine run` first"):
        open_store(tmp_path / "state", role)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "state").mkdir(mode=0o700)
    with pytest.raises(StoreError, match="start `engine run` first"):
        open_store(tmp_path / "state", role)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    for state in (tmp_path / "state", tmp_path / "state" / "below"):
        with pytest.raises(StoreError, match="state"):
            open_store(state)


MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw shared:5 - nfs4 server:/home rw,vers=4.2
31 30 8:2 / /home/me/fast rw - ext4 /dev/sdb1 rw
32 22 0:50 / /mnt/my\040share rw - cifs //box/share rw
33 22 0:51 / /mnt/ssh rw - fuse.sshfs me@box:/ rw
34 22 0:52 / /mnt/usb rw - fuseblk /dev/sdc1 rw
35 22 0:53 / /over rw - ext4 /dev/sdd1 rw
36 35 0:54 / /over rw - virtiofs share rw
broken line
"""


@pytest.mark.parametrize(("path", "kind"), [
    ("/var/lib/x", None), ("/home/me/state", "nfs4"), ("/home", "nfs4"), ("/homely/x", None),
    ("/home/me/fast/state", None), ("/mnt/my share/state", "cifs"), ("/mnt/ssh/a", "fuse.sshfs"),
    ("/mnt/usb/a", None), ("/over/a", "virtiofs"),
])  # fmt: skip
def test_a_network_file_system_is_known_by_its_mount(path: str, kind: str | None) -> None:
    assert network_type(MOUNTS, path) == kind


def test_no_mount_table_means_no_warning() -> None:
    assert network_type("", "/anything") is None


def test_a_local_folder_gives_no_warning(tmp_path: Path) -> None:
    store = open_store(tmp_path / "state")
    store.close()
    assert store.warnings == ()
