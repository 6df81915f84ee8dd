"""`capture start` as people and scripts use it: a real process, its files, its exit codes, and what a crash leaves."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from capture.simulator import Simulator
from tests.capture.desk import (
    YAML,
    Child,
    environment,
    events_of,
    lines_of,
    moment,
    statuses_of,
    texts_of,
    until,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs the recorder's script itself")


@pytest.fixture
def ready(child: Child) -> Child:
    (child.folder / "capture.yaml").write_text(YAML)
    return child


@pytest.mark.capture_guide
def test_the_thirteen_steps(ready: Child) -> None:
    ready.start().reaches("waiting")
    assert ready.sim.emit("transcript", "Ship it on Thursday.", "mic") == 1
    ready.reaches("live")
    shown = json.loads(ready.run("status", str(ready.folder), "--json").stdout)
    assert (shown["phase"], shown["events"], shown["session"]["id"]) == ("live", 1, "cap-0001")
    assert {each["state"] for each in shown["pipelines"]} == {"running"}
    stopped = ready.run("stop", str(ready.folder))
    assert stopped.returncode == 0, stopped.stderr
    assert stopped.stdout.splitlines()[-2:] == ["ended", f"video m-0001 {ready.sim.base_url}/play/m-0001"]
    assert ready.ends() == 0
    said = ready.output()
    for word in ("journal ", "session cap-0001", "stream rts-0001 mic:default", "waiting for the first event", "live"):
        assert word in said
    assert statuses_of(ready.folder, "cap-0001") == [
        "created", "starting", "active", "stopping", "stopped", "exported"
    ]  # fmt: skip
    assert texts_of(ready.folder, "transcript") == ["Ship it on Thursday."]
    assert events_of(ready.folder, "capture.heartbeat") != []
    states = [(line["data"]["kind"], line["data"]["state"]) for line in events_of(ready.folder, "capture.pipeline")]
    assert sorted(states[-2:]) == [("transcript", "stopped"), ("visual", "stopped")]
    done = ready.run("status", str(ready.folder))
    assert done.returncode == 3
    assert "no capture runs" in done.stdout and "video m-0001" in done.stdout


def test_files_are_for_their_owner_alone(cloud: Simulator, tmp_path: Path) -> None:
    """Also when the user's umask would let everybody read; and no key or token is in any of them."""
    folder = tmp_path / "deep" / "state"
    child = Child(cloud, folder, environment(cloud), umask=0, cwd=tmp_path)
    try:
        child.start("--channels", "mic:default").reaches("waiting")
        assert [stat.S_IMODE(each.stat().st_mode) for each in (folder, folder.parent)] == [0o700, 0o700]
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}
        assert set(modes) >= {"videodb_events.jsonl", "state.json"}
        assert set(modes.values()) == {0o600}
        child.signal(signal.SIGTERM)
        assert child.ends() == 0
    finally:
        child.close()
    kept = b"".join(each.read_bytes() for each in folder.iterdir() if each.is_file()) + child.output().encode()
    used = {call.token for call in cloud.calls}
    assert len(used) == 2, "the key and one client token"
    assert not any(token.encode() in kept for token in used)


def test_a_second_start_names_the_first(ready: Child) -> None:
    ready.start().reaches("waiting")
    second = ready.another().start()
    assert second.ends() == 3
    assert f"is being written by process {ready.pid}" in second.output()
    assert ready.state is not None and ready.state.pid == ready.pid
    ready.signal(signal.SIGTERM)
    assert ready.ends() == 0


def test_a_full_disk_ends_it_in_order(ready: Child) -> None:
    """A limit on file size stands in for the full disk: the write fails in the same place."""
    ready.start(file_limit=64 << 10).reaches("waiting")
    for number in range(100):
        ready.sim.emit("transcript", f"{number} " + "x" * 1000, "mic")
    assert ready.ends() == 3
    assert "cannot write to" in ready.output()
    assert ready.sim.snapshot()["sessions"][0]["status"] in ("stopped", "exported")
    assert ready.sim.snapshot()["recorder_pid"] is None
    lines_of(ready.folder)  # every line but a torn last one is whole


def test_on_a_terminal_the_status_stays_current(ready: Child) -> None:
    import pty
    import select

    ours, theirs = pty.openpty()
    shown = bytearray()

    def shows(text: bytes) -> bool:
        with suppress(OSError):  # the other end is gone
            for _ in range(100):  # a status that is redrawn all the time must not keep us here
                if not select.select([ours], [], [], 0.05)[0] or not (more := os.read(ours, 4096)):
                    break
                shown.extend(more)
        return text in shown

    try:
        ready.start(stdout=theirs)
        os.close(theirs)
        until(lambda: shows(b"everything runs"), "the last step")
        ready.sim.emit("transcript", "hello", "mic")
        until(lambda: shows(b"last event 0 s ago"), "the event")
        ready.signal(signal.SIGINT)
        until(lambda: shows(b"video m-0001"), "the end")
        assert ready.ends() == 0
    finally:
        os.close(ours)
    assert b"\x1b[" in shown and b"cap-0001 active" in shown
    assert b"died" not in shown


