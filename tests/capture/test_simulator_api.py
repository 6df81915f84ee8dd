"""The unmodified SDK against the simulator: every call it makes for a capture, with its result checked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import videodb
from videodb.exceptions import AuthenticationError, InvalidRequestError

from capture.simulator import Faults, HttpFault, RefusalError, Simulator


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


def recorder(sim: Simulator, token: str, path: str, body: dict[str, Any]) -> requests.Response:
    """Call the cloud as a recorder does."""
    return requests.post(f"{sim.base_url}/{path}", json=body, headers={"x-access-token": token}, timeout=5)


CHANNELS = [
    {"channel_id": "mic:default", "type": "audio", "name": "Mic", "store": False},
    {"channel_id": "display:1", "type": "video", "name": "Screen", "store": True, "is_primary": True},
    {"channel_id": "system_audio:default", "type": "audio", "name": "Speakers", "store": False},
]


def run_session(sim: Simulator, conn: Any, channels: list[dict[str, Any]] = CHANNELS, **options: Any) -> Any:
    """Create a session, start it as a recorder would, and wait until it is active or failed."""
    session = conn.create_capture_session("user-1", **options)
    body = {"session_id": session.id, "channels": channels}
    assert recorder(sim, conn.generate_client_token(), "capture/session/start", body).ok
    return until(conn, session.id, "active", "failed")


def stop_session(sim: Simulator, conn: Any, session_id: str, *states: str) -> Any:
    assert recorder(sim, conn.generate_client_token(), f"capture/session/{session_id}/stop", {}).ok
    return until(conn, session_id, *states)


def until(conn: Any, session_id: str, *states: str) -> Any:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        session = conn.get_capture_session(session_id)
        if session.status in states:
            return session
    raise AssertionError(f"never {states}: {session.status}")


def stream(sim: Simulator, conn: Any, source: str = "screen") -> Any:
    return run_session(sim, conn).get_rtstream(source)[0]


def test_collection_and_usage(conn: Any) -> None:
    assert conn.get_collection().id == "c-0001"
    assert [collection.id for collection in conn.get_collections()] == ["c-0001"]
    assert conn.check_usage()["credit_balance"] > 0
    with pytest.raises(InvalidRequestError, match="does not exist"):
        conn.get_collection("c-none")


def test_the_life_of_a_session(sim: Simulator, conn: Any) -> None:
    session = conn.create_capture_session("user-1", metadata={"app": "x"}, callback_url="http://127.0.0.1:9/none")
    assert (session.status, session.end_user_id, session.metadata) == ("created", "user-1", {"app": "x"})
    assert session.rtstreams == []
    token = conn.generate_client_token(600)
    assert recorder(sim, token, "capture/session/start", {"session_id": session.id, "channels": CHANNELS}).ok
    active = until(conn, session.id, "active")
    assert [s.name for s in active.rtstreams] == ["mic:default", "display:1", "system_audio:default"]
    assert [len(active.get_rtstream(source)) for source in ("mic", "screen", "system_audio", "camera")] == [1, 1, 1, 0]
    assert [display.id for display in active.displays] == ["display:1"]
    assert active.primary_video_channel_id == "display:1"
    assert [s.id for s in conn.list_capture_sessions(status="active")] == [session.id]
    assert conn.list_capture_sessions(status="failed") == []
    again = recorder(sim, token, "capture/session/start", {"session_id": session.id, "channels": CHANNELS})
    assert again.status_code == 409
    exported = stop_session(sim, conn, session.id, "exported")
    assert exported.export_status == "exported"
    video = conn.get_collection().get_video(exported.exported_video_id)
    result = exported.export()
    assert (result["export_status"], result["video_id"]) == ("exported", video.id)
    assert (result["stream_url"], result["player_url"]) == (video.stream_url, video.player_url)


def test_without_a_stored_channel_there_is_never_an_export(sim: Simulator, conn: Any) -> None:
    session = run_session(sim, conn, [{**channel, "store": False} for channel in CHANNELS])
    stopped = stop_session(sim, conn, session.id, "stopped")
    assert stopped.export_status is None
    with pytest.raises(InvalidRequestError, match="no channel of this session was stored"):
        stopped.export()


@pytest.mark.parametrize(
    ("switch", "statuses"),
    [("polls:3", ["exporting", "exporting", "exported"]), ("never", ["exporting"] * 3), ("failed", ["failed"] * 3)],
)
def test_export_after_polls_or_never(sim: Simulator, conn: Any, switch: str, statuses: list[str]) -> None:
    sim.faults.set("export", switch)
    session = run_session(sim, conn)
    with pytest.raises(InvalidRequestError, match="stop it first"):
        session.export()
    stopped = stop_session(sim, conn, session.id, "stopped")
    assert [stopped.export()["export_status"] for _ in statuses] == statuses


def test_streams(sim: Simulator, conn: Any) -> None:
    collection = conn.get_collection()
    screen = stream(sim, conn)
    own = collection.connect_rtstream("rtsp://camera.example/1", "door", media_types=["video"], store=True)
    assert collection.get_rtstream(own.id).name == "door"
    assert [s.name for s in collection.list_rtstreams(name="door")] == ["door"]
    assert len(collection.list_rtstreams(limit=2, ordering="-created_at")) == 2
    assert screen.generate_stream(100, 160).endswith(f"{screen.id}-100-160")
    with pytest.raises(InvalidRequestError, match="start before end"):
        screen.generate_stream(160, 100)
    own.stop()
    assert collection.get_rtstream(own.id).status == "stopped"
    video = own.export("Front door")
    assert (video.name, own.export().video_id) == ("Front door", video.video_id)
    own.start()
    with pytest.raises(InvalidRequestError, match="stopped stream"):
        own.export()
    with pytest.raises(InvalidRequestError, match="stream address"):
        collection.connect_rtstream("file:///etc/passwd", "bad")


def test_transcripts_are_kept_in_seconds_and_paged(sim: Simulator, conn: Any) -> None:
    mic = stream(sim, conn, "mic")
    status = f"{sim.base_url}/rtstream/{mic.id}/transcription/status"
    headers = {"x-access-token": sim.api_key}
    assert requests.get(status, headers=headers, timeout=5).json()["data"]["status"] == "not_configured"
    assert mic.get_transcript()["transcription_records"] == []
    assert mic.start_transcript()["status"] == "running"
    for number in range(5):
        sim.emit("transcript", f"so {number}", "mic", is_final=False)
        sim.emit("transcript", f"So {number}.", "mic", start=(1000 + number) * 1000, end=(1001 + number) * 1000)
    first = mic.get_transcript(page_size=3)
    assert [r["text"] for r in first["transcription_records"]] == ["So 0.", "So 1.", "So 2."]
    assert first["transcription_records"][1]["start"] == 1001.0
    assert (first["next_page"], first["total_count"]) == (True, 5)
    assert mic.get_transcript(page=2, page_size=3)["next_page"] is False
    assert [r["text"] for r in mic.get_transcript(since=1002)["transcription_records"]] == ["So 3.", "So 4."]
    assert len(mic.get_transcript(start=1001.5, end=1003)["transcription_records"]) == 2
    assert mic.stop_transcript()["status"] == "stopped"
    assert sim.emit("transcript", "unheard", "mic") == 0
    assert requests.get(status, headers=headers, timeout=5).json()["data"]["status"] == "stopped"


def test_indexes(sim: Simulator, conn: Any) -> None:
    session = run_session(sim, conn)
    screen, mic = session.get_rtstream("screen")[0], session.get_rtstream("mic")[0]
    visual = screen.index_visuals("Describe", {"type": "time", "value": 3, "frame_count": 2}, name="v")
    assert (visual.extraction_config, visual.status) == ({"time": 3, "frame_count": 2}, "running")
    audio = mic.index_audio("Sum up", {"type": "word", "value": 15}, name="a")
    assert audio.extraction_config == {"segmenter": "word", "segmentation_value": 15}
    older = [screen.index_scenes(name="s").name, mic.index_spoken_words(name="w").name]
    assert [index.name for index in screen.list_scene_indexes() + mic.list_scene_indexes()] == ["v", "s", "a", "w"]
    assert older == ["s", "w"]
    assert screen.get_scene_index(visual.rtstream_index_id).prompt == "Describe"
    assert sim.emit("visual_index", "A Slack thread", start=5_000, end=8_000) == 2
    assert sim.emit("spoken_index", "They agreed", "mic") == 2
    assert visual.get_scenes()["scenes"] == [{"start": 5.0, "end": 8.0, "description": "A Slack thread"}]
    assert visual.get_scenes(start=8, end=9)["scenes"] == []
    assert len(visual.get_scenes(start=7, end=9)["scenes"]) == 1
    visual.stop()
    assert sim.emit("scene_index", "unseen by v") == 1
    visual.start()
    (pipeline,) = [p for p in sim.snapshot()["pipelines"] if p["id"] == visual.rtstream_index_id]
    assert (pipeline["starts"], pipeline["running"], pipeline["records"]) == (2, True, 1)
    shots = screen.search("slack thread", index_id=visual.rtstream_index_id).get_shots()
    assert [(s.text, s.start, s.scene_index_name) for s in shots] == [("A Slack thread", 5.0, "v")]
    found = conn.get_collection().legacy_search("agreed", namespace="rtstream").get_shots()
    assert {shot.rtstream_id for shot in found} == {mic.id}
    assert found[0].generate_stream().startswith(sim.base_url)


def test_events_and_alerts(sim: Simulator, conn: Any) -> None:
    index = stream(sim, conn).index_visuals("x", name="v")
    event = conn.create_event("a crash is on the screen", "crash")
    assert conn.list_events() == [{"event_id": event, "event_prompt": "a crash is on the screen", "label": "crash"}]
    alert = index.create_alert(event, "")
    assert [(a["alert_id"], a["status"]) for a in index.list_alerts()] == [(alert, "enabled")]
    assert (sim.alert("crash"), sim.alert("other")) == (1, 0)
    index.disable_alert(alert)
    assert sim.alert("crash") == 0
    index.enable_alert(alert)
    assert sim.alert("crash") == 1
    with pytest.raises(InvalidRequestError, match="event event-none does not exist"):
        index.create_alert("event-none", "")


def test_the_second_generation(sim: Simulator, conn: Any) -> None:
    screen = stream(sim, conn)
    understanding = screen.understand({"type": "time", "window": "10s"}, [{"type": "vlm", "name": "scene"}])
    index = screen.index(understanding.outputs["scene"], name="i", use_for=["semantic"])
    assert (index.source_understanding_id, index.output) == (understanding.id, "scene")
    sim.emit("visual_index", "A login wall", start=5_000, end=8_000)
    assert understanding.get_records(1, 9)["records"] == index.get_records()["records"] != []
    index.stop()
    sim.emit("visual_index", "A login wall again")
    assert (len(index.get_records()["records"]), index.refresh().status) == (1, "stopped")
    index.start()
    understanding.stop()
    assert understanding.refresh().status == "stopped"
    understanding.start()
    assert screen.get_understanding(understanding.id).status == "running"
    assert [u.id for u in screen.list_understanding()] == [understanding.id]
    assert [i.id for i in screen.list_indexes()] == [index.id] == [screen.get_index(index.id).id]
    alert = index.create_alert(conn.create_event("a wall", "wall"), "")
    assert sim.alert("wall") == 1
    index.disable_alert(alert)
    assert [a["status"] for a in index.list_alerts()] == ["disabled"]
    index.enable_alert(alert)


def test_text_generation(sim: Simulator, conn: Any) -> None:
    collection = conn.get_collection()
    assert collection.generate_text("Sum up")["output"] == "A simulated answer to a prompt of 6 characters."
    assert collection.generate_text("Sum up", response_type="json")["output"]["prompt_length"] == 6
    sim.faults.set("answer", '{"mood": "calm"}')
    assert collection.generate_text("x", response_type="json")["output"] == {"mood": "calm"}
    sim.faults.set("answer", "")
    sim.faults.set("generate", "polled")
    assert collection.generate_text("x" * 10)["output"].endswith("of 10 characters.")
    assert "characters" in collection.generate_text("x" * 300_000)["output"]
    assert sim.counts["GET /collection/{c}/upload_url"] == 1


def test_keys_and_tokens(sim: Simulator, conn: Any) -> None:
    stranger = videodb.connect(api_key="other", base_url=sim.base_url)
    with pytest.raises(AuthenticationError, match="not known"):
        stranger.get_collection()
    stranger.session.close()
    token = conn.generate_client_token(1)
    session = conn.create_capture_session("u")
    assert recorder(sim, token, "collection/default/capture/session", {"end_user_id": "u"}).status_code == 403
    sim.faults.set("tokens", "expired")
    body = {"session_id": session.id, "channels": CHANNELS}
    assert recorder(sim, token, "capture/session/start", body).status_code == 401
    sim.faults.set("tokens", "ok")
    assert recorder(sim, token, "capture/session/start", body).ok
    with pytest.raises(InvalidRequestError, match="positive"):
        conn.generate_client_token(-1)


@pytest.mark.parametrize("status", [402, 404, 429, 502])
def test_a_storm_of_errors_ends_after_its_count(sim: Simulator, conn: Any, status: int) -> None:
    mic = stream(sim, conn, "mic")
    sim.faults.set("http", f"{status} POST /rtstream/*/transcription x2")
    for _ in range(2):
        with pytest.raises(InvalidRequestError) as caught:
            mic.start_transcript()
        assert caught.value.response.status_code == status
    assert mic.start_transcript()["status"] == "running"
    assert sim.counts["POST /rtstream/{id}/transcription"] == 3
    assert [p["starts"] for p in sim.snapshot()["pipelines"]] == [1]


def test_odd_replies_and_delays(sim: Simulator, conn: Any) -> None:
    sim.faults.http.append(HttpFault("401", "/collection/default", 1))
    with pytest.raises(AuthenticationError):
        conn.get_collection()
    sim.faults.set("http", "async POST */capture/session x1")
    with pytest.raises(AttributeError):
        conn.create_capture_session("u")
    sim.faults.set("http", "list GET /collection x1")
    with pytest.raises(AttributeError):
        conn.get_collections()
    sim.faults.set("http", "200 GET /collection ~0.2")
    began = time.monotonic()
    conn.get_collections()
    assert time.monotonic() - began >= 0.2
    sim.faults.set("http", "off")
    sim.faults.set("http", "hang GET /collection")
    with pytest.raises(requests.Timeout):
        requests.get(f"{sim.base_url}/collection", timeout=0.1)


def test_rtstreams_may_come_late_or_as_null(sim: Simulator, conn: Any) -> None:
    sim.faults.set("rtstreams", "empty:2,null:1")
    session = conn.create_capture_session("u")
    body = {"session_id": session.id, "channels": CHANNELS}
    recorder(sim, conn.generate_client_token(), "capture/session/start", body)
    assert until(conn, session.id, "active").rtstreams == []
    assert conn.get_capture_session(session.id).rtstreams == []
    with pytest.raises(TypeError):
        conn.get_capture_session(session.id)
    assert len(conn.get_capture_session(session.id).rtstreams) == 3


def test_full_channel_ids_hide_streams_from_the_sdk(sim: Simulator, conn: Any) -> None:
    sim.faults.set("channel_ids", "full")
    session = run_session(sim, conn)
    assert session.get_rtstream("mic") == []
    assert [s.channel_id for s in session.rtstreams] == ["mic:default", "display:1", "system_audio:default"]


def test_a_session_may_fail_at_the_start_or_later(sim: Simulator, conn: Any) -> None:
    running = run_session(sim, conn)
    running.get_rtstream("mic")[0].start_transcript()
    sim.fail(running.id)
    assert conn.get_capture_session(running.id).status == "failed"
    assert [pipeline["running"] for pipeline in sim.snapshot()["pipelines"]] == [False]
    with pytest.raises(RefusalError, match="no live stream"):
        sim.emit("transcript", "x")
    sim.faults.set("session", "failed:string")
    assert run_session(sim, conn).status == "failed"


def test_both_slashes_and_unknown_places(sim: Simulator) -> None:
    headers = {"x-access-token": sim.api_key}
    for path in ("/collection/default", "//collection/default", "/collection/default/"):
        assert requests.get(sim.base_url + path, headers=headers, timeout=5).json()["data"]["id"] == "c-0001"
    assert requests.get(sim.base_url + "/nowhere", headers=headers, timeout=5).status_code == 404
    assert requests.delete(sim.base_url + "/rtstream", headers=headers, timeout=5).status_code == 405
    assert requests.get(sim.base_url + "/rtstream/rts-9", headers=headers, timeout=5).status_code == 404


def test_a_taken_port_is_an_error_and_stop_may_be_said_twice(sim: Simulator) -> None:
    port = int(sim.base_url.rpartition(":")[2])
    with pytest.raises(OSError):
        Simulator(port=port).start()
    other = Simulator().start()
    other.stop()
    other.stop()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nonsense", "1"), ("greeting", "rude"), ("drop", "clean"), ("junk", "none:1"), ("duplicate", "two"),
        ("active_twice", "yes"), ("http", "429"), ("http", "999 /x"), ("http", "soon /x"),
        ("recorder", "die"), ("recorder", "jump@init"), ("export", "polls"), ("rtstreams", "empty"),
    ],
)  # fmt: skip
def test_a_switch_says_what_is_wrong(name: str, text: str) -> None:
    faults = Faults()
    with pytest.raises(ValueError):
        faults.set(name, text)
    assert faults == Faults()


def test_switches_over_http(sim: Simulator) -> None:
    url = f"{sim.base_url}/_sim/faults"
    changed = requests.post(url, json={"export": "never", "http": "429 /x x1", "active_twice": "1"}, timeout=5).json()
    assert changed["data"]["export"] == "never"
    assert sim.faults.http == [HttpFault("429", "/x", 1)]
    assert requests.get(url, timeout=5).json()["data"]["active_twice"] is True
    assert requests.post(url, json={"bogus": "1"}, timeout=5).status_code == 400


def test_strings_over_http(sim: Simulator, conn: Any) -> None:
    def pull(name: str, **body: Any) -> Any:
        return requests.post(f"{sim.base_url}/_sim/{name}", json=body, timeout=5).json()

    stream(sim, conn).index_visuals().create_alert(conn.create_event("p", "crash"), "")
    assert pull("emit", channel="visual_index", text="a slide", stream="screen")["data"] == {"heard": 1}
    assert pull("emit", channel="smell", text="smoke")["success"] is False
    assert pull("emit", text="nobody", stream="camera")["message"] == "no live stream camera"
    assert pull("alert", label="crash")["data"] == {"fired": 1}
    assert pull("drop", how="dirty")["data"] == {"dropped": 0}
    assert pull("drop", how="gently")["success"] is False
    assert pull("inject", junk="array")["data"] == {"connections": 0}
    pull("sleep")
    assert sim.snapshot()["asleep"] is True
    pull("wake")
    pull("fail")
    state = requests.get(f"{sim.base_url}/_sim/state", timeout=5).json()["data"]
    assert (state["asleep"], state["sessions"][0]["status"]) == (False, "failed")
    assert state["counts"]["POST /rtstream/{id}/index/scene"] == 1
