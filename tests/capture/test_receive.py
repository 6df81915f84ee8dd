"""The webhook receiver over real HTTP: who gets in, what is kept, what is answered when."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import videodb

from capture.http_in import HttpServer
from capture.journal import Journal, Sync
from capture.receive import Bucket, Receiver, webhook_token
from capture.simulator import Simulator

TOKEN = "t" * 43
ACTIVE: dict[str, Any] = {
    "version": "2", "event": "capture_session.active", "capture_session_id": "cap-1", "status": "active",
    "timestamp": "2026-03-02T10:15:30Z", "end_user_id": "u", "data": {"rtstreams": []},
}  # fmt: skip
ALERT: dict[str, Any] = {
    "event_id": "event-1", "label": "crash", "confidence": 0.95, "explanation": "a stack trace",
    "timestamp": "2026-03-02T10:15:30Z", "start_time": 1234.5, "end_time": 1238.0,
}  # fmt: skip


class Served:
    """A receiver on a loop in a thread, so that tests talk to it as anybody would."""

    def __init__(self, folder: Path, heard: Path | None = None, read_s: float = 10.0, **more: Any) -> None:
        self.journal = folder / "webhooks.jsonl"
        self.spool = Journal.open(self.journal, run="r", sync=Sync.EACH)
        self.receiver = Receiver(self.spool, TOKEN, heard=heard, **more)
        self.server = HttpServer(self.receiver.answer, read_s=read_s)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.server.start(0), self.loop).result()

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.server.stop(), self.loop).result()
        asyncio.run_coroutine_threadsafe(self.loop.shutdown_default_executor(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        self.spool.close()

    def url(self, path: str = f"v1/{TOKEN}/session") -> str:
        return f"http://127.0.0.1:{self.server.port}/{path}"

    def post(self, body: Any, path: str = f"v1/{TOKEN}/session") -> requests.Response:
        return requests.post(self.url(path), json=body, timeout=5)

    def raw(self, data: bytes) -> int:
        """Send these bytes and return the status of the answer, 0 for none."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=5) as connection:
            try:
                connection.sendall(data)
                answer = connection.recv(4096)
            except ConnectionError:
                return 0
        return int(answer.split(b" ")[1]) if answer else 0

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.journal.read_bytes().splitlines()]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path) as receiver:
        yield receiver


def test_a_webhook_becomes_a_line_before_it_is_answered(served: Served) -> None:
    answer = served.post(ACTIVE)
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    (line,) = served.lines
    assert {name: line[name] for name in ACTIVE} == ACTIVE, "what the wire said is not changed"
    assert line["_capture"] == {"run": "r", "gen": None, "seq": 1, "origin": "webhook", "kind": "session"}


@pytest.mark.sdk_overview
def test_the_address_tells_stream_and_alert(served: Served) -> None:
    assert served.post(ALERT, f"v1/{TOKEN}/alert/rts-1/any%20crash").status_code == 200
    about = served.lines[0]["_capture"]
    assert (about["kind"], about["stream"], about["alert"]) == ("alert", "rts-1", "any crash")


@pytest.mark.parametrize(
    "path",
    ["", "v1", "v1/", f"v1/{TOKEN}", f"v1/{TOKEN}/", f"v1/{TOKEN}x/session", f"v2/{TOKEN}/session", "v1//session",
     f"v1/{TOKEN}/other", f"v1/{TOKEN}/alert/a/b/c", f"v1/{TOKEN}/alert//b", f"v1/{TOKEN}/alert/a%0Ab",
     f"v1/{TOKEN[:-1]}/session", f"v1/{TOKEN.upper()}/session", "health", "init-session"],
)  # fmt: skip
def test_any_other_address_is_not_found(served: Served, path: str) -> None:
    assert served.post(ACTIVE, path).status_code == 404
    assert served.lines == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
