"""The websocket and webhook side: who hears what, through the unmodified SDK and real sockets."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import videodb
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus

from capture.simulator import Simulator

RTSP = "rtsp://camera.example/1"


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def conn(sim: Simulator) -> Iterator[Any]:
    connection = videodb.connect(api_key=sim.api_key, base_url=sim.base_url)
    yield connection
    connection.session.close()


async def take(ws: Any, count: int) -> list[Any]:
    """Return the next so many messages."""
    found: list[Any] = []
    async with asyncio.timeout(5):
        async for message in ws.receive():
            found.append(message)
            if len(found) == count:
                break
    return found


async def eventually(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("not within 5 s")


async def post(url: str, token: str, body: dict[str, Any] | None = None) -> None:
    """Call the cloud as a recorder does."""
    answer = await asyncio.to_thread(requests.post, url, json=body, headers={"x-access-token": token}, timeout=5)
    assert answer.ok


def door(conn: Any, name: str = "door", media: str = "audio") -> Any:
    return conn.get_collection().connect_rtstream(RTSP, name, media_types=[media])


def texts(messages: list[Any]) -> list[str]:
    return [message["data"]["text"] for message in messages]


async def test_a_message_goes_to_the_bound_connection_only(sim: Simulator, conn: Any) -> None:
    async with conn.connect_websocket() as first, conn.connect_websocket() as second:
        assert first.connection_id != second.connection_id
        mic, screen = door(conn, "mic:default"), door(conn, "display:1", "video")
        mic.start_transcript(first.connection_id)
        screen.index_visuals(prompt="x", ws_connection_id=second.connection_id)
        sim.emit("transcript", "so", is_final=False)
        sim.emit("visual_index", "a slide")
        sim.emit("transcript", "So.")
        heard, seen = await take(first, 2), await take(second, 1)
    assert texts(heard) == ["so", "So."]
    assert heard[0]["rtstream_name"] == "mic:default"
    assert heard[0]["data"]["is_final"] is False
    (record,) = mic.get_transcript()["transcription_records"]
    assert record["start"] == heard[1]["data"]["start"] / 1000
    assert (seen[0]["channel"], seen[0]["rtstream_id"]) == ("visual_index", screen.id)


async def test_after_a_drop_the_old_binding_is_deaf_but_records_are_kept(sim: Simulator, conn: Any) -> None:
    mic = door(conn)
    async with conn.connect_websocket() as ws:
        mic.start_transcript(ws.connection_id)
        sim.emit("transcript", "one")
        assert sim.drop("clean") == 1
        assert texts(await take(ws, 9)) == ["one"]
    async with conn.connect_websocket() as ws:
        sim.emit("transcript", "two")
        mic.start_transcript(ws.connection_id)
        sim.emit("transcript", "three")
        assert texts(await take(ws, 1)) == ["three"]
    assert [r["text"] for r in mic.get_transcript()["transcription_records"]] == ["one", "two", "three"]
    state = sim.snapshot()
    assert (state["sent"], state["lost"], state["pipelines"][0]["starts"]) == (2, 1, 2)


@pytest.mark.parametrize(("how", "code"), [("clean", 1000), ("going-away", 1001), ("dirty", 1006)])
async def test_three_ways_to_lose_a_socket(sim: Simulator, conn: Any, how: str, code: int) -> None:
    async with conn.connect_websocket() as ws:
        await eventually(lambda: len(sim.snapshot()["connections"]) == 1)
        sim.drop(how)
        with pytest.raises((ConnectionClosedOK, ConnectionClosedError)) as caught:
            await ws._connection.recv()
        assert (caught.value.rcvd.code if caught.value.rcvd else 1006) == code
    with pytest.raises(ValueError, match="none of"):
        sim.drop("gently")


async def test_drops_can_be_made_by_count(sim: Simulator, conn: Any) -> None:
    sim.faults.set("drop", "clean:3")
    mic = door(conn)
    async with conn.connect_websocket() as ws:
        mic.start_transcript(ws.connection_id)
        for number in range(10):
            sim.emit("transcript", str(number))
        assert texts(await take(ws, 10)) == ["0", "1", "2"]
    assert sim.snapshot()["lost"] == 7


@pytest.mark.parametrize(("greeting", "expected"), [("wrong", None), ("null", None)])
async def test_an_odd_greeting_gives_no_id(sim: Simulator, conn: Any, greeting: str, expected: None) -> None:
    sim.faults.set("greeting", greeting)
    async with conn.connect_websocket() as ws:
        assert ws.connection_id is expected
    assert sim.snapshot()["connections"] == []


async def test_a_greeting_may_be_missing_late_or_no_json(sim: Simulator, conn: Any) -> None:
    sim.faults.set("greeting", "missing")
    ws = conn.connect_websocket()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ws.connect(), 0.2)
    await ws.close()
    sim.faults.set("greeting", "late:0.2")
    began = time.monotonic()
    async with conn.connect_websocket() as ws:
        assert ws.connection_id
    assert time.monotonic() - began >= 0.2
    sim.faults.set("greeting", "text")
    with pytest.raises(json.JSONDecodeError):
        await conn.connect_websocket().connect()


async def test_the_handshake_may_be_refused(sim: Simulator, conn: Any) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await connect(sim.ws_url.replace("key=", "key=x"))
    assert caught.value.response.status_code == 403
    sim.faults.set("refuse", "503")
    with pytest.raises(InvalidStatus) as caught:
        await conn.connect_websocket().connect()
    assert caught.value.response.status_code == 503


async def test_duplicates_and_disorder(sim: Simulator, conn: Any) -> None:
    sim.faults.set("duplicate", "3")
    sim.faults.set("reorder", "4")
    mic = door(conn)
    async with conn.connect_websocket() as ws:
        mic.start_transcript(ws.connection_id)
        for number in range(1, 7):
            sim.emit("transcript", str(number))
        assert texts(await take(ws, 8)) == ["1", "2", "3", "3", "5", "4", "6", "6"]


async def test_junk_arrives_as_it_is(sim: Simulator, conn: Any) -> None:
    async with conn.connect_websocket() as ws:
        await eventually(lambda: len(sim.snapshot()["connections"]) == 1)
        for junk in ("array", "null", "text", "data-null", "data-text", "forbidden", '"own"'):
            sim.inject(junk)
        found = await take(ws, 7)
    assert found[:3] == [[1], None, {"raw": "this is not JSON"}]
    assert found[3]["data"] is None
    assert found[4]["data"] == "text"
    assert found[5]["message"] == "Forbidden"
    assert found[6] == "own"


@pytest.mark.parametrize(("junk", "error"), [("oversize", ConnectionClosedError), ("deep", RecursionError)])
async def test_junk_that_ends_the_sdk_reader(sim: Simulator, conn: Any, junk: str, error: type[Exception]) -> None:
    mic = door(conn)
    sim.faults.set("junk", f"{junk}:2")
    async with conn.connect_websocket() as ws:
        mic.start_transcript(ws.connection_id)
        sim.emit("transcript", "one")
        sim.emit("transcript", "two")
        with pytest.raises(error):
            await take(ws, 3)


async def test_flat_shapes(sim: Simulator, conn: Any) -> None:
    sim.faults.set("shape", "flat")
    mic, screen = door(conn), door(conn, "screen", "video")
    event = conn.create_event("p", "crash")
    async with conn.connect_websocket() as ws:
        mic.start_transcript(ws.connection_id)
        index = screen.index_visuals(ws_connection_id=ws.connection_id)
        index.create_alert(event, "", ws.connection_id)
        sim.emit("transcript", "hi")
        sim.emit("scene_index", "a slide")
        for shape in ("a", "b", "flat"):
            sim.faults.set("alert_shape", shape)
            sim.alert("crash", "boom")
        spoken, seen, a, b, flat = await take(ws, 5)
    assert spoken == {"type": "transcript", "text": "hi", "is_final": True}
    assert seen == {"type": "index", "index_type": "visual", "text": "a slide"}
    assert (a["channel"], a["data"]["event_label"], a["data"]["text"]) == ("alert", "crash", "boom")
    assert (b["data"]["label"], b["data"]["triggered"]) == ("crash", True)
    assert flat == {"type": "alert", "label": "crash", "triggered": True, "confidence": 0.92}


async def test_display_sleep_is_silence(sim: Simulator, conn: Any) -> None:
    door(conn).start_transcript()
    sim.sleep()
    assert sim.emit("transcript", "x") == 0
    sim.sleep(False)
    assert sim.emit("transcript", "x") == 1


class Receiver:
    """A webhook receiver on a real socket that answers what it is told."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.server.shutdown()
    running.server.server_close()


