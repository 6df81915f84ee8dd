"""`capture import` against the simulator: what was polled is what was heard."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from capture.account import Account, connect
from capture.calls import CloudError
from capture.importing import import_session
from capture.replay import read_recording, stamp_ms
from capture.simulator import Simulator

BASE_MS = 1_772_446_530_000
CHANNELS = [
    {"channel_id": "mic:default", "type": "audio", "store": True},
    {"channel_id": "display:1", "type": "video", "store": True, "is_primary": True},
]


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Simulator() as simulator:
        monkeypatch.setenv("VIDEO_DB_API", simulator.base_url)
        monkeypatch.setenv("VIDEO_DB_API_KEY", simulator.api_key)
        yield simulator


@pytest.fixture
def conn(sim: Simulator) -> Iterator[Any]:
    connection = connect(Account(sim.api_key, sim.base_url))
    yield connection
    connection.session.close()


def begin(sim: Simulator, conn: Any) -> Any:
    """Start a session as a recorder would, and return it once it is active."""
    session = conn.create_capture_session("user-1")
    tell(sim, conn, "start", {"session_id": session.id, "channels": CHANNELS})
    return when(conn, session.id, "active")


def tell(sim: Simulator, conn: Any, path: str, body: dict[str, Any]) -> None:
    headers = {"x-access-token": conn.generate_client_token()}
    assert requests.post(f"{sim.base_url}/capture/session/{path}", json=body, headers=headers, timeout=5).ok


def when(conn: Any, session_id: str, status: str) -> Any:
    for _ in range(500):
        session = conn.get_capture_session(session_id)
        if session.status == status:
            return session
        time.sleep(0.01)
    raise AssertionError(f"never {status}")


def streams(session: Any) -> tuple[Any, Any]:
    by_name = {stream.name: stream for stream in session.rtstreams}
    return by_name["mic:default"], by_name["display:1"]


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


async def test_a_session_becomes_a_recording(sim: Simulator, conn: Any, tmp_path: Path) -> None:
    session = begin(sim, conn)
    mic, screen = streams(session)
    mic.start_transcript()
    mic.index_audio(prompt="sum up")
    screen.index_visuals(prompt="describe")
    for number in range(3):
        span = {"start": BASE_MS + number * 10_000, "end": BASE_MS + number * 10_000 + 4000}
        sim.emit("transcript", f"partial {number}", "mic:default", is_final=False, **span)
        sim.emit("transcript", f"said {number}", "mic:default", **span)
        sim.emit("visual_index", f"seen {number}", "display:1", start=span["start"] + 500, end=span["end"] + 1000)
    sim.emit("audio_index", "they spoke", "mic:default", start=BASE_MS, end=BASE_MS + 26_000)
    tell(sim, conn, f"{session.id}/stop", {})
    when(conn, session.id, "exported")
    target = tmp_path / "rec.jsonl"
    done = await import_session(conn, session.id, target)
    assert (done.status, done.streams, done.events, done.covered, done.odd) == ("exported", 2, 7, 0, 0)
    lines = lines_of(target)
    said = [line["data"]["text"] for line in lines if line["channel"] != "capture_session"]
    assert said == ["said 0", "seen 0", "said 1", "seen 1", "said 2", "seen 2", "they spoke"]
    status = [line["status"] for line in lines if line["channel"] == "capture_session"]
    assert status == ["created", "starting", "active", "stopping", "stopped", "exported"]
    assert {stream["name"] for stream in lines[2]["data"]["rtstreams"]} == {"mic:default", "display:1"}
    assert lines[-1]["data"]["player_url"].startswith(sim.base_url)
    spoken = lines[3]
    assert (spoken["rtstream_id"], spoken["rtstream_name"]) == (mic.id, "mic:default")
    expected = {"text": "said 0", "is_final": True, "start": BASE_MS, "end": BASE_MS + 4000}
    assert (spoken["channel"], spoken["data"]) == ("transcript", expected)
    assert spoken["_capture"]["origin"] == "poll"
    assert [stamp_ms(line) for line in lines[3:10]] == [line["data"]["end"] for line in lines[3:10]]
    stamps = [entry.at_ms for entry in read_recording(target)]
    assert stamps == sorted(stamps, key=lambda at: at or 0)
    assert names_in(tmp_path) == ["rec.jsonl"]


async def test_many_pages(sim: Simulator, conn: Any, tmp_path: Path) -> None:
    session = begin(sim, conn)
    mic, screen = streams(session)
    mic.start_transcript()
    screen.index_visuals(prompt="describe")
    for number in range(1205):
        span = {"start": BASE_MS + number * 1000, "end": BASE_MS + number * 1000 + 900}
        sim.emit("transcript", str(number), "mic:default", **span)
        if number < 205:
            sim.emit("visual_index", str(number), "display:1", **span)
    done = await import_session(conn, session.id, tmp_path / "rec.jsonl")
    assert (done.status, done.events) == ("active", 1410)
    heard = [line["data"]["text"] for line in lines_of(tmp_path / "rec.jsonl") if line["channel"] == "transcript"]
    assert heard == [str(number) for number in range(1205)]
    assert sim.counts["GET /rtstream/{id}/transcription"] == 3, "two pages of the microphone's, one of the display's"


async def test_an_index_that_replaced_another_tells_only_what_is_new(sim: Simulator, conn: Any, tmp_path: Path) -> None:
    session = begin(sim, conn)
    _, screen = streams(session)
    first = screen.index_visuals(prompt="describe")
    sim.emit("visual_index", "old 1", "display:1", start=BASE_MS, end=BASE_MS + 10_000)
    screen.index_visuals(prompt="describe")
    other = screen.index_visuals(prompt="count windows")
    sim.emit("visual_index", "both", "display:1", start=BASE_MS + 10_000, end=BASE_MS + 20_000)
    first.stop()
    other.stop()
    sim.emit("visual_index", "new", "display:1", start=BASE_MS + 19_000, end=BASE_MS + 29_000)
    done = await import_session(conn, session.id, tmp_path / "rec.jsonl")
    seen = [line["data"]["text"] for line in lines_of(tmp_path / "rec.jsonl") if line["channel"] == "visual_index"]
    assert seen == ["old 1", "both", "both", "new"], "another prompt is another question"
    assert done.covered == 1


async def test_a_failed_session_and_an_empty_one(sim: Simulator, conn: Any, tmp_path: Path) -> None:
    empty = conn.create_capture_session("user-1")
    done = await import_session(conn, empty.id, tmp_path / "empty.jsonl")
    assert (done.status, done.events) == ("created", 0)
    assert [line["status"] for line in lines_of(tmp_path / "empty.jsonl")] == ["created"]
    session = begin(sim, conn)
    sim.fail()
    await import_session(conn, session.id, tmp_path / "failed.jsonl")
    life = [line["status"] for line in lines_of(tmp_path / "failed.jsonl")]
    assert life == ["created", "starting", "active", "failed"]


async def test_what_goes_wrong_leaves_nothing_behind(sim: Simulator, conn: Any, tmp_path: Path) -> None:
    target = tmp_path / "rec.jsonl"
    with pytest.raises(CloudError) as caught:
        await import_session(conn, "cap-none", target)
    assert caught.value.kind == "not-found"
    session = begin(sim, conn)
    sim.faults.set("rtstreams", "null:9")
    with pytest.raises(CloudError) as caught:
        await import_session(conn, session.id, target)
    assert caught.value.kind == "odd"
    sim.faults.set("rtstreams", "ok")
    sim.faults.set("http", "402 GET /rtstream/*/transcription")
    with pytest.raises(CloudError) as caught:
        await import_session(conn, session.id, target)
    assert caught.value.kind == "credits"
    sim.faults.set("http", "off")
    assert names_in(tmp_path) == []
    target.write_text("mine")
    with pytest.raises(FileExistsError):
        await import_session(conn, session.id, target)
    assert target.read_text() == "mine"


def test_the_command(sim: Simulator, conn: Any, tmp_path: Path) -> None:
    session = begin(sim, conn)
    mic, _ = streams(session)
    mic.start_transcript()
    sim.emit("transcript", "Ship it.", "mic:default")

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "capture", "import", *args]
        return subprocess.run(
            command, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, timeout=15, check=False
        )

    done = run(session.id)
    assert done.returncode == 0, done.stderr
    assert f"1 events of 2 streams to {session.id}.jsonl" in done.stderr
    assert "The session is active" in done.stderr
    assert len(lines_of(tmp_path / f"{session.id}.jsonl")) == 4
    assert run(session.id).returncode == 3
    assert run("../cap-none").returncode == 3
    sim.faults.set("http", "401 *")
    assert run(session.id, "--to", "new.jsonl").returncode == 4