def test_any_other_method_is_not_found(served: Served, method: str) -> None:
    assert requests.request(method, served.url(), json=ACTIVE, timeout=5).status_code == 404
    assert served.lines == []


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"[1]", 400), (b"null", 400), (b"", 400), (b"{", 400), (b'{"a": NaN}', 400), (b"\xff", 400),
     (b'{"a":' * 100 + b"1" + b"}" * 100, 400), (b'{"a": "' + b"x" * (1 << 20) + b'"}', 413),
     (b'{"text": "\\ud83d"}', 200)],
)  # fmt: skip
def test_only_an_object_of_some_size_is_taken(served: Served, body: bytes, status: int) -> None:
    answer = requests.post(served.url(), data=body, timeout=5)
    assert answer.status_code == status
    assert len(served.lines) == (status == 200)


def test_what_is_hardly_http_harms_nobody(served: Served) -> None:
    post = f"POST /v1/{TOKEN}/session HTTP/1.1\r\n".encode()
    assert served.raw(b"\r\n\r\n") == 400
    assert served.raw(b"POST / SPDY/3\r\n\r\n") == 400
    assert served.raw(post + b"X: " + b"y" * 20_000 + b"\r\n\r\n") == 431
    assert served.raw(post + b"\r\n") == 411
    assert served.raw(post + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}") == 411
    assert served.raw(post + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}") == 400
    assert served.raw(post + b"Content-Length: -1\r\n\r\n") == 400
    assert served.raw(post + "Content-Length: ²\r\n\r\n".encode("latin-1")) == 400
    assert served.raw(post + b"Content-Length: 99999999999999\r\n\r\n") == 413
    assert served.post(ACTIVE).status_code == 200


def test_a_slow_client_is_hung_up_on(tmp_path: Path) -> None:
    with Served(tmp_path, read_s=0.2) as served:
        began = time.monotonic()
        assert served.raw(b"POST /") == 408
        assert served.raw(f"POST /v1/{TOKEN}/session HTTP/1.1\r\nContent-Length: 9\r\n\r\n{{".encode()) == 408
        assert time.monotonic() - began < 3
        assert served.post(ACTIVE).status_code == 200


def test_too_many_at_once_are_refused_and_the_next_is_served(served: Served) -> None:
    held = [socket.create_connection(("127.0.0.1", served.server.port), timeout=5) for _ in range(64)]
    time.sleep(0.1)
    assert served.raw(b"GET /health HTTP/1.1\r\n\r\n") == 0
    for connection in held:
        connection.close()
    for _ in range(100):
        if served.raw(b"GET /health HTTP/1.1\r\n\r\n"):
            break
        time.sleep(0.01)
    assert served.post(ACTIVE).status_code == 200


def test_a_flood_is_slowed_down(served: Served) -> None:
    served.receiver._posts = Bucket(0.001, 3)
    answers = [served.post({"n": n}) for n in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].headers["Retry-After"] == "1"
    assert len(served.lines) == 3


def test_a_bucket_fills_up_again() -> None:
    now_s = 0.0
    bucket = Bucket(2, 3, lambda: now_s)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now_s = 1.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    now_s = 100.0
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_what_comes_twice_is_written_once(served: Served) -> None:
    for path, body in (
        (f"v1/{TOKEN}/session", ACTIVE), (f"v1/{TOKEN}/alert/rts-1/crash", ALERT),
        (f"v1/{TOKEN}/stream/rts-1", {"type": "transcript", "text": "Yeah.", "is_final": True}),
        (f"v1/{TOKEN}/session", {"event": "something.new", "timestamp": 1}),
    ):  # fmt: skip
        assert served.post(body, path).json() == {"received": True}
        assert served.post(body, path).json() == {"received": True, "duplicate": True}
    assert len(served.lines) == 4
    assert served.post({**ALERT, "timestamp": "2026-03-02T10:15:31Z"}, f"v1/{TOKEN}/alert/rts-1/crash").status_code
    assert served.post(ALERT, f"v1/{TOKEN}/alert/rts-2/crash").status_code
    assert len(served.lines) == 6, "another time or another stream is another alert"


def test_a_later_copy_that_knows_more_is_written_too(served: Served) -> None:
    exported = {**ACTIVE, "event": "capture_session.exported", "status": "exported", "data": {"exported_video_id": "m"}}
    fuller = {**exported, "data": {"exported_video_id": "m", "player_url": "https://p"}}
    answers = [
        served.post(body).json().get("duplicate", False) for body in (exported, exported, fuller, fuller, exported)
    ]
    assert answers == [False, True, False, True, True]


