"""`capture listen` as a process of its own, used the way the vendor's guides use their listener."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from capture.account import Account, connect, websocket_urls
from capture.journal import Journal, Sync
from capture.listen import listen
from capture.publish import publish, withdraw
from capture.simulator import Simulator, recorder_path_entry
from capture.socket import Timing

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends it by a signal, as the guides do")

FAST = Timing(first_backoff_s=0.001, most_backoff_s=0.01, close_s=0.5)


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Simulator() as simulator:
        monkeypatch.setenv("VIDEO_DB_API", simulator.base_url)
        monkeypatch.setenv("VIDEO_DB_API_KEY", simulator.api_key)
        yield simulator


class Listener:
    """A listener process; its first line is read, its files lie in `folder`."""

    def __init__(self, folder: Path, *args: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "capture", "listen", *args],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}, cwd=cwd,
        )  # fmt: skip
        assert self.process.stdout
        self.first_line = self.process.stdout.readline().strip()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "videodb_events.jsonl").read_bytes().splitlines()]

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        os.kill(int(self.text("videodb_ws_pid")), number)
        _, errors = self.process.communicate(timeout=10)
        return self.process.returncode, errors


def until(holds: Callable[[], Any]) -> None:
    end = time.monotonic() + 8
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.capture_guide
def test_the_guides_workflow_runs_unchanged(sim: Simulator, tmp_path: Path) -> None:
    listener = Listener(tmp_path, "--clear", str(tmp_path))
    assert listener.first_line == f"WS_ID={listener.text('videodb_ws_id')}"
    env = {**os.environ, "PYTHONPATH": recorder_path_entry()}
    guide = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("guide_workflow.py")), str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env,
    )  # fmt: skip
    assert guide.stdout
    assert guide.stdout.readline() == "RUNNING\n"
    assert sim.emit("transcript", "Ship it on Thursday.", "mic:default") == 1
    assert sim.emit("visual_index", "A Slack thread", "display:1") == 1
    printed, _ = guide.communicate("\n", timeout=15)
    assert guide.returncode == 0
    assert printed.startswith(f"{sim.base_url}/play/")
    assert listener.end()[0] == 0
    lines = listener.lines
    status = [line["status"] for line in lines if line["channel"] == "capture_session"]
    assert status == ["created", "starting", "active", "stopping", "stopped", "exported"]
    said = [line["data"]["text"] for line in lines if line["channel"] in ("transcript", "visual_index")]
    assert said == ["Ship it on Thursday.", "A Slack thread"]
    assert all(line["_capture"]["origin"] == "ws" for line in lines if line["channel"] != "capture")
    assert all(line["ts"] and line["unix_ts"] for line in lines)
    assert sorted(path.name for path in tmp_path.glob("videodb*")) == ["videodb_events.jsonl"]


def test_the_files_are_the_owners_alone_and_the_folder_comes_from_the_environment(
    sim: Simulator, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "events"
    listener = Listener(folder, env={"VIDEODB_EVENTS_DIR": str(folder)})
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    names = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.glob("videodb*")}
    assert names == {"videodb_events.jsonl": 0o600, "videodb_ws_id": 0o600, "videodb_ws_pid": 0o600}
    assert listener.text("videodb_ws_pid") == str(listener.process.pid)
    assert listener.end(signal.SIGINT)[0] == 0


def test_a_second_one_is_told_about_the_first_and_leaves_its_files_alone(sim: Simulator, tmp_path: Path) -> None:
    first = Listener(tmp_path, str(tmp_path))
    before = first.text("videodb_ws_id"), first.text("videodb_ws_pid")
    second = subprocess.run(
        [sys.executable, "-m", "capture", "listen", str(tmp_path)],
        capture_output=True, text=True, timeout=10, check=False,
    )  # fmt: skip
    assert second.returncode == 3
    assert f"process {first.process.pid}" in second.stderr
    assert (first.text("videodb_ws_id"), first.text("videodb_ws_pid")) == before
    assert first.end()[0] == 0


def test_after_a_drop_the_new_id_is_in_the_file_and_the_gap_in_the_journal(sim: Simulator, tmp_path: Path) -> None:
    listener = Listener(tmp_path, str(tmp_path))
    first = listener.text("videodb_ws_id")
    dropped_ms = time.time() * 1000
    sim.drop("dirty")
    until(lambda: [line["event"] for line in listener.lines].count("capture.generation") == 2)
    second = listener.text("videodb_ws_id")
    back_ms = time.time() * 1000
    assert first != second
    one, gap, two = listener.lines
    assert [one["data"], two["data"]] == [
        {"generation": 1, "connection_id": first}, {"generation": 2, "connection_id": second}
    ]  # fmt: skip
    assert gap["event"] == "capture.gap"
    assert dropped_ms - 1000 < gap["data"]["from"] <= gap["data"]["to"] < back_ms + 1
    assert (gap["data"]["reason"], gap["data"]["filled"]) == ("lost", False)
    assert [line["_capture"]["origin"] for line in listener.lines] == ["runner"] * 3
    assert listener.end()[0] == 0


def test_clear_renames_and_no_clear_appends(sim: Simulator, tmp_path: Path) -> None:
    for args, runs in ((), 1), ((), 2), (("--clear",), 1):
        listener = Listener(tmp_path, *args, str(tmp_path))
        until(lambda listener=listener: listener.lines)  # type: ignore[misc]
        listener.end()
        assert len({line["_capture"]["run"] for line in listener.lines}) == runs
    (kept,) = tmp_path.glob("events-*.jsonl")
    assert len(kept.read_bytes().splitlines()) == 2


@pytest.mark.parametrize(("status", "code"), [("401", 4), ("402", 5), ("403", 6)])
def test_refusals_have_their_own_exit_codes(sim: Simulator, tmp_path: Path, status: str, code: int) -> None:
    sim.faults.set("http", f"{status} GET /collection/*/websocket")
    listener = Listener(tmp_path, str(tmp_path))
    _, errors = listener.process.communicate(timeout=10)
    assert listener.process.returncode == code
    assert "simulator-key" not in errors
    assert list(tmp_path.glob("videodb_ws_*")) == []


def test_env_files(sim: Simulator, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder, key in (here, "wrong"), (there, sim.api_key):
        folder.mkdir()
        (folder / ".env").write_text(f"VIDEO_DB_API_KEY={key}\nVIDEO_DB_API={sim.base_url}\n")
    unset = {"VIDEO_DB_API_KEY": "", "VIDEO_DB_API": ""}
    bare = {name: value for name, value in os.environ.items() if name not in unset}
    command = [sys.executable, "-m", "capture", "listen", str(tmp_path)]
    wrong = subprocess.run(command, env=bare, cwd=here, capture_output=True, text=True, timeout=10, check=False)
    assert wrong.returncode == 4
    process = subprocess.Popen(
        [*command, "--cwd", str(there)], env=bare, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline().startswith("WS_ID=conn-")
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 0


def test_no_key_is_said_at_once(tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("VIDEO")}
    command = [sys.executable, "-m", "capture", "listen", str(tmp_path)]
    done = subprocess.run(command, env=bare, cwd=tmp_path, capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    assert "set VIDEO_DB_API_KEY" in done.stderr


async def test_junk_goes_beside_the_journal(sim: Simulator, tmp_path: Path) -> None:
    connection = connect(Account(sim.api_key, sim.base_url))
    greeted = asyncio.Event()
    with Journal.open(tmp_path / "j.jsonl", run="r", sync=Sync.NEVER) as journal:
        heard = listen(journal, websocket_urls(connection), lambda _: greeted.set(), lambda _: None, FAST)
        task = asyncio.create_task(heard)
        await greeted.wait()
        sim.inject("array")
        sim.inject('{"channel": "transcript", "data": {"text": "\\ud83d"}}')
        await asyncio.to_thread(until, lambda: journal.rejected and b"transcript" in journal.path.read_bytes())
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(task, 5)
        assert json.loads(journal.dead_letter.read_text())["reason"] == "not-object"
    lines = [json.loads(line) for line in (tmp_path / "j.jsonl").read_bytes().splitlines()]
    assert lines[1]["data"]["text"] == "�"
    assert not (tmp_path / "videodb_ws_id").exists()
    connection.session.close()


def test_a_published_file_is_replaced_whole_and_withdrawn_only_if_ours(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    file = tmp_path / "id"
    file.symlink_to(victim)
    publish(file, "one")
    assert (file.read_text(), file.is_symlink(), victim.read_text()) == ("one", False, "mine")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    publish(file, "two")
    withdraw(file, "one")
    assert file.read_text() == "two"
    withdraw(file, "two")
    assert not file.exists()
    withdraw(file, "two")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["victim"]