def test_kill_9_and_start_again(ready: Child) -> None:
    """The recorder sees its end of input and stops; the next start brings the rest to its end, and pays for nothing."""
    ready.sim.faults.set("export", "polls:2")
    ready.start().reaches("waiting")
    ready.sim.emit("transcript", "before the crash", "mic")
    ready.reaches("live")
    ready.signal(signal.SIGKILL)
    ready.ends()
    until(lambda: ready.sim.snapshot()["sessions"][0]["status"] == "stopped", "the end of the session")
    again = ready.another().start().reaches("waiting")
    until(lambda: "exported" in statuses_of(ready.folder, "cap-0001"), "the export of the killed run")
    again.signal(signal.SIGTERM)
    assert again.ends() == 0, again.output()
    assert statuses_of(ready.folder, "cap-0001") == [
        "created", "starting", "active", "stopping", "stopped", "exported"
    ]  # fmt: skip
    exported = events_of(ready.folder, "capture_session.exported")[0]
    assert exported["data"]["player_url"]
    old = [each for each in ready.sim.snapshot()["pipelines"] if each["stream_id"] in ("rts-0001", "rts-0002")]
    assert [each["starts"] for each in old] == [1, 1]
    assert len({line["_capture"]["run"] for line in lines_of(ready.folder)}) == 2
    assert again.state is not None and again.state.unfinished == []


def test_kill_9_while_it_waits_for_the_video(ready: Child) -> None:
    ready.sim.faults.set("export", "never")
    ready.start().reaches("waiting")
    ready.signal(signal.SIGTERM)
    ready.reaches("exporting")
    ready.signal(signal.SIGKILL)
    ready.ends()
    ready.sim.faults.set("export", "polls:1")
    again = ready.another().start("--no-pipelines").reaches("waiting")
    until(lambda: "exported" in statuses_of(ready.folder, "cap-0001"), "the export of the killed run")
    again.signal(signal.SIGTERM)
    assert again.ends() == 0
    assert len(events_of(ready.folder, "capture_session.exported")) >= 1


@pytest.mark.capture_guide
def test_detached(ready: Child) -> None:
    made = ready.run("start", str(ready.folder), "--detach")
    assert made.returncode == 0, made.stderr
    assert "session cap-0001" in made.stdout and "in the background as process" in made.stdout
    state = ready.state
    assert state is not None and f"process {state.pid}" in made.stdout
    assert stat.S_IMODE((ready.folder / "capture.log").stat().st_mode) == 0o600
    assert ready.run("stop", str(ready.folder)).returncode == 0
    ready.sim.faults.set("permission", "denied")
    ready.sim.faults.set("recorder", "slow:0.5@shutdown")  # it fails at once, and takes its time to end
    failed = ready.run("start", str(ready.folder), "--detach")
    assert failed.returncode == 8, failed.stdout
    assert failed.stderr.startswith("Error: ") and "privacy settings" in failed.stderr


@pytest.mark.capture_quickstart
def test_a_desktop_that_never_sees_the_key(ready: Child) -> None:
    """The backend made session and token; without the key there is no socket, and what matters is polled."""
    import videodb

    backend = videodb.connect(api_key=ready.sim.api_key, base_url=ready.sim.base_url)
    try:
        session = backend.create_capture_session("user-1")
        token = backend.generate_client_token(600)
    finally:
        backend.session.close()
    del ready.environment["VIDEO_DB_API_KEY"]
    ready.environment["CAPTURE_TOKEN"] = token
    ready.start("--session", session.id).reaches("waiting")
    until(lambda: "active" in statuses_of(ready.folder, session.id), "the polled status")
    ready.signal(signal.SIGTERM)
    assert ready.ends() == 0, ready.output()
    assert statuses_of(ready.folder, session.id)[-2:] == ["stopped", "exported"]
    used = {call.token for call in ready.sim.calls if call.path.startswith("/capture/session/")}
    assert token in used
    assert ready.sim.snapshot()["pipelines"] == []


CAMERA = "rtsp://user:secret-word@camera.example/live"


