"""SIGTERM and SIGINT at every stage of start and stop: always an orderly end, nothing left running anywhere."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from capture.paths import JOURNAL_NAME, Lock
from capture.simulator import Simulator
from tests.capture.desk import fast, opened, performed, soon, statuses_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals, and the recorder's script itself")


MUTE = replace(fast(), command_s=0.5, stop_call_s=0.3)
RECORDER = "the recorder is there"


class Stage(NamedTuple):
    """A place where a start or stop hangs: by this fault, and it is reached once the simulator got this call."""

    fault: str
    value: str
    reached: str
    began: bool = False


def stage(name: str, fault: str, value: str, reached: str, *, began: bool = False) -> Any:
    return pytest.param(Stage(fault, value, reached, began), id=name)


START = [
    stage("no address", "http", "hang GET /collection/*/websocket", "GET /collection/{c}/websocket"),
    stage("no greeting", "greeting", "missing", "GET /collection/{c}/websocket"),
    stage("client token", "http", "hang POST /capture/session/token", "POST /capture/session/token"),
    stage("recorder starts", "recorder", "mute@init", RECORDER),
    stage("permission", "recorder", "mute@requestPermission", RECORDER),
    stage("channels", "recorder", "mute@getChannels", RECORDER),
    stage("create session", "http", "hang POST /collection/*/capture/session", "POST /collection/{c}/capture/session"),
    stage("start recording", "recorder", "mute@startRecording", "POST /capture/session/start"),
    stage("slow recording", "recorder", "slow:0.2@startRecording", "POST /collection/{c}/capture/session"),
    stage("transcript", "http", "hang POST /rtstream/*/transcription", "POST /rtstream/{id}/transcription"),
    stage("index", "http", "hang POST /rtstream/*/index/scene", "POST /rtstream/{id}/index/scene"),
]
STOP = [
    stage("live", "export", "auto", "POST /rtstream/{id}/index/scene", began=True),
    stage("stop recording", "recorder", "mute@stopRecording", "POST /rtstream/{id}/index/scene", began=True),
    stage("slow stop", "recorder", "slow:0.2@stopRecording", "POST /rtstream/{id}/index/scene", began=True),
    stage("shut down", "recorder", "mute@shutdown", "POST /rtstream/{id}/index/scene", began=True),
    stage("stop index", "http", "hang PATCH /rtstream/*/status", "POST /rtstream/{id}/index/scene", began=True),
]


def nothing_is_left(cloud: Simulator, folder: Path) -> None:
    """No recorder, no session that records, nothing that is billed, no lock on the journal."""
    left = cloud.snapshot()
    assert left["recorder_pid"] is None
    assert [each["status"] for each in left["sessions"] if each["status"] in ("starting", "active")] == []
    assert [each["id"] for each in left["streams"] if each["status"] == "connected"] == []
    assert [each["id"] for each in left["pipelines"] if each["running"]] == []
    Lock.take(folder / f".{JOURNAL_NAME}.lock", "test").release()


def is_reached(cloud: Simulator, where: Stage) -> bool:
    if where.reached == RECORDER:
        return cloud.snapshot()["recorder_pid"] is not None
    return cloud.counts[where.reached] > 0


async def all_ended(cloud: Simulator, *states: str) -> None:
    """Wait until the recorder is gone and no session is in these states."""
    await soon(lambda: cloud.snapshot()["recorder_pid"] is None, "the end of the recorder")
    await soon(lambda: not any(each["status"] in states for each in cloud.snapshot()["sessions"]), "the end")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("where", [*START, *STOP])
async def test_a_signal_ends_it_in_order(
    cloud: Simulator, tmp_path: Path, where: Stage, number: signal.Signals
) -> None:
    cloud.faults.set(where.fault, where.value)
    timing = MUTE if "mute" in where.value or "hang" in where.value else fast()
    if where.value == "mute@init":
        timing = replace(timing, recorder_s=1.0)
    with opened(cloud, tmp_path, timing=timing) as (run, access):
        running = asyncio.create_task(performed(run, access))
        await soon(lambda: is_reached(cloud, where), where.reached)
        if where.began:
            await soon(lambda: run.state.phase == "waiting", "everything begun")
        else:
            await asyncio.sleep(0.05)  # to be within the step
        os.kill(os.getpid(), number)
        ending = await running
        assert run.state.phase == "ended"
    assert (ending is None) is where.began
    assert ending is None or ending.error is None
    await all_ended(cloud, "starting", "active", "stopping")
    nothing_is_left(cloud, tmp_path)


@pytest.mark.usefixtures("cloud")
async def test_a_signal_while_the_session_is_not_active_yet(tmp_path: Path) -> None:
    with Simulator(pace_s=0.8) as slow, opened(slow, tmp_path) as (run, access):
        running = asyncio.create_task(performed(run, access))
        await soon(lambda: slow.counts["POST /capture/session/start"], "the recording")
        os.kill(os.getpid(), signal.SIGTERM)
        ending = await running
        assert ending is not None and ending.error is None
        assert statuses_of(tmp_path, "cap-0001")[:3] == ["created", "starting", "stopping"]


async def test_a_second_signal_leaves_the_export_to_the_next_start(cloud: Simulator, tmp_path: Path) -> None:
    cloud.faults.set("export", "never")
    with opened(cloud, tmp_path) as (run, access):
        running = asyncio.create_task(performed(run, access))
        await soon(lambda: run.state.phase == "waiting", "everything begun")
        os.kill(os.getpid(), signal.SIGTERM)
        await soon(lambda: cloud.counts["POST /collection/{c}/capture/session/{id}/export"] > 1, "the wait")
        assert run.state.phase == "exporting"
        os.kill(os.getpid(), signal.SIGTERM)
        ending = await running
        assert ending is not None and ending.error is None
        assert [session.id for session in run.state.unfinished] == ["cap-0001"]
    nothing_is_left(cloud, tmp_path)
    cloud.faults.set("export", "polls:1")
    with opened(cloud, tmp_path) as (run, access):
        running = asyncio.create_task(performed(run, access))
        await soon(lambda: "exported" in statuses_of(tmp_path, "cap-0001"), "the export of before")
        await soon(lambda: run.state.phase == "waiting", "everything begun")
        os.kill(os.getpid(), signal.SIGTERM)
        assert await running is None
        assert run.state.unfinished == []


async def test_two_signals_at_once_while_it_starts(cloud: Simulator, tmp_path: Path) -> None:
    cloud.faults.set("recorder", "slow:0.2@startRecording")
    with opened(cloud, tmp_path) as (run, access):
        running = asyncio.create_task(performed(run, access))
        await soon(lambda: cloud.counts["POST /collection/{c}/capture/session"], "the session")
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await running is not None
    await all_ended(cloud, "starting", "active", "stopping")
    nothing_is_left(cloud, tmp_path)
