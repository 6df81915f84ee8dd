"""`capture doctor` and `capture channels` against the simulator and its recorder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from capture.doctor import examine
from capture.simulator import Simulator, recorder_path_entry

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs the recorder's script itself")


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Simulator]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.syspath_prepend(recorder_path_entry())
    monkeypatch.setenv("PYTHONPATH", recorder_path_entry())
    monkeypatch.setenv("VIDEODB_EVENTS_DIR", str(tmp_path / "events"))
    with Simulator() as simulator:
        monkeypatch.setenv("VIDEO_DB_API", simulator.base_url)
        monkeypatch.setenv("VIDEO_DB_API_KEY", simulator.api_key)
        yield simulator
    sys.modules.pop("videodb_capture_bin", None)


def capture(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "capture", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)


async def problems(folder: Path) -> dict[str, str]:
    return {check.name: check.detail for check in await examine(folder) if not check.ok}


def test_all_is_well(sim: Simulator) -> None:
    done = capture("doctor", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (0, True)
    assert [check["name"] for check in report["checks"]] == [
        "sdk", "key", "clock", "recorder", "microphone", "screen-capture", "journal", "disk"
    ]  # fmt: skip
    assert not any(check["fix"] for check in report["checks"])
    assert "simulator-key" not in done.stdout + done.stderr


def test_each_problem_comes_with_its_fix_and_an_exit_code(sim: Simulator) -> None:
    sim.faults.set("permission", "denied")
    done = capture("doctor")
    assert done.returncode == 3
    lines = done.stdout.splitlines()
    at = lines.index("problem microphone: denied")
    assert lines[at + 1].startswith("        -> allow it for your terminal")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("http", "401 GET /collection/*", {"key": "refused with HTTP 401"}),
        ("http", "402 GET /collection/*", {"key": "refused with HTTP 402"}),
        ("devices", "", {"recorder": "it finds no device"}),
        ("recorder", "die@getChannels", {"recorder": "EXITED: the recorder ended"}),
        ("recorder", "error:INIT_FAILED@init", {"recorder": "INIT_FAILED: failed on request"}),
        ("recorder", "refuse-lock@init", {}),
        ("recorder", "error:UNKNOWN_COMMAND@getPermissionStatus", {}),
    ],
)
async def test_what_is_wrong_is_named(
    sim: Simulator, tmp_path: Path, name: str, value: str, expected: dict[str, str]
) -> None:
    sim.faults.set(name, value)
    assert await problems(tmp_path / "events") == expected


async def test_without_network_or_key(sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEO_DB_API", "http://127.0.0.1:9")
    assert "no answer from the cloud" in (await problems(tmp_path))["key"]
    monkeypatch.delenv("VIDEO_DB_API_KEY")
    assert "there is no API key" in (await problems(tmp_path))["key"]


async def test_the_folder(sim: Simulator, tmp_path: Path) -> None:
    folder = tmp_path / "events"
    assert await problems(folder) == {}
    folder.mkdir(mode=0o700)
    assert await problems(folder) == {}
    folder.chmod(0o755)
    assert await problems(folder) == {"journal": f"{folder} is open to other users of this machine"}
    (tmp_path / "file").write_text("")
    assert await problems(tmp_path / "file" / "events") == {"journal": f"{tmp_path / 'file'} cannot be written"}


@pytest.mark.parametrize(("offset_s", "expected"), [(0, None), (-3600, "ahead of"), (3600, "behind")])
async def test_the_clock(
    sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offset_s: int, expected: str | None
) -> None:
    class Cloud(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(200)
            self.send_header("Date", formatdate(time.time() + offset_s, usegmt=True))
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Cloud) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("VIDEO_DB_API", f"http://127.0.0.1:{server.server_port}")
        (clock,) = [check for check in await examine(tmp_path) if check.name == "clock"]
        server.shutdown()
        thread.join()
    assert clock.ok == (expected is None)
    assert expected is None or (expected in clock.detail and clock.fix)


def test_channels_are_listed(sim: Simulator) -> None:
    listed = capture("channels", "--json")
    assert listed.returncode == 0
    devices = json.loads(listed.stdout)
    assert [(device["id"], device["default"]) for device in devices] == [
        ("mic:default", True), ("display:1", True), ("display:2", False), ("system_audio:default", True),
        ("camera:0", True),
    ]  # fmt: skip
    text = capture("channels").stdout
    assert "display:1               video  Simulated display:1  (default)\n" in text
    sim.faults.set("recorder", "die@getChannels")
    failed = capture("channels")
    assert (failed.returncode, failed.stdout) == (3, "")
    assert "the recorder ended" in failed.stderr


def test_without_a_recorder_it_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("there may be a real recorder")
    monkeypatch.setenv("PYTHONPATH", os.devnull)
    done = capture("channels")
    assert done.returncode == 3
    assert "only for macOS and Windows" in done.stderr
