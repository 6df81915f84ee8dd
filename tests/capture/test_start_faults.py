"""What goes wrong while a capture runs, against the real SDK: the recorder dies, the cloud refuses, replies are odd."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from capture.calls import CloudError
from capture.paths import JOURNAL_NAME, Lock
from capture.run import Run
from capture.settings import Alert, Batch, Limits, PipelineSpec, Settings
from capture.simulator import Simulator
from capture.start import Ending
from capture.stopping import CaptureError
from tests.capture.desk import (
    PIPELINES,
    SETTINGS,
    events_of,
    fast,
    lines_of,
    opened,
    performed,
    soon,
    statuses_of,
    texts_of,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs the recorder's script itself")


async def stopped_once_it_runs(run: Run, running: asyncio.Task[Ending | None]) -> Ending | None:
    await soon(lambda: run.state.phase in ("waiting", "live") or running.done(), "everything begun")
    run.stopping.ask("test")
    return await running


def pipelines_by_kind(cloud: Simulator) -> Counter[str]:
    """How often each kind of pipeline was set running: what is billed."""
    counted: Counter[str] = Counter()
    for pipeline in cloud.snapshot()["pipelines"]:
        counted[pipeline["kind"]] += pipeline["starts"]
    return counted


STEPS = ["init", "requestPermission", "getChannels", "startRecording", "recording", "stopRecording", "shutdown"]


@pytest.mark.parametrize("step", STEPS)
async def test_the_recorder_dies(cloud: Simulator, tmp_path: Path, step: str) -> None:
    cloud.faults.set("recorder", f"die@{step}")
    with opened(cloud, tmp_path) as (run, access):
        running = asyncio.create_task(performed(run, access))
        if step in ("stopRecording", "shutdown"):
            ending = await stopped_once_it_runs(run, running)
        else:
            ending = await running
            assert ending is not None and isinstance(ending.error, CaptureError)
            assert ending.error.kind == "recorder"
            assert "exit code 101" in str(ending.error) or "EXITED" in str(ending.error)
        assert run.state.phase == "ended"
    ended = {"created"} if step == "startRecording" else {"stopped", "exported"}  # created: nothing was recorded yet
    assert {each["status"] for each in cloud.snapshot()["sessions"]} <= ended
    exits = [line for line in lines_of(tmp_path) if line.get("event") == "recorder.exited"]
    assert len(exits) == 1 and exits[0]["_capture"]["origin"] == "recorder"
    Lock.take(tmp_path / f".{JOURNAL_NAME}.lock", "test").release()


@pytest.mark.capture_reference
@pytest.mark.parametrize("shape", ["object", "string", "flat"])
async def test_the_session_fails(cloud: Simulator, tmp_path: Path, shape: str) -> None:
    cloud.faults.set("session", f"failed:{shape}")
    with opened(cloud, tmp_path) as (run, access):
        ending = await performed(run, access)
    assert ending is not None and isinstance(ending.error, CaptureError)
    assert ending.error.kind == "session"
    assert statuses_of(tmp_path, "cap-0001") == ["created", "starting", "failed"]
    assert run.state.unfinished == []


async def test_a_session_that_fails_later(cloud: Simulator, tmp_path: Path) -> None:
    with opened(cloud, tmp_path) as (run, access):
        running = asyncio.create_task(performed(run, access))
        await soon(lambda: run.state.phase == "waiting", "everything begun")
        cloud.fail()
        ending = await running
    assert ending is not None and "failed in the cloud" in str(ending.error)


async def test_streams_are_missing_at_first_then_null(cloud: Simulator, tmp_path: Path) -> None:
    cloud.faults.set("rtstreams", "empty:2,null:2")
    cloud.faults.set("channel_ids", "full")
    cloud.faults.set("shape", "flat")  # and no message of the socket tells the streams
    with opened(cloud, tmp_path) as (run, access):
        ending = await stopped_once_it_runs(run, asyncio.create_task(performed(run, access)))
    assert ending is None
    assert pipelines_by_kind(cloud) == {"transcript": 1, "visual": 1}


async def test_lifecycle_that_the_socket_lost_is_polled_and_written_in_order(cloud: Simulator, tmp_path: Path) -> None:
    cloud.faults.set("recorder", "slow:0.3@startRecording")
    with opened(cloud, tmp_path) as (run, access):
        running = asyncio.create_task(performed(run, access))
        await soon(lambda: cloud.counts["POST /collection/{c}/capture/session"], "the session")
        cloud.drop("dirty")  # the binding is lost for good: nothing of this session comes over the socket any more
        await soon(lambda: "active" in statuses_of(tmp_path, "cap-0001"), "the polled status")
        assert not run.stopping.asked
        ending = await stopped_once_it_runs(run, running)
    assert ending is None
    assert statuses_of(tmp_path, "cap-0001") == ["created", "starting", "active", "stopping", "stopped", "exported"]
    origins = {
        line["status"]: line["_capture"]["origin"] for line in lines_of(tmp_path) if "capture_session_id" in line
    }
    assert origins["active"] == "poll"
    assert pipelines_by_kind(cloud) == {"transcript": 1, "visual": 1}


async def test_everything_comes_twice(cloud: Simulator, tmp_path: Path) -> None:
    cloud.faults.set("duplicate", "1")
    cloud.faults.set("active_twice", "1")
    with opened(cloud, tmp_path) as (run, access):
        running = asyncio.create_task(performed(run, access))
        await soon(lambda: run.state.phase == "waiting", "everything begun")
        cloud.emit("transcript", "once", "mic")
        await soon(lambda: run.tally.duplicates > 3, "the copies")
        run.stopping.ask("test")
        assert await running is None
    assert texts_of(tmp_path, "transcript") == ["once"]
    assert statuses_of(tmp_path, "cap-0001") == ["created", "starting", "active", "stopping", "stopped", "exported"]
    assert pipelines_by_kind(cloud) == {"transcript": 1, "visual": 1}


REFUSALS = [("401", "auth"), ("402", "credits"), ("403", "forbidden")]
CALLS = ["GET /collection/*/websocket", "POST /capture/session/token", "POST /collection/*/capture/session"]


@pytest.mark.parametrize(("status", "kind"), REFUSALS)
@pytest.mark.parametrize("call", CALLS)
async def test_a_refusal_before_it_began_is_the_end(
    cloud: Simulator, tmp_path: Path, call: str, status: str, kind: str
) -> None:
    cloud.faults.set("http", f"{status} {call}")
    with opened(cloud, tmp_path) as (run, access):
        ending = await performed(run, access)
    assert ending is not None and isinstance(ending.error, CloudError)
    assert ending.error.kind == kind
    assert cloud.snapshot()["recorder_pid"] is None


PASSING = ["429", "502", "503"]
EVERY_CALL = [
    "GET /collection/*/websocket", "POST /capture/session/token", "POST /collection/*/capture/session",
    "GET /collection/*/capture/session/*", "POST /rtstream/*/transcription", "POST /rtstream/*/index/scene",
    "POST /collection/*/export",
]  # fmt: skip


@pytest.mark.parametrize("status", PASSING)
async def test_a_storm_that_passes_is_sat_out(cloud: Simulator, tmp_path: Path, status: str) -> None:
    for call in EVERY_CALL:
        cloud.faults.set("http", f"{status} {call} x3")
    with opened(cloud, tmp_path) as (run, access):
        ending = await stopped_once_it_runs(run, asyncio.create_task(performed(run, access)))
        assert ending is None
        assert run.state.unfinished == []
    assert pipelines_by_kind(cloud) == {"transcript": 1, "visual": 1}
    assert statuses_of(tmp_path, "cap-0001")[-1] == "exported"


@pytest.mark.parametrize("status", ["400", "402", "404"])
async def test_one_pipeline_that_is_refused_stops_no_other(cloud: Simulator, tmp_path: Path, status: str) -> None:
    cloud.faults.set("http", f"{status} POST /rtstream/*/index/scene")
    with opened(cloud, tmp_path) as (run, access):
        running = asyncio.create_task(performed(run, access))
        await soon(lambda: run.state.phase == "waiting", "everything begun")
        assert cloud.emit("transcript", "still heard", "mic") == 1
        await soon(lambda: run.state.phase == "live", "an event")
        failed = [p for p in run.state.sessions[-1].pipelines.values() if p.state == "failed"]
        assert [p.kind for p in failed] == ["visual"] and failed[0].error
        await asyncio.sleep(0.5)  # longer than poll_far_s: what is refused for good is not tried again
        assert cloud.counts["POST /rtstream/{id}/index/scene"] == 1
        run.stopping.ask("test")
        assert await running is None
    assert texts_of(tmp_path, "transcript") == ["still heard"]
    states = [(line["data"]["kind"], line["data"]["state"]) for line in events_of(tmp_path, "capture.pipeline")]
    assert ("visual", "failed") in states and ("transcript", "running") in states


async def test_a_pipeline_that_failed_for_a_while_is_started_later(cloud: Simulator, tmp_path: Path) -> None:
    cloud.faults.set("http", "502 POST /rtstream/*/index/scene")
    with opened(cloud, tmp_path, timing=replace(fast(), retry_s=0.1)) as (run, access):
        running = asyncio.create_task(performed(run, access))
        await soon(lambda: run.state.phase == "waiting", "everything begun")
        cloud.faults.set("http", "off")
        await soon(lambda: pipelines_by_kind(cloud)["visual"] == 1, "another try")
        run.stopping.ask("test")
        assert await running is None


async def test_an_index_whose_reply_was_lost_is_adopted(cloud: Simulator, tmp_path: Path) -> None:
    """The cloud made it and the answer got lost: asking again would bill twice."""
    cloud.faults.set("http", "200 POST /rtstream/*/index/scene x1 ~1.5")  # made at once, told after our patience
    with opened(cloud, tmp_path, timing=replace(fast(), call_s=0.5)) as (run, access):
        ending = await stopped_once_it_runs(run, asyncio.create_task(performed(run, access)))
    assert ending is None
    made = [p for p in cloud.snapshot()["pipelines"] if p["kind"] == "visual"]
    assert len(made) == 1, made


async def test_it_ends_also_when_the_cloud_is_gone(cloud: Simulator, tmp_path: Path) -> None:
    """Nothing can be fetched and nothing asked: the hole is told as it is, the rest is left to the next start."""
    quick = replace(fast(), settle_s=0.3, export_for_s=0.3)
    with opened(cloud, tmp_path, timing=quick) as (run, access):
        running = asyncio.create_task(performed(run, access))
        await soon(lambda: run.state.phase == "waiting", "everything begun")
        cloud.faults.set("http", "502 /collection/*")
        cloud.faults.set("http", "502 /rtstream/*")
        cloud.drop("dirty")
        await soon(lambda: run.state.connection_id is None, "the loss")
        run.stopping.ask("test")
        assert await running is None
        assert [session.id for session in run.state.unfinished] == ["cap-0001"]
    [gap] = events_of(tmp_path, "capture.gap")
    assert (gap["data"]["filled"], gap["data"]["records"]) == (False, 0)


async def test_odd_messages_end_nothing(cloud: Simulator, tmp_path: Path) -> None:
    with opened(cloud, tmp_path) as (run, access):
        running = asyncio.create_task(performed(run, access))
        await soon(lambda: run.state.phase == "waiting", "everything begun")
        for junk in ("array", "null", "text", "deep", "data-null", "data-text", "forbidden", "oversize"):
            cloud.inject(junk)
        cloud.emit("transcript", "after all that", "mic")
        await soon(lambda: "after all that" in texts_of(tmp_path, "transcript"), "the event after them")
        run.stopping.ask("test")
        assert await running is None
        assert run.journal.rejected >= 6
        assert run.state.generation == 1


@pytest.mark.sdk_overview
async def test_alerts_follow_the_index_and_their_event_is_made_once(cloud: Simulator, tmp_path: Path) -> None:
    alert = Alert("slack_opened", "Slack is opened")
    spec = PipelineSpec("visual", "visual", "What?", batch=Batch("time", 3, 3), alerts=(alert,))
    settings = Settings(channels=("display:1", "display:2"), pipelines={"screen": (spec,)})
    with opened(cloud, tmp_path, settings) as (run, access):
        running = asyncio.create_task(performed(run, access))
        await soon(lambda: run.state.phase == "waiting", "everything begun")
        assert cloud.alert("slack_opened", "it is there") == 2
        await soon(lambda: len(texts_of(tmp_path, "alert")) == 2, "the alerts")
        cloud.drop("dirty")
        await soon(lambda: events_of(tmp_path, "capture.gap"), "the gap line")
        assert cloud.alert("slack_opened", "again") == 2, "the alerts of replaced indexes rest"
        await soon(lambda: len(texts_of(tmp_path, "alert")) == 4, "the alerts")
        run.stopping.ask("test")
        assert await running is None
    assert [event["label"] for event in cloud.snapshot()["events"]] == ["slack_opened"]
    assert events_of(tmp_path, "capture.gap")[0]["data"]["alerts_lost"] is True


async def test_an_alert_that_fails_leaves_its_index(cloud: Simulator, tmp_path: Path) -> None:
    cloud.faults.set("http", "400 POST /rtstream/*/alert")
    spec = PipelineSpec("visual", "visual", "What?", alerts=(Alert("a", "something"),))
    settings = Settings(channels=("display:1",), pipelines={"screen": (spec,)})
    with opened(cloud, tmp_path, settings) as (run, access):
        ending = await stopped_once_it_runs(run, asyncio.create_task(performed(run, access)))
    assert ending is None
    assert pipelines_by_kind(cloud) == {"visual": 1}


async def test_permission_denied_leaves_nothing_in_the_cloud(cloud: Simulator, tmp_path: Path) -> None:
    cloud.faults.set("permission", "denied")
    with opened(cloud, tmp_path) as (run, access):
        ending = await performed(run, access)
    assert ending is not None and isinstance(ending.error, CaptureError)
    assert ending.error.kind == "permission"
    assert "privacy settings" in str(ending.error)
    assert cloud.snapshot()["sessions"] == []


async def test_another_recorder_holds_the_lock(cloud: Simulator, tmp_path: Path) -> None:
    cloud.faults.set("recorder", "refuse-lock@init")
    with opened(cloud, tmp_path) as (run, access):
        ending = await performed(run, access)
    assert ending is not None and isinstance(ending.error, CaptureError)
    assert "another" in str(ending.error)


async def test_a_session_is_rotated_before_its_token_ends(cloud: Simulator, tmp_path: Path) -> None:
    settings = Settings(
        channels=("mic:default",), store=("all",), pipelines={"mic": PIPELINES["mic"]},
        limits=Limits(rotate_hours=0.6 / 3600),
    )  # fmt: skip
    with opened(cloud, tmp_path, settings) as (run, access):
        running = asyncio.create_task(performed(run, access))
        await soon(lambda: events_of(tmp_path, "capture.gap"), "the next session")
        await soon(lambda: "exported" in statuses_of(tmp_path, "cap-0001"), "the export of the first")
        run.stopping.ask("test")
        await running
    assert statuses_of(tmp_path, "cap-0001")[-1] == "exported"
    reasons = [line["data"]["reason"] for line in events_of(tmp_path, "capture.gap")]
    assert reasons[0] == "rotation"
    tokens = [call for call in cloud.calls if call.path == "/capture/session/token"]
    assert len(tokens) >= 2
    assert {call.body["expires_in"] for call in tokens} == {3601}


async def test_it_ends_by_itself_after_max_hours(cloud: Simulator, tmp_path: Path) -> None:
    settings = replace(SETTINGS, store=(), limits=Limits(max_hours=0.3 / 3600))
    said: list[str] = []
    with opened(cloud, tmp_path, settings) as (run, access):
        run.say = said.append
        assert await performed(run, access) is None
        assert run.stopping.reason == "max_hours"
    assert any("nothing is stored" in line for line in said)
    assert "exported" not in statuses_of(tmp_path, "cap-0001")


@pytest.mark.sdk_overview
async def test_several_displays_have_one_primary(cloud: Simulator, tmp_path: Path) -> None:
    settings = Settings(channels=("all",), store=("display:*",), primary="display:2", pipelines=PIPELINES)
    with opened(cloud, tmp_path, settings) as (run, access):
        ending = await stopped_once_it_runs(run, asyncio.create_task(performed(run, access)))
    assert ending is None
    channels: list[dict[str, Any]] = cloud.snapshot()["sessions"][0]["channels"]
    assert {each["channel_id"]: (each["store"], each["is_primary"]) for each in channels} == {
        "mic:default": (False, False),
        "system_audio:default": (False, False),
        "display:1": (True, False),
        "display:2": (True, True),
    }