async def test_lifecycle_over_websocket_and_webhook(sim: Simulator, conn: Any, receiver: Receiver) -> None:
    sim.faults.set("active_twice", "1")
    sim.faults.set("transcript_webhook", "1")
    async with conn.connect_websocket() as ws:
        session = conn.create_capture_session("user-1", callback_url=receiver.url, ws_connection_id=ws.connection_id)
        token = conn.generate_client_token()
        channels = [{"channel_id": "mic:default", "type": "audio", "store": True}]
        url = f"{sim.base_url}/capture/session"
        await post(f"{url}/start", token, {"session_id": session.id, "channels": channels})
        started = await take(ws, 3)
        conn.get_capture_session(session.id).rtstreams[0].start_transcript()
        sim.emit("transcript", "hello")
        await post(f"{url}/{session.id}/stop", token)
        ended = await take(ws, 3)
        await eventually(lambda: len(receiver.bodies) == 8)
    states = [message["event"].partition(".")[2] for message in started + ended]
    assert states == ["created", "starting", "active", "stopping", "stopped", "exported"]
    (live,) = started[2]["data"]["rtstreams"]
    assert (live["name"], live["media_types"]) == ("mic:default", ["audio"])
    assert ended[2]["data"]["player_url"].startswith(sim.base_url)
    hooks = [body.get("status") or body["type"] for body in receiver.bodies]
    assert hooks == ["created", "starting", "active", "active", "transcript", "stopping", "stopped", "exported"]
    assert receiver.bodies[0]["version"] == "2"
    assert receiver.bodies[4] == {"type": "transcript", "text": "hello", "is_final": True}


