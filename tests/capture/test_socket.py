"""The socket against the simulator: generations, odd messages, every kind of end, and who is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve

from capture.account import Account, account, connect, websocket_urls
from capture.calls import CloudError
from capture.incoming import MAX_DEPTH, MAX_MESSAGE, Refused, parse_object
from capture.simulator import Simulator
from capture.socket import Ended, Greeting, InsecureUrlError, Item, Message, Socket, Timing, UrlSource

FAST = Timing(greeting_s=0.3, first_backoff_s=0.001, most_backoff_s=0.01, healthy_s=60, close_s=0.5)


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def conn(sim: Simulator) -> Iterator[Any]:
    connection = connect(Account(sim.api_key, sim.base_url))
    yield connection
    connection.session.close()


class Heard:
    """What a socket yielded, refused and complained about so far."""

    def __init__(self, url_source: UrlSource, timing: Timing = FAST) -> None:
        self.items: list[Item] = []
        self.dead: list[tuple[str, int]] = []
        self.troubles: list[str] = []
        self.waits_s: list[float] = []
        self.socket = Socket(url_source, dead_letter=self._dead, on_trouble=self._trouble, timing=timing)
        self.task = asyncio.create_task(self._run())

    def of(self, kind: type[Any]) -> list[Any]:
        return [item for item in self.items if isinstance(item, kind)]

    async def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 8
        while not holds():
            assert time.monotonic() < end, (self.items[-3:], self.troubles[-3:], self.dead[-3:])
            if self.task.done():
                self.task.result()
            await asyncio.sleep(0.005)

    def _dead(self, raw: bytes, reason: str) -> None:
        self.dead.append((reason, len(raw)))

    def _trouble(self, reason: str, wait_s: float) -> None:
        self.troubles.append(reason)
        self.waits_s.append(wait_s)

    async def _run(self) -> None:
        async with aclosing(self.socket.items()) as items:
            async for item in items:
                self.items.append(item)


@asynccontextmanager
async def hearing(conn: Any, timing: Timing = FAST) -> AsyncIterator[Heard]:
    heard = Heard(websocket_urls(conn), timing)
    try:
        await heard.until(lambda: bool(heard.of(Greeting)))
        yield heard
    finally:
        heard.socket.stop()
        await asyncio.wait_for(heard.task, 5)


def mic(conn: Any) -> Any:
    return conn.get_collection().connect_rtstream("rtsp://x/1", "mic:default", media_types=["audio"])


async def test_a_greeting_then_messages_then_the_end(sim: Simulator, conn: Any) -> None:
    stream = mic(conn)
    async with hearing(conn) as heard:
        assert heard.socket.connection_id == heard.of(Greeting)[0].connection_id
        stream.start_transcript(heard.socket.connection_id)
        before = time.time_ns()
        sim.emit("transcript", "one")
        sim.emit("transcript", "two")
        await heard.until(lambda: len(heard.of(Message)) == 2)
    greeting, one, two, ended = heard.items
    assert isinstance(one, Message)
    assert isinstance(two, Message)
    assert [one.body["data"]["text"], two.body["data"]["text"]] == ["one", "two"]
    assert before <= one.received_ns <= two.received_ns <= time.time_ns()
    assert isinstance(ended, Ended)
    assert (greeting[0], one.generation, ended.generation, ended.reason) == (1, 1, 1, "stopped")
    assert heard.socket.connection_id is None


@pytest.mark.parametrize(
    ("how", "reason"),
    [("clean", "closed by the cloud with 1000"), ("going-away", "closed by the cloud with 1001"), ("dirty", "lost")],
)
async def test_every_kind_of_end_is_a_new_generation(sim: Simulator, conn: Any, how: str, reason: str) -> None:
    async with hearing(conn) as heard:
        sim.drop(how)
        await heard.until(lambda: len(heard.of(Greeting)) == 2)
        assert heard.troubles == [reason]
    first, second = heard.of(Greeting)
    assert (first.generation, second.generation) == (1, 2)
    assert first.connection_id != second.connection_id
    assert [ended.reason for ended in heard.of(Ended)] == [reason, "stopped"]


async def test_what_is_no_message_goes_to_the_dead_letters_and_harms_nothing(sim: Simulator, conn: Any) -> None:
    stream = mic(conn)
    sim.faults.set("junk", "all:1")
    async with hearing(conn) as heard:
        stream.start_transcript(heard.socket.connection_id)
        for number in range(16):
            sim.emit("transcript", str(number))
        await heard.until(lambda: sum(m.body["data"] not in (None, "text") for m in heard.of(Message)) == 16)
    said = [m.body["data"]["text"] for m in heard.of(Message) if isinstance(m.body["data"], dict)]
    assert said == [str(number) for number in range(16)]
    assert sorted({reason for reason, _ in heard.dead}) == ["gateway", "not-json", "not-object", "too-deep", "too-long"]
    assert heard.socket.refused == len(heard.dead) == 12
    assert len(heard.of(Greeting)) == 1, "nothing of it may cost the connection"


@pytest.mark.parametrize("greeting", ["wrong", "null", "text", "missing", "late:1"])
async def test_no_greeting_no_generation(sim: Simulator, conn: Any, greeting: str) -> None:
    sim.faults.set("greeting", greeting)
    heard = Heard(websocket_urls(conn))
    await heard.until(lambda: len(heard.troubles) >= 2)
    assert set(heard.troubles) == {"no greeting"}
    assert heard.items == []
    sim.faults.set("greeting", "ok")
    await heard.until(lambda: bool(heard.of(Greeting)))
    assert heard.of(Greeting)[0].generation == 1
    heard.socket.stop()
    await heard.task


@pytest.mark.parametrize(("status", "kind"), [("401", "auth"), ("402", "credits"), ("403", "forbidden")])
async def test_refusals_that_no_waiting_mends_end_it(sim: Simulator, conn: Any, status: str, kind: str) -> None:
    sim.faults.set("http", f"{status} GET /collection/*/websocket")
    with pytest.raises(CloudError) as caught:
        await asyncio.wait_for(Heard(websocket_urls(conn)).task, 5)
    assert (caught.value.kind, caught.value.status, caught.value.fatal) == (kind, int(status), True)
    sim.faults.set("http", "off")
    sim.faults.set("refuse", status)
    with pytest.raises(CloudError) as caught:
        await asyncio.wait_for(Heard(websocket_urls(conn)).task, 5)
    assert (caught.value.kind, caught.value.status) == (kind, int(status))


async def test_a_cloud_that_went_dumb_counts_as_gone_since_it_was_last_heard() -> None:
    over = asyncio.Event()

    async def fall_silent(connection: ServerConnection) -> None:
        await connection.send('{"connection_id": "one"}')
        connection.transport.pause_reading()
        await over.wait()

    async def source() -> str:
        return f"ws://127.0.0.1:{port}/"

    async with serve(fall_silent, "127.0.0.1", 0, ping_interval=None, close_timeout=0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        heard = Heard(source, FAST._replace(keepalive_s=0.15, close_s=0.1))
        await heard.until(lambda: bool(heard.of(Ended)))
        heard.socket.stop()
        await heard.task
        over.set()
    ended = heard.of(Ended)[0]
    assert ended.reason == "pings were not answered"
    assert ended.healthy_s < 0.2, "the first ping went out after 0.15 s and was never answered"


async def test_it_may_be_refused_after_hours_of_work_too(sim: Simulator, conn: Any) -> None:
    heard = Heard(websocket_urls(conn))
    await heard.until(lambda: bool(heard.of(Greeting)))
    sim.faults.set("refuse", "402")
    sim.drop()
    with pytest.raises(CloudError, match="402"):
        await asyncio.wait_for(heard.task, 5)
    assert heard.of(Ended)


@pytest.mark.parametrize(
    ("name", "value"),
    [("http", "429 GET /collection/*/websocket x3"), ("http", "async GET /collection/*/websocket x3"),
     ("http", "list GET /collection/*/websocket x3"), ("refuse", "503")],
)  # fmt: skip
async def test_all_else_is_tried_again(sim: Simulator, conn: Any, name: str, value: str) -> None:
    sim.faults.set(name, value)
    heard = Heard(websocket_urls(conn))
    await heard.until(lambda: len(heard.troubles) >= 3)
    sim.faults.set("refuse", "0")
    await heard.until(lambda: bool(heard.of(Greeting)))
    heard.socket.stop()
    await heard.task


async def test_a_network_that_is_gone_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Simulator() as simulator:
        port = int(simulator.base_url.rpartition(":")[2])
        connection = connect(Account(simulator.api_key, simulator.base_url))
        heard = Heard(websocket_urls(connection))
        await heard.until(lambda: bool(heard.of(Greeting)))
    await heard.until(lambda: len(heard.troubles) >= 2)
    with Simulator(port=port):
        await heard.until(lambda: len(heard.of(Greeting)) == 2)
        heard.socket.stop()
        await heard.task
    connection.session.close()


async def test_the_wait_doubles_to_its_most_and_begins_anew_after_health(sim: Simulator, conn: Any) -> None:
    asked: list[float] = []

    def jitter(most: float) -> float:
        asked.append(most)
        return 0.0

    sim.faults.set("refuse", "503")
    heard = Heard(websocket_urls(conn), FAST._replace(first_backoff_s=0.5, most_backoff_s=60, jitter=jitter))
    await heard.until(lambda: len(asked) >= 10)
    assert asked[:10] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    heard.socket.stop()
    await heard.task
    asked.clear()
    sim.faults.set("refuse", "0")
    healthy = FAST._replace(first_backoff_s=0.5, most_backoff_s=60, healthy_s=0.05, jitter=jitter)
    async with hearing(conn, healthy) as heard:
        for generation in (2, 3, 4):
            await asyncio.sleep(0.1)
            sim.drop("clean")
            await heard.until(lambda generation=generation: len(heard.of(Greeting)) == generation)  # type: ignore[misc]
    assert asked == [0.5, 0.5, 0.5]


async def test_a_cloud_that_hangs_up_at_once_is_not_hammered(sim: Simulator, conn: Any) -> None:
    timing = FAST._replace(first_backoff_s=0.02, most_backoff_s=10, jitter=lambda most: most)
    async with hearing(conn, timing) as heard:
        end = time.monotonic() + 0.7
        while time.monotonic() < end:
            sim.drop("clean")
            await asyncio.sleep(0.005)
        assert len(heard.troubles) <= 6, "0.02 + 0.04 + ... reaches 0.62 s with five waits"


async def test_a_slow_consumer_loses_nothing_and_keeps_the_connection(sim: Simulator, conn: Any) -> None:
    stream = mic(conn)
    socket = Socket(websocket_urls(conn), timing=FAST)
    said: list[str] = []
    async with aclosing(socket.items()) as items:
        async for item in items:
            if isinstance(item, Greeting):
                stream.start_transcript(item.connection_id)
                await asyncio.to_thread(lambda: [sim.emit("transcript", str(n)) for n in range(1500)])
                async with asyncio.timeout(5):
                    while socket.queued < 1024:  # noqa: ASYNC110  # the queue rings no bell
                        await asyncio.sleep(0.01)
            elif isinstance(item, Message):
                said.append(item.body["data"]["text"])
                if len(said) == 1500:
                    socket.stop()
    assert said == [str(n) for n in range(1500)]
    assert socket.waits > 0


@pytest.mark.parametrize("url", ["ws://example.com/x", "http://example.com", "ws://127.0.0.1.example.com/", "junk"])
async def test_captured_text_never_travels_in_the_clear(url: str) -> None:
    async def source() -> str:
        return url

    with pytest.raises(InsecureUrlError, match="only wss:// is safe"):
        await asyncio.wait_for(Heard(source).task, 5)


async def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.close()

    async def source() -> str:
        return "wss://cloud.example/?key=secret"

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        heard = Heard(source)
        await heard.until(lambda: len(asked) >= 2)
        heard.socket.stop()
        await heard.task
    assert asked[0] == b"CONNECT cloud.example:443 HTTP/1.1\r\n"
    assert not any("secret" in trouble for trouble in heard.troubles)


async def test_what_the_dead_letter_box_raises_is_not_swallowed(sim: Simulator, conn: Any) -> None:
    def full(raw: bytes, reason: str) -> None:
        raise OSError("disk full")

    socket = Socket(websocket_urls(conn), dead_letter=full, timing=FAST)
    with pytest.raises(OSError, match="disk full"):
        async with aclosing(socket.items()) as items:
            async for _ in items:
                sim.inject("array")


def test_the_account_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VIDEO_DB_API_KEY", "VIDEODB_API_KEY", "VIDEO_DB_API"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CloudError, match="set VIDEO_DB_API_KEY"):
        account()
    monkeypatch.setenv("VIDEODB_API_KEY", "node-style")
    assert account() == ("node-style", "https://api.videodb.io")
    assert "node-style" not in repr(account())
    monkeypatch.setenv("VIDEO_DB_API_KEY", "python-style")
    monkeypatch.setenv("VIDEO_DB_API", "http://127.0.0.1:1/")
    assert account() == ("python-style", "http://127.0.0.1:1")
    monkeypatch.setenv("VIDEO_DB_API", "http://api.example.com")
    with pytest.raises(CloudError, match="https://"):
        account()


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_refused(raw: bytes) -> None:
    assert isinstance(parse_object(raw), dict | Refused)


@given(st.integers(0, 2 * MAX_DEPTH))
def test_depth_is_limited_exactly(depth: int) -> None:
    parsed = parse_object(b'{"a":' * depth + b"{}" + b"}" * depth)
    assert isinstance(parsed, dict) == (depth + 1 <= MAX_DEPTH)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [(b"[1]", "not-object"), (b"{", "not-json"), (b'{"a": NaN}', "not-json"), (b'{"a": "\xff"}', "not-utf8"),
     (b"{}" + b" " * MAX_MESSAGE, "too-long"), (b"[" * 100_000, "too-deep")],
)  # fmt: skip
def test_why_it_is_refused(raw: bytes, reason: str) -> None:
    assert parse_object(raw) == Refused(reason)


def test_odd_json_is_json() -> None:
    assert parse_object(b'{"a": "\\ud800", "n": 123456789012345678901234567890}') == {
        "a": "\ud800", "n": 123456789012345678901234567890
    }  # fmt: skip