def test_the_memory_outlives_a_restart(tmp_path: Path) -> None:
    alert = f"v1/{TOKEN}/alert/rts-1/crash"
    with Served(tmp_path) as first:
        first.post(ACTIVE)
        first.post(ALERT, alert)
    with Served(tmp_path) as second:
        assert second.post(ACTIVE).json()["duplicate"]
        assert second.post(ALERT, alert).json()["duplicate"]
        assert not second.post(ALERT, f"v1/{TOKEN}/alert/rts-1/other").json().get("duplicate")


def test_what_the_listener_heard_is_not_written_again(tmp_path: Path) -> None:
    heard = tmp_path / "events.jsonl"
    now_ms = 1_772_446_530_000
    with Served(tmp_path, heard=heard) as served, Journal.open(heard, run="l", sync=Sync.NEVER) as journal:
        assert served.post({**ACTIVE, "event": "capture_session.created"}).json() == {"received": True}
        journal.append({**ACTIVE, "channel": "capture_session"}, "ws", 1)
        data = {"event_label": "crash", "timestamp": now_ms + 3000, "text": "a stack trace"}
        journal.append({"channel": "alert", "rtstream_id": "rts-1", "data": data}, "ws", 1)
        assert served.post(ACTIVE).json()["duplicate"]
        other = f"v1/{TOKEN}/alert/rts-2/crash"
        assert not served.post(ALERT, other).json().get("duplicate"), "another stream"
        same = f"v1/{TOKEN}/alert/rts-1/crash"
        assert served.post(ALERT, same).json()["duplicate"], "3 s apart is the same alert on two planes"
        again = {**ALERT, "timestamp": "2026-03-02T10:15:32Z"}
        assert not served.post(again, same).json().get("duplicate"), "one alert heard stands for one webhook"


def test_nothing_is_promised_that_is_not_on_the_disk(tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        assert requests.get(served.url("health"), timeout=5).status_code == 200
        served.spool.close()
        answer = served.post(ACTIVE)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert requests.get(served.url("health"), timeout=5).status_code == 503
        served.receiver._spool = Journal.open(served.journal, run="r2", sync=Sync.EACH)
        assert served.post(ACTIVE).json() == {"received": True}, "the refused one does not count as seen"
        assert requests.get(served.url("health"), timeout=5).status_code == 200
        served.receiver._spool.close()
        assert len(served.lines) == 1


def test_the_token_is_long_private_and_kept(tmp_path: Path) -> None:
    token = webhook_token(tmp_path)
    path = tmp_path / "videodb_webhook_token"
    assert len(token) == 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert webhook_token(tmp_path) == token
    assert webhook_token(tmp_path, renew=True) != token
    path.write_text("short")
    assert len(webhook_token(tmp_path)) == 43


class Receiving:
    """`capture receive` as a process."""

    def __init__(self, *args: str, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "capture", "receive", "--port", "0", *args],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})},
        )  # fmt: skip
        assert self.process.stdout
        assert self.process.stderr
        self.callback_url = self.process.stdout.readline().strip().removeprefix("CALLBACK_URL=")
        self.alert_url = self.process.stdout.readline().strip().removeprefix("ALERT_URL=")
        self.port = self.process.stderr.readline().split(" port ")[-1].partition(",")[0]

    def end(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=10)
        assert self.process.returncode == 0, errors
        return errors


