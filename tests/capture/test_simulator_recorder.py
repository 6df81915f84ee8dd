"""The SDK's own CaptureClient with the stand-in recorder as a real child process, and `capture simulate` as one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import requests
import videodb
from videodb.capture import CaptureClient

from capture.simulator import Simulator, recorder_path_entry

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs the recorder's script itself")


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.syspath_prepend(recorder_path_entry())
    with Simulator() as simulator:
        yield simulator
    sys.modules.pop("videodb_capture_bin", None)


@pytest.fixture
def conn(sim: Simulator) -> Iterator[Any]:
    connection = videodb.connect(api_key=sim.api_key, base_url=sim.base_url)
    yield connection
    connection.session.close()


@pytest_asyncio.fixture
async def client(sim: Simulator, conn: Any) -> AsyncIterator[Any]:
    capture_client = CaptureClient(conn.generate_client_token(), base_url=sim.base_url)
    yield capture_client
    process = capture_client._proc
    if process is not None:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await asyncio.sleep(0)
        process._transport.close()


async def soon(awaitable: Any, seconds: float = 5) -> Any:
    return await asyncio.wait_for(awaitable, seconds)


async def eventually(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within 5 s")


async def event_of(client: Any, name: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while True:
            event: dict[str, Any] = await client._event_queue.get()
            if event["event"] == name:
                return dict(event["payload"])


def test_the_recorder_is_found_and_may_be_executed() -> None:
    recorder = Path(recorder_path_entry()) / "recorder.py"
    assert os.access(recorder, os.X_OK)
    assert recorder.read_text().startswith("#!/usr/bin/env python3\n")


async def test_the_whole_workflow(sim: Simulator, conn: Any, client: Any) -> None:
    assert await soon(client.request_permission("microphone")) is True
    assert (await event_of(client, "permission-status"))["status"] == "granted"
    channels = await soon(client.list_channels())
    assert [ch.id for ch in channels.all()] == ["mic:default", "display:1", "display:2", "system_audio:default"]
    assert [ch.id for ch in channels.cameras] == ["camera:0"]
    session = conn.create_capture_session("user-1")
    channels.displays.default.store = channels.displays.default.is_primary = True
    await soon(client.start_session(session.id, channels.all()))
    assert (await event_of(client, "recording-started"))["sessionId"] == session.id
    await eventually(lambda: conn.get_capture_session(session.id).status == "active")
    live = conn.get_capture_session(session.id)
    assert len(live.get_rtstream("screen")) == 2
    assert live.primary_video_channel_id == "display:1"
    for stream in live.rtstreams:
        stream.start_transcript()
    await soon(channels.displays[1].pause())
    assert [sim.emit("transcript", "x", stream.id) for stream in live.rtstreams] == [1, 0, 0, 1]
    await soon(channels.displays[1].resume())
    assert sim.emit("transcript", "x", "display:1") == 1
    await soon(client.stop_session())
    assert (await event_of(client, "recording-complete"))["sessionId"] == session.id
    process = client._proc
    assert sim.snapshot()["recorder_pid"] == process.pid
    await soon(client.shutdown())
    assert process.returncode in (0, -signal.SIGTERM)
    await eventually(lambda: conn.get_capture_session(session.id).status == "exported")


@pytest.mark.parametrize(
    ("switch", "expected"), [("granted", True), ("denied", False), ("requested", True), ("undetermined", False)]
)
async def test_permissions(sim: Simulator, conn: Any, client: Any, switch: str, expected: bool) -> None:
    sim.faults.set("permission", switch)
    assert await soon(client.request_permission("screen_capture")) is expected
    if switch == "denied":
        session = conn.create_capture_session("u")
        with pytest.raises(RuntimeError) as caught:
            await soon(client.start_session(session.id, (await client.list_channels()).all()))
        assert caught.value.args[0]["code"] == "PERMISSION_DENIED"


async def test_missing_devices(sim: Simulator, client: Any) -> None:
    sim.faults.set("devices", "display:1")
    channels = await soon(client.list_channels())
    assert channels.mics.default is None
    assert [ch.name for ch in channels.all()] == ["Simulated display:1"]


async def test_a_recorder_that_dies_leaves_the_sdk_waiting(sim: Simulator, client: Any) -> None:
    sim.faults.set("recorder", "die@getChannels")
    with pytest.raises(TimeoutError):
        await soon(client.list_channels(), 0.6)
    assert await soon(client._proc.wait()) == 101


async def test_it_may_die_while_recording(sim: Simulator, conn: Any, client: Any) -> None:
    sim.faults.set("recorder", "die@recording")
    channels = await soon(client.list_channels())
    await soon(client.start_session(conn.create_capture_session("u").id, channels.all()))
    assert await soon(client._proc.wait()) == 101


async def test_a_mute_recorder(sim: Simulator, client: Any) -> None:
    sim.faults.set("recorder", "mute@getChannels")
    with pytest.raises(TimeoutError):
        await soon(client.list_channels(), 0.4)
    assert client._proc.returncode is None


async def test_a_long_line_ends_the_sdk_reader(sim: Simulator, client: Any) -> None:
    sim.faults.set("recorder", "long-line@getChannels")
    ended: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: ended.append(context))
    with pytest.raises(TimeoutError):
        await soon(client.list_channels(), 0.4)
    assert [type(context["exception"]) for context in ended] == [ValueError]


async def test_noise_is_ignored_and_slowness_is_slow(sim: Simulator, client: Any) -> None:
    sim.faults.set("recorder", "noise@init,noise@getChannels,slow:0.2@getChannels")
    began = time.monotonic()
    assert len((await soon(client.list_channels())).mics) == 1
    assert time.monotonic() - began >= 0.2


async def test_error_replies_carry_their_code(sim: Simulator, conn: Any, client: Any) -> None:
    channels = await soon(client.list_channels())
    sim.faults.set("recorder", "error:INVALID_DISPLAY@startRecording")
    session = conn.create_capture_session("u")
    with pytest.raises(RuntimeError) as caught:
        await soon(client.start_session(session.id, channels.all()))
    assert caught.value.args[0] == {"code": "INVALID_DISPLAY", "message": "failed on request"}
    sim.faults.set("recorder", "off")
    sim.faults.set("tokens", "expired")
    with pytest.raises(RuntimeError) as caught:
        await soon(client.start_session(session.id, channels.all()))
    assert caught.value.args[0]["code"] == "INVALID_TOKEN"
    sim.faults.set("tokens", "ok")
    with pytest.raises(RuntimeError) as caught:
        await soon(client.start_session("cap-none", channels.all()))
    assert caught.value.args[0]["code"] == "SESSION_NOT_FOUND"
    with pytest.raises(RuntimeError) as caught:
        await soon(client._send_command("fly"))
    assert caught.value.args[0]["code"] == "UNKNOWN_COMMAND"


async def test_one_recorder_at_a_time(sim: Simulator, conn: Any, client: Any) -> None:
    await soon(client.list_channels())
    second = CaptureClient("t", base_url=sim.base_url)
    with pytest.raises(RuntimeError) as caught:
        await soon(second.list_channels())
    assert caught.value.args[0]["code"] == "INSTANCE_ALREADY_RUNNING"
    client._proc.kill()
    await client._proc.wait()
    await eventually(lambda: sim.snapshot()["recorder_pid"] is None)
    await soon(second._send_command("init", {"apiUrl": sim.base_url}))
    assert sim.snapshot()["recorder_pid"] == second._proc.pid
    second._proc.kill()
    await second._proc.wait()
    second._proc._transport.close()


async def test_the_lock_may_be_refused(sim: Simulator, client: Any) -> None:
    sim.faults.set("recorder", "refuse-lock@init")
    with pytest.raises(RuntimeError) as caught:
        await soon(client.list_channels())
    assert caught.value.args[0]["code"] == "INSTANCE_ALREADY_RUNNING"


async def test_display_sleep_at_a_step(sim: Simulator, conn: Any, client: Any) -> None:
    sim.faults.set("recorder", "sleep@recording")
    channels = await soon(client.list_channels())
    session = conn.create_capture_session("u")
    await soon(client.start_session(session.id, channels.all()))
    await eventually(lambda: bool(sim.snapshot()["asleep"]))


async def test_the_end_of_stdin_stops_the_session(sim: Simulator, conn: Any, client: Any) -> None:
    channels = await soon(client.list_channels())
    session = conn.create_capture_session("u")
    await soon(client.start_session(session.id, channels.all()))
    client._proc.stdin.close()
    assert await soon(client._proc.wait()) == 0
    assert conn.get_capture_session(session.id).status in ("stopping", "stopped")


async def test_it_refuses_any_other_address(sim: Simulator) -> None:
    stranger = CaptureClient("t", base_url="https://api.videodb.example")
    with pytest.raises(RuntimeError) as caught:
        await soon(stranger.list_channels())
    assert caught.value.args[0]["code"] == "INIT_FAILED"
    stranger._proc.kill()
    await stranger._proc.wait()
    stranger._proc._transport.close()


def test_capture_simulate_prints_what_to_copy_and_every_call(tmp_path: Path) -> None:
    recording = tmp_path / "rec.jsonl"
    data = {"text": "hello", "is_final": True, "start": 1772441995000, "end": 1772441996000}
    line = {"unix_ts": 1772441996.5, "channel": "transcript", "rtstream_name": "mic:default", "data": data}
    recording.write_text(json.dumps(line) + "\n")
    command = [sys.executable, "-m", "capture", "simulate", "--play", str(recording), "--fault", "export=never"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout and process.stderr
    api = process.stdout.readline().strip().removeprefix("VIDEO_DB_API=")
    key = process.stdout.readline().strip().removeprefix("VIDEO_DB_API_KEY=")
    assert requests.get(f"{api}/_sim/faults", timeout=5).json()["data"]["export"] == "never"
    connection = videodb.connect(api_key=key, base_url=api)
    mic = connection.get_collection().connect_rtstream("rtsp://x/1", "mic:default", media_types=["audio"])
    mic.start_transcript()
    log = ""
    while "the end: 1 events" not in log:
        log += process.stderr.readline()
    assert [record["text"] for record in mic.get_transcript()["transcription_records"]] == ["hello"]
    connection.session.close()
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "200   POST /rtstream/rts-0001/transcription" in log + rest


def test_capture_simulate_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    def simulate(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "capture", "simulate", *args]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)

    assert simulate("--play", str(tmp_path / "none.jsonl")).returncode == 3
    wrong = simulate("--fault", "mood=bad")
    assert wrong.returncode == 2
    assert "there is no switch 'mood'" in wrong.stderr
    with Simulator() as taken:
        assert simulate("--port", taken.base_url.rpartition(":")[2]).returncode == 3
