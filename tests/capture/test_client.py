"""The safe client with the stand-in recorder as a real child process: whatever the recorder does, nobody hangs."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from capture.account import Account, connect
from capture.client import RecorderError, SafeCaptureClient, recorder_path
from capture.recorder_check import missing_recorder
from capture.simulator import Simulator, recorder_path_entry

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs the recorder's script itself")

SHORT = {name: 5.0 for name in ("init", "requestPermission", "getChannels", "startRecording", "stopRecording")}
SHORT |= {"shutdown": 0.5, "ping": 0.2}


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.syspath_prepend(recorder_path_entry())
    with Simulator() as simulator:
        yield simulator
    sys.modules.pop("videodb_capture_bin", None)


@pytest.fixture
def conn(sim: Simulator) -> Iterator[Any]:
    connection = connect(Account(sim.api_key, sim.base_url))
    yield connection
    connection.session.close()


@pytest_asyncio.fixture
async def client(sim: Simulator, conn: Any) -> AsyncIterator[SafeCaptureClient]:
    safe = SafeCaptureClient(conn.generate_client_token(), sim.base_url, deadlines_s=SHORT)
    yield safe
    await asyncio.wait_for(safe.shutdown(), 6)
    assert recorders(sim) == []


def recorders(sim: Simulator) -> list[int]:
    """Return the ids of the stand-in's processes that are children of this one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if b"stand_in/recorder.py" in words and parent == os.getpid():
            found.append(int(folder.name))
    return found


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within 5 s")


async def events_of(client: SafeCaptureClient) -> list[dict[str, Any]]:
    async with asyncio.timeout(5):
        return [event async for event in client.events()]


async def failing(awaitable: Awaitable[Any], within_s: float) -> RecorderError:
    """Return the error, which must come within this time."""
    began = time.monotonic()
    with pytest.raises(RecorderError) as caught:
        await asyncio.wait_for(awaitable, 10)
    assert time.monotonic() - began < within_s
    return caught.value


async def test_the_whole_workflow(sim: Simulator, conn: Any, client: SafeCaptureClient) -> None:
    assert await client.request_permission("microphone") is True
    assert await client.request_permission("screen_capture") is True
    channels = await client.list_channels()
    assert [ch.id for ch in channels.all()] == ["mic:default", "display:1", "display:2", "system_audio:default"]
    session = conn.create_capture_session("user-1")
    await client.start_session(session.id, [*channels.all(), channels.cameras.default, None])
    assert client.pid in recorders(sim)
    await channels.mics.default.pause()
    await channels.mics.default.resume()
    await client.stop_session()
    await client.shutdown()
    assert recorders(sim) == []
    names = [event["event"] for event in await events_of(client)]
    assert names[2:] == ["recording-started", "recording-complete", "recorder.exited"]
    assert await events_of(client) == [], "after the end there is nothing to wait for"


@pytest.mark.parametrize(
    ("named", "marked", "expected"),
    [
        (None, (), "display:1"), (None, ("display:2",), "display:2"), (None, ("display:1", "display:2"), "display:1"),
        ("display:2", (), "display:2"), ("Simulated display:2", ("display:1",), "display:2"), ("none", (), "display:1"),
    ],
)  # fmt: skip
async def test_one_display_is_the_primary(
    sim: Simulator, conn: Any, client: SafeCaptureClient, named: str | None, marked: tuple[str, ...], expected: str
) -> None:
    channels = await client.list_channels()
    for channel in channels.all():
        channel.is_primary = channel.id in marked
    session = conn.create_capture_session("user-1")
    await client.start_session(session.id, [*channels.cameras, *channels.all()], named)
    (told,) = [s["channels"] for s in sim.snapshot()["sessions"]]
    assert [channel["channel_id"] for channel in told if channel["is_primary"]] == [expected]


async def test_the_names_of_the_guides_work(sim: Simulator, conn: Any, client: SafeCaptureClient) -> None:
    channels = await client.list_channels()
    session = conn.create_capture_session("u")
    await client.start_capture_session(
        capture_session_id=session.id, channels=[channels.mics.default], primary_video_channel_id=None
    )
    await client.stop_capture()


STEPS: dict[str, Callable[[SafeCaptureClient, Any], Awaitable[Any]]] = {
    "init": lambda client, conn: client.list_channels(),
    "requestPermission": lambda client, conn: client.request_permission("microphone"),
    "getChannels": lambda client, conn: client.list_channels(),
    "startRecording": lambda client, conn: started(client, conn),
    "stopRecording": lambda client, conn: stopped(client, conn),
}


