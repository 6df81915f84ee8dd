"""The wait for the video: found by polling or told, complete, given up without loss, and never without need."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from capture.simulator import Simulator
from tests.capture.desk import SETTINGS, events_of, fast, opened, performed, soon, statuses_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs the recorder's script itself")

EXPORTS = "POST /collection/{c}/capture/session/{id}/export"


async def captured(cloud: Simulator, folder: Path, *, store: bool = True, export_for_s: float = 10.0) -> list[str]:
    """Capture and stop. Returns what was said."""
    said: list[str] = []
    settings = SETTINGS if store else replace(SETTINGS, store=())
    with opened(cloud, folder, settings, replace(fast(), export_for_s=export_for_s)) as (run, access):
        run.say = said.append
        running = asyncio.create_task(performed(run, access))
        await soon(lambda: run.state.phase == "waiting", "everything begun")
        run.stopping.ask("test")
        assert await running is None
    return said


@pytest.mark.parametrize("export", ["auto", "polls:1", "polls:4"])
async def test_the_video_is_waited_for(cloud: Simulator, tmp_path: Path, export: str) -> None:
    cloud.faults.set("export", export)
    said = await captured(cloud, tmp_path)
    [exported] = events_of(tmp_path, "capture_session.exported")
    assert exported["data"] == {
        "exported_video_id": "m-0001",
        "stream_url": f"{cloud.base_url}/media/m-0001.m3u8",
        "player_url": f"{cloud.base_url}/play/m-0001",
    }
    assert said[-1] == f"video m-0001 {cloud.base_url}/play/m-0001"


async def test_a_video_nobody_told_of_is_written_from_polling(cloud: Simulator, tmp_path: Path) -> None:
    cloud.faults.set("export", "polls:2")
    with opened(cloud, tmp_path) as (run, access):
        running = asyncio.create_task(performed(run, access))
        await soon(lambda: run.state.phase == "waiting", "everything begun")
        cloud.faults.set("refuse", "503")
        cloud.drop("dirty")
        run.stopping.ask("test")
        assert await running is None
    [exported] = events_of(tmp_path, "capture_session.exported")
    assert exported["_capture"]["origin"] == "poll"
    assert exported["data"]["player_url"].endswith("m-0001")
    assert statuses_of(tmp_path, "cap-0001") == ["created", "starting", "active", "stopping", "stopped", "exported"]


async def test_nothing_stored_is_nothing_waited_for(cloud: Simulator, tmp_path: Path) -> None:
    said = await captured(cloud, tmp_path, store=False)
    assert cloud.counts[EXPORTS] == 0
    assert any("there will be no video" in line for line in said)


async def test_a_video_that_never_comes_is_left_to_the_next_start(cloud: Simulator, tmp_path: Path) -> None:
    cloud.faults.set("export", "never")
    said = await captured(cloud, tmp_path, export_for_s=0.3)
    assert said[-1] == "the video is not there yet; the next `capture start` goes on waiting"
    assert statuses_of(tmp_path, "cap-0001")[-1] == "stopped"
    cloud.faults.set("export", "polls:1")
    said = await captured(cloud, tmp_path, store=False)
    assert "finishing session cap-0001" in said
    assert statuses_of(tmp_path, "cap-0001")[-1] == "exported"


async def test_a_video_that_failed_is_said(cloud: Simulator, tmp_path: Path) -> None:
    cloud.faults.set("export", "failed")
    said = await captured(cloud, tmp_path)
    assert "the export of cap-0001 failed in the cloud" in said
    assert events_of(tmp_path, "capture.export")[0]["data"]["status"] == "failed"


async def test_a_session_that_is_gone_is_not_waited_for(cloud: Simulator, tmp_path: Path) -> None:
    cloud.faults.set("export", "never")
    await captured(cloud, tmp_path, export_for_s=0.2)
    cloud.faults.set("http", "404 POST /collection/*/capture/session/cap-0001/export")
    await captured(cloud, tmp_path, store=False)
    with opened(cloud, tmp_path) as (run, _):
        assert run.state.unfinished == []


async def test_a_refusal_keeps_it_for_later(cloud: Simulator, tmp_path: Path) -> None:
    cloud.faults.set("export", "never")
    cloud.faults.set("http", "402 POST /collection/*/export")
    said = await captured(cloud, tmp_path)
    assert "goes on waiting" in said[-1]
    with opened(cloud, tmp_path) as (run, _):
        assert [session.id for session in run.state.unfinished] == ["cap-0001"]