@pytest.mark.parametrize("shape", ["object", "string", "flat"])
async def test_three_shapes_of_failure(sim: Simulator, conn: Any, shape: str) -> None:
    sim.faults.set("session", f"failed:{shape}")
    async with conn.connect_websocket() as ws:
        conn.create_capture_session("u", ws_connection_id=ws.connection_id)
        sim.fail()
        data = (await take(ws, 2))[1]["data"]
    error = data.get("error", data)
    assert ("no media" in error) if shape == "string" else error["code"] == "STREAM_LOST"


async def test_alert_webhooks_are_retried_and_carry_no_stream(sim: Simulator, conn: Any, receiver: Receiver) -> None:
    index = door(conn, "screen", "video").index_visuals()
    index.create_alert(conn.create_event("p", "crash"), receiver.url)
    receiver.answers = [500, 503]
    sim.alert("crash", "boom")
    await eventually(lambda: [hook.status for hook in sim.webhooks] == [500, 503, 200])
    assert [body["label"] for body in receiver.bodies] == ["crash"] * 3
    assert receiver.bodies[0]["explanation"] == "boom"
    assert "rtstream_id" not in receiver.bodies[0]
    assert receiver.bodies[0]["timestamp"].endswith("Z")


def meeting(path: Path) -> Path:
    """Write a small recording: speech by two, a screen, an alert, lifecycle and bad lines."""
    t0 = 1_772_441_996_000
    rows: list[Any] = [{"channel": "capture_session", "event": "capture_session.active", "data": {}}]
    for number in range(40):
        end = t0 + number * 1000
        data = {"text": f"line {number}", "start": end - 900, "end": end}
        name = ("mic:default", "system_audio:default", "display:1", "display:1")[number % 4]
        channel = ("transcript", "transcript", "visual_index", "scene_index")[number % 4]
        rows.append({"unix_ts": end / 1000 + 0.5, "channel": channel, "rtstream_name": name, "data": data})
    rows.append({"unix_ts": t0 / 1000 + 41, "channel": "alert", "data": {"event_label": "crash", "text": "boom"}})
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n[1]\n{torn")
    return path


@pytest.mark.parametrize(("speed", "seconds"), [(None, 0.0), (100.0, 0.4)])
async def test_a_recording_is_the_live_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speed: float | None, seconds: float
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Simulator(play=meeting(tmp_path / "rec.jsonl"), speed=speed) as sim:
        conn = videodb.connect(api_key=sim.api_key, base_url=sim.base_url)
        async with conn.connect_websocket() as ws:
            mic, speakers = door(conn, "mic:default"), door(conn, "system_audio:default")
            screen = door(conn, "display:2", "video")
            began = time.time()
            mic.start_transcript(ws.connection_id)
            speakers.start_transcript(ws.connection_id)
            index = screen.index_visuals(ws_connection_id=ws.connection_id)
            index.create_alert(conn.create_event("p", "crash"), "", ws.connection_id)
            heard = await take(ws, 41)
        assert await asyncio.to_thread(sim.wait_played, 5)
        records = mic.get_transcript()["transcription_records"]
        conn.session.close()
        assert sim.snapshot()["unheard"] == 0
    assert texts(heard) == [f"line {number}" for number in range(40)] + ["boom"]
    assert {message["rtstream_id"] for message in heard[2:40:4]} == {screen.id}
    first, last = heard[0]["data"]["end"] / 1000, heard[39]["data"]["end"] / 1000
    assert began - 0.5 < first <= last < time.time()
    assert last - first >= seconds * 0.9
    assert [record["text"] for record in records] == [f"line {number}" for number in range(0, 40, 4)]
    assert records[0]["end"] == first