async def started(client: SafeCaptureClient, conn: Any) -> None:
    channels = await client.list_channels()
    await client.start_session(conn.create_capture_session("u").id, channels.all())


async def stopped(client: SafeCaptureClient, conn: Any) -> None:
    await started(client, conn)
    await client.stop_session()


@pytest.mark.parametrize("step", STEPS)
async def test_it_dies(sim: Simulator, conn: Any, client: SafeCaptureClient, step: str) -> None:
    sim.faults.set("recorder", f"die@{step}")
    error = await failing(STEPS[step](client, conn), 3)
    assert error.code == "EXITED"
    for again in (client.list_channels, client.stop_session, lambda: client.start_session("cap-1", [object()])):
        with pytest.raises((RecorderError, AttributeError)):
            await asyncio.wait_for(again(), 0.1)
    assert recorders(sim) == [], "nothing may start a second one"
    assert (await events_of(client))[-1] == {
        "type": "event", "event": "recorder.exited", "payload": {"code": 101, "why": error.message.split(" ", 2)[2]},
    }  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
async def test_it_falls_silent(sim: Simulator, conn: Any, client: SafeCaptureClient, step: str) -> None:
    sim.faults.set("recorder", f"mute@{step}")
    client._deadlines_s[step] = 0.3
    error = await failing(STEPS[step](client, conn), 3)
    assert (error.code, error.message) == ("TIMEOUT", f"no reply to {step} within 0.3 s")
    assert len(recorders(sim)) <= 1


async def test_it_prints_long_lines_and_noise(sim: Simulator, conn: Any, client: SafeCaptureClient) -> None:
    sim.faults.set("recorder", ",".join(f"{fault}@{step}" for step in STEPS for fault in ("long-line", "noise")))
    assert await client.request_permission("microphone") is True
    await stopped(client, conn)


@pytest.mark.parametrize("step", STEPS)
async def test_it_replies_with_an_error(sim: Simulator, conn: Any, client: SafeCaptureClient, step: str) -> None:
    sim.faults.set("recorder", f"error:BUSY@{step}")
    error = await failing(STEPS[step](client, conn), 3)
    assert (error.code, str(error)) == ("BUSY", "BUSY: failed on request")
    assert error.args[0] == {"code": "BUSY", "message": "failed on request"}
    if step == "startRecording":
        assert (await failing(client.stop_session(), 0.1)).code == "NO_ACTIVE_SESSION"


async def test_it_dies_while_recording(sim: Simulator, conn: Any, client: SafeCaptureClient) -> None:
    sim.faults.set("recorder", "die@recording")
    await started(client, conn)
    names = [event["event"] for event in await events_of(client)]
    assert names == ["recording-started", "recorder.exited"]
    assert (await failing(client.stop_session(), 0.1)).code == "EXITED"
    assert client.pid is None


async def test_another_recorder_is_running(sim: Simulator, conn: Any, client: SafeCaptureClient) -> None:
    await client.list_channels()
    second = SafeCaptureClient("t", sim.base_url, deadlines_s=SHORT)
    for _ in range(2):
        assert (await failing(second.list_channels(), 3)).code == "INSTANCE_ALREADY_RUNNING"
    await second.shutdown()
    assert recorders(sim) == [client.pid], "the first one goes on"
    assert len((await client.list_channels()).mics) == 1


async def test_first_calls_at_once_start_one_recorder(sim: Simulator, client: SafeCaptureClient) -> None:
    answers = await asyncio.gather(*(client.list_channels() for _ in range(8)))
    assert len(answers) == 8
    assert recorders(sim) == [client.pid]


async def test_a_caller_who_gives_up_does_not_spoil_the_start(sim: Simulator, client: SafeCaptureClient) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.list_channels(), 0.001)
    assert len((await client.list_channels()).mics) == 1
    assert recorders(sim) == [client.pid]


async def test_two_pings_without_answer_are_its_end(sim: Simulator, conn: Any) -> None:
    client = SafeCaptureClient("t", sim.base_url, deadlines_s=SHORT, ping_s=0.05)
    sim.faults.set("recorder", "mute@ping")
    await client.list_channels()
    exited = (await events_of(client))[-1]["payload"]
    assert exited == {"code": 0, "why": "did not answer two pings"}
    assert (await failing(client.list_channels(), 0.1)).code == "EXITED"
    await client.shutdown()
    assert recorders(sim) == []