def test_a_stream_instead_of_a_desktop(cloud: Simulator, tmp_path: Path) -> None:
    """Works where there is no recorder, goes on after a crash with the same stream, and shows its address nowhere."""
    (tmp_path / "capture.yaml").write_text("store: true\npipelines: {stream: {visual: What is there}}\n")
    child = Child(cloud, tmp_path, environment(cloud, recorder=False, CAPTURE_STREAM=CAMERA))
    try:
        child.start().reaches("waiting")
        cloud.emit("visual_index", "a door", "camera.example", **moment())
        child.reaches("live")
        child.signal(signal.SIGKILL)
        child.ends()
        until(lambda: cloud.snapshot()["connections"] == [], "the end of the socket")
        cloud.emit("visual_index", "a cat", "camera.example", **moment())
        again = child.another().start().reaches("waiting", "live")
        until(lambda: "a cat" in texts_of(tmp_path, "visual_index"), "what came between")
        cloud.emit("visual_index", "a dog", "camera.example", **moment())
        until(lambda: "a dog" in texts_of(tmp_path, "visual_index"), "what came after")
        again.signal(signal.SIGTERM)
        assert again.ends() == 0, again.output()
    finally:
        child.close()
    assert texts_of(tmp_path, "visual_index") == ["a door", "a cat", "a dog"]
    assert len(cloud.snapshot()["streams"]) == 1
    assert not any(each["running"] for each in cloud.snapshot()["pipelines"])
    assert [gap["data"]["reason"] for gap in events_of(tmp_path, "capture.gap")] == ["restart"]
    assert events_of(tmp_path, "capture.export")[0]["data"]["video_id"] == "m-rts-0001"
    kept = b"".join(each.read_bytes() for each in tmp_path.iterdir() if each.is_file())
    assert b"secret-word" not in kept + again.output().encode()


@pytest.mark.parametrize(
    ("what", "code", "message"),
    [
        ("no key", 4, "set VIDEO_DB_API_KEY"),
        ("bad key", 4, "the API key is not known; check VIDEO_DB_API_KEY"),
        ("no credits", 5, "no credits left"),
        ("no recorder", 7, "capture start --stream URL"),
        ("no permission", 8, "allow it in the system's privacy settings"),
        ("no device", 9, "no device fits"),
        ("bad config", 2, "capture.yaml:2:1: capture.yaml has no `chanels`, did you mean `channels`?"),
        ("no network", 3, "no connection to VideoDB"),
        ("half a token", 2, "--token and --session belong together"),
    ],
)
def test_each_failure_is_one_line_with_its_own_exit_code(child: Child, what: str, code: int, message: str) -> None:
    arguments: list[str] = []
    if what == "no key":
        del child.environment["VIDEO_DB_API_KEY"]
    elif what == "bad key":
        child.environment["VIDEO_DB_API_KEY"] = "wrong"
    elif what == "no credits":
        child.sim.faults.set("http", "402 *")
    elif what == "no recorder":
        del child.environment["PYTHONPATH"]
    elif what == "no permission":
        child.sim.faults.set("permission", "denied")
    elif what == "no device":
        arguments = ["--channels", "mic:studio"]
    elif what == "bad config":
        (child.folder / "capture.yaml").write_text("store: true\nchanels: [all]\n")
    elif what == "no network":
        child.environment["VIDEO_DB_API"] = "http://127.0.0.1:9"
        child.environment["CAPTURE_TIMING"] += ",greeting_s=0.5"
    elif what == "half a token":
        arguments = ["--token", "T"]
    assert child.start(*arguments).ends() == code, child.output()
    errors = [line for line in child.output().splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1 and message in errors[0], child.output()
    assert "Traceback" not in child.output()


def test_stop_signals_nobody(child: Child) -> None:
    """A state file that names a living process of somebody else: it is left alone, whoever it is."""
    state = {
        "version": 1, "run": "run-old", "pid": os.getpid(), "started_ms": 1, "journal": "x", "phase": "live",
        "control": {"unix": str(child.folder / "control.sock"), "token": "t"}, "sessions": [],
    }  # fmt: skip
    (child.folder / "state.json").write_text(json.dumps(state))
    stopped = child.run("stop", str(child.folder))
    assert stopped.returncode == 3
    assert "no capture runs in" in stopped.stderr
    assert child.run("stop", str(child.folder / "elsewhere")).returncode == 3


def test_stop_names_who_else_writes(child: Child) -> None:
    from capture.journal import Journal

    with Journal.open(child.folder / "videodb_events.jsonl", run="listen-test"):
        stopped = child.run("stop", str(child.folder))
    assert stopped.returncode == 3
    assert f"process {os.getpid()} writes to its journal" in stopped.stderr