@pytest.mark.sdk_overview
@pytest.mark.skipif(sys.platform == "win32", reason="ends it by SIGTERM")
def test_the_command_with_a_session_of_the_sdk(tmp_path: Path) -> None:
    env = {"VIDEODB_EVENTS_DIR": str(tmp_path)}
    receiving = Receiving(env=env)
    with Simulator() as sim:
        sim.faults.set("active_twice", "1")
        connection = videodb.connect(api_key=sim.api_key, base_url=sim.base_url)
        session = connection.create_capture_session("user-1", callback_url=receiving.callback_url)
        headers = {"x-access-token": connection.generate_client_token()}
        body = {"session_id": session.id, "channels": [{"channel_id": "mic:default", "type": "audio", "store": False}]}
        assert requests.post(f"{sim.base_url}/capture/session/start", json=body, headers=headers, timeout=5).ok
        for _ in range(500):
            if sum(hook.body["event"] == "capture_session.active" for hook in sim.webhooks) == 2:
                break
            time.sleep(0.01)
        rtstream = connection.get_capture_session(session.id).rtstreams[0]
        index = rtstream.index_audio(prompt="x")
        url = receiving.alert_url.replace("RTSTREAM_ID", rtstream.id).replace("LABEL", "crash")
        index.create_alert(connection.create_event("a crash", "crash"), url)
        assert sim.alert("crash", "a stack trace") == 1
        for _ in range(500):
            if any("event_id" in hook.body for hook in sim.webhooks):
                break
            time.sleep(0.01)
        assert {hook.status for hook in sim.webhooks} == {200}
        connection.session.close()
    errors = receiving.end()
    assert "4 written, 1 had come before" in errors
    assert "/v1/" not in errors, "the address is a secret"
    lines = [json.loads(line) for line in (tmp_path / "videodb_webhooks.jsonl").read_bytes().splitlines()]
    assert [line.get("status") or line["label"] for line in lines] == ["created", "starting", "active", "crash"]
    assert lines[3]["_capture"]["stream"] == rtstream.id
    again = Receiving(env=env)
    assert again.callback_url.split("/v1/")[1] == receiving.callback_url.split("/v1/")[1]
    again.end()


@pytest.mark.architecture_guide
@pytest.mark.skipif(sys.platform == "win32", reason="ends it by SIGTERM")
def test_a_desktop_without_a_key_may_begin_a_session_if_it_knows_the_word(tmp_path: Path) -> None:
    word = "w" * 32
    with Simulator() as sim:
        env = {
            "VIDEODB_EVENTS_DIR": str(tmp_path), "VIDEO_DB_API": sim.base_url, "VIDEO_DB_API_KEY": sim.api_key,
            "CAPTURE_INIT_TOKEN": word,
        }  # fmt: skip
        receiving = Receiving("--init-session", "--public-url", "https://hooks.example.com/x/", env=env)
        url = f"http://127.0.0.1:{receiving.port}/init-session"
        assert receiving.callback_url.startswith("https://hooks.example.com/x/v1/")

        def ask(body: Any, authorization: str) -> requests.Response:
            return requests.post(url, json=body, headers={"Authorization": authorization}, timeout=5)

        for wrong in ("", word, f"Bearer {word}x", "Bearer "):
            assert ask({"end_user_id": "u"}, wrong).status_code == 401
        assert ask({}, f"Bearer {word}").status_code == 400
        begun = ask({"end_user_id": "desk-7", "metadata": {"app": "x"}}, f"Bearer {word}").json()
        assert begun.keys() == {"session_id", "token", "expires_in"}
        (session,) = sim.snapshot()["sessions"]
        assert (session["id"], session["end_user_id"]) == (begun["session_id"], "desk-7")
        assert session["callback_url"] == receiving.callback_url
        sim.faults.set("http", "402 POST /collection/*")
        assert ask({"end_user_id": "u"}, f"Bearer {word}").json() == {"error": "VideoDB: credits"}
        assert 429 in [ask({}, "wrong").status_code for _ in range(12)], "guessing is slow"
        receiving.end()


def test_wrong_command_lines(tmp_path: Path) -> None:
    def run(*args: str, **env: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "capture", "receive", "--port", "0", *args]
        plain = {**os.environ, "VIDEODB_EVENTS_DIR": str(tmp_path), **env}
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False, env=plain)
        return done.returncode, done.stderr

    assert run("--init-session")[0] == 2
    assert run("--public-url", "http://hooks.example.com")[0] == 2
    code, errors = run("--init-session", "--public-url", "https://h.example", CAPTURE_INIT_TOKEN="short")
    assert (code, "at least 32" in errors) == (3, True)
    with Journal.open(tmp_path / "videodb_webhooks.jsonl", run="r", sync=Sync.NEVER):
        code, errors = run()
        assert (code, f"process {os.getpid()}" in errors) == (3, True)
