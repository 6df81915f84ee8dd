"""Pipelines: a key for each piece of work, what goes over the wire, and what a crash between two calls leaves."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.access import Access
from capture.pipelines import Pipelines, index_name, pipeline_key
from capture.run import Run
from capture.settings import DEFAULT_PIPELINES, Alert, Batch, PipelineSpec
from capture.simulator import Simulator
from capture.state import Session, StateFile, Stream
from capture.stream_session import Address
from tests.capture.desk import events_of, opened, soon

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs the recorder's script itself")

VISUAL = PipelineSpec("visual", "visual", "What is on screen?", batch=Batch("time", 3, 2))
SPECS = st.builds(
    PipelineSpec, st.sampled_from(["transcript", "audio", "visual"]), st.text(max_size=4),
    st.none() | st.text(max_size=4), st.none() | st.text(max_size=4),
    st.none() | st.builds(Batch, st.just("time"), st.integers(1, 9)),
    alerts=st.lists(st.builds(Alert, st.text(max_size=3), st.text(max_size=3)), max_size=2).map(tuple),
)  # fmt: skip


@given(SPECS, SPECS, st.text(max_size=4), st.text(max_size=4))
def test_a_key_is_the_same_for_the_same_work_only(one: PipelineSpec, other: PipelineSpec, a: str, b: str) -> None:
    assert pipeline_key(a, b, one) == pipeline_key(a, b, replace(one))
    assert (pipeline_key(a, b, one) == pipeline_key(a, b, other)) is (one == other)
    assert (pipeline_key(a, b, one) == pipeline_key(b, a, one)) is (a == b)
    assert index_name(one, pipeline_key(a, b, one), "conn-1") != index_name(one, pipeline_key(a, b, one), "conn-2")


async def bound(run: Run, access: Access, cloud: Simulator, spec: PipelineSpec) -> tuple[Pipelines, Session]:
    """One screen stream of a session, known to the run, with this on it; nothing is started yet."""
    made = await asyncio.to_thread(
        access.connection.post, "rtstream", {"url": "rtsp://x", "name": "display:1", "media_types": ["video"]}
    )
    session = Session("cap-1", status="active", streams=[Stream(made["id"], "display:1", "screen", ["video"])])
    run.state.sessions.append(session)
    return Pipelines(run, access.connection, session, {"screen": (spec,)}), session


def indexes(cloud: Simulator) -> list[tuple[str, bool]]:
    return [(each["id"], each["running"]) for each in cloud.snapshot()["pipelines"] if each["kind"] == "visual"]


async def test_binding_again_does_nothing(cloud: Simulator, tmp_path: Path) -> None:
    with opened(cloud, tmp_path) as (run, access):
        pipelines, _ = await bound(run, access, cloud, VISUAL)
        assert await pipelines.bind("conn-a") is True
        assert await asyncio.gather(*(pipelines.bind("conn-a") for _ in range(5))) == [False] * 5
        assert indexes(cloud) == [("idx-0001", True)]
        await pipelines.bind("conn-b")
        assert indexes(cloud) == [("idx-0001", False), ("idx-0002", True)]
        await pipelines.stop()
        assert indexes(cloud) == [("idx-0001", False), ("idx-0002", False)]
    states = [line["data"]["state"] for line in events_of(tmp_path, "capture.pipeline")]
    assert states == ["running", "running", "stopped"]


async def test_the_key_is_saved_before_the_call(cloud: Simulator, tmp_path: Path) -> None:
    cloud.faults.set("http", "hang POST /rtstream/*/index/scene")
    with opened(cloud, tmp_path) as (run, access):
        pipelines, session = await bound(run, access, cloud, VISUAL)
        binding = asyncio.create_task(pipelines.bind("conn-a"))
        await soon(lambda: cloud.counts["POST /rtstream/{id}/index/scene"], "the call")
        saved = StateFile(tmp_path).load()
        assert saved is not None
        [(key, known)] = saved.sessions[0].pipelines.items()
        assert key == pipeline_key("cap-1", session.streams[0].id, VISUAL)
        assert (known.state, known.id) == ("starting", None)
        assert known.attempt == index_name(VISUAL, key, "conn-a")
        binding.cancel()
        await asyncio.gather(binding, return_exceptions=True)


async def test_what_a_crash_left_is_adopted_or_ended(cloud: Simulator, tmp_path: Path) -> None:
    """Killed between the call and its reply: the index runs, and no id is known."""
    with opened(cloud, tmp_path) as (run, access):
        pipelines, session = await bound(run, access, cloud, VISUAL)
        await pipelines.bind("conn-a")
        [known] = session.pipelines.values()
        known.id, known.state = None, "starting"
        again = Pipelines(run, access.connection, session, {"screen": (VISUAL,)})
        await again.bind("conn-a")
        assert indexes(cloud) == [("idx-0001", True)], "the same connection: adopted"
        known.id, known.state = None, "starting"
        await again.bind("conn-b")
        assert indexes(cloud) == [("idx-0001", False), ("idx-0002", True)], "another: replaced"
        known.id, known.state = None, "starting"
        await Pipelines(run, access.connection, session, {}).stop()
        assert indexes(cloud) == [("idx-0001", False), ("idx-0002", False)], "the end: found by its key"


@pytest.mark.architecture_guide
async def test_what_goes_over_the_wire(cloud: Simulator, tmp_path: Path) -> None:
    spec = replace(VISUAL, model="mini", fields=(("app_name", "the app in front"),))
    with opened(cloud, tmp_path) as (run, access):
        pipelines, _ = await bound(run, access, cloud, spec)
        await pipelines.bind("conn-a")
    [request] = [each["request"] for each in cloud.snapshot()["pipelines"]]
    assert request["extraction_type"] == "time"
    assert request["extraction_config"] == {"time": 3, "frame_count": 2}
    assert (request["model_name"], request["ws_connection_id"]) == ("mini", "conn-a")
    assert request["prompt"].startswith("What is on screen?\n\nAnswer with one JSON object")
    assert '"app_name": "the app in front"' in request["prompt"]


@pytest.mark.architecture_guide
@pytest.mark.parametrize("kind", ["word", "sentence", "time"])
async def test_speech_is_cut_by_word_sentence_or_time(cloud: Simulator, tmp_path: Path, kind: Any) -> None:
    spec = PipelineSpec("audio", "audio", "Summarize", batch=Batch(kind, 15))
    with opened(cloud, tmp_path) as (run, access):
        pipelines, _ = await bound(run, access, cloud, spec)
        await pipelines.bind("conn-a")
    [request] = [each["request"] for each in cloud.snapshot()["pipelines"]]
    assert request["extraction_config"] == {"segmenter": kind, "segmentation_value": 15}


async def test_speech_comes_before_its_summary(cloud: Simulator, tmp_path: Path) -> None:
    with opened(cloud, tmp_path) as (run, access):
        pipelines, _ = await bound(run, access, cloud, VISUAL)
        pipelines = Pipelines(run, access.connection, run.state.sessions[0], {"screen": DEFAULT_PIPELINES["mic"]})
        await pipelines.bind("conn-a")
    made = [call.path.rpartition("/")[2] for call in cloud.calls if call.method == "POST" and call.path.count("/") > 1]
    assert made == ["transcription", "scene"]


def test_an_address_is_shown_by_its_host_alone() -> None:
    assert Address("rtsp://user:pw@camera.example:554/live").label == "camera.example"
    assert Address("rtsp://x", "door").label == "door"