async def test_pings_that_are_answered_keep_it(sim: Simulator) -> None:
    client = SafeCaptureClient("t", sim.base_url, deadlines_s=SHORT, ping_s=0.02)
    sim.faults.set("recorder", "error:UNKNOWN_COMMAND@ping")
    await client.list_channels()
    await asyncio.sleep(0.3)
    assert len((await client.list_channels()).mics) == 1
    await client.shutdown()


@pytest.mark.parametrize(
    "fault", ["mute@shutdown", "die@shutdown", "error:INTERNAL_ERROR@shutdown", "mute@getChannels"]
)
async def test_shutdown_is_bounded_whatever_it_does(sim: Simulator, client: SafeCaptureClient, fault: str) -> None:
    sim.faults.set("recorder", fault)
    client._deadlines_s["getChannels"] = 0.5
    await asyncio.gather(client.list_channels(), return_exceptions=True)
    began = time.monotonic()
    await asyncio.gather(client.shutdown(), client.shutdown())
    assert time.monotonic() - began < 3
    assert recorders(sim) == []
    assert (await failing(client.list_channels(), 0.1)).code == "EXITED"


async def test_shutdown_in_the_middle_of_a_start(sim: Simulator, client: SafeCaptureClient) -> None:
    sim.faults.set("recorder", "mute@init")
    call = asyncio.create_task(client.list_channels())
    await until(lambda: bool(recorders(sim)))
    await asyncio.wait_for(client.shutdown(), 3)
    with pytest.raises(RecorderError, match="EXITED"):
        await call
    assert recorders(sim) == []


async def test_one_that_was_never_started_needs_no_end(sim: Simulator) -> None:
    client = SafeCaptureClient("t", sim.base_url)
    await client.shutdown()
    assert [event["event"] for event in await events_of(client)] == ["recorder.exited"]
    assert (await failing(client.list_channels(), 0.1)).code == "EXITED"


async def test_without_a_device_nothing_starts(sim: Simulator, client: SafeCaptureClient) -> None:
    assert (await failing(client.start_session("cap-1", [None, None]), 0.1)).code == "MISSING_CHANNELS"
    assert (await failing(client.stop_session(), 0.1)).code == "NO_ACTIVE_SESSION"
    assert recorders(sim) == []


async def test_it_is_in_a_group_of_its_own(sim: Simulator, client: SafeCaptureClient) -> None:
    await client.list_channels()
    assert client.pid is not None
    assert os.getpgid(client.pid) == client.pid != os.getpgid(0)


def test_a_machine_without_a_recorder_is_told_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if recorder_path() is None:
        assert "capture listen" in missing_recorder() or "pip install" in missing_recorder()
        with pytest.raises(RecorderError, match="NO_RECORDER"):
            SafeCaptureClient("t")
    (tmp_path / "videodb_capture_bin.py").write_text(f"def get_binary_path(): return {str(tmp_path / 'recorder')!r}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert recorder_path() is None
    assert "is not there" in missing_recorder()
    (tmp_path / "recorder").write_text("#!/bin/sh\n")
    assert recorder_path() is None
    assert "chmod +x" in missing_recorder()
    (tmp_path / "recorder").chmod(0o755)
    assert recorder_path() == str(tmp_path / "recorder")
    del sys.modules["videodb_capture_bin"]


async def test_a_program_that_is_no_recorder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sim: Simulator) -> None:
    (tmp_path / "videodb_capture_bin.py").write_text(f"def get_binary_path(): return {str(tmp_path / 'rec')!r}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "rec").write_text("no program\n")
    (tmp_path / "rec").chmod(0o755)
    client = SafeCaptureClient("t", sim.base_url, deadlines_s=SHORT)
    error = await failing(client.list_channels(), 1)
    assert (error.code, "cannot be started" in error.message) == ("EXITED", True)
    await client.shutdown()
    (tmp_path / "rec").write_text("#!/bin/sh\nexec sleep 60\n")
    stubborn = SafeCaptureClient("t", sim.base_url, deadlines_s={"init": 0.3})
    assert (await failing(stubborn.list_channels(), 1)).code == "TIMEOUT"
    pid = stubborn.pid
    assert pid is not None
    await stubborn.shutdown()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    del sys.modules["videodb_capture_bin"]
