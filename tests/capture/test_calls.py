"""Calls to the cloud through the unmodified SDK: every failure has its kind, and none holds the loop up."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from capture.account import Account, connect
from capture.calls import CloudError, Kind, call, kind_of_status
from capture.simulator import Simulator


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


async def failing(function: Any, *args: Any, **more: Any) -> CloudError:
    with pytest.raises(CloudError) as caught:
        await call(function, *args, **more)
    return caught.value


async def test_a_result_comes_back(conn: Any) -> None:
    session = await call(conn.create_capture_session, "user-1", metadata={"a": 1})
    assert session.id.startswith("cap-")
    assert (await call(conn.get_capture_session, session.id, timeout_s=5)).status == "created"
    wrapped: dict[str, Any] = {"data": {"a": 1}}
    for given, expected in ((None, None), (wrapped, {"a": 1}), ({**wrapped, "more": 2}, {**wrapped, "more": 2})):
        assert await call(lambda given=given: given) == expected


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "odd"), (401, "auth"), (402, "credits"), (403, "forbidden"), (404, "not-found"), (429, "rate"),
     (500, "server"), (503, "server")],
)  # fmt: skip
async def test_a_refusal_has_its_kind(sim: Simulator, conn: Any, status: int, kind: Kind) -> None:
    sim.faults.set("http", f"{status} POST /collection/*")
    error = await failing(conn.create_capture_session, "u")
    assert (error.kind, error.status, kind_of_status(status)) == (kind, status, kind)
    assert error.fatal == (kind in ("auth", "credits", "forbidden"))
    assert error.passing == (kind in ("rate", "server"))
    assert error.message


async def test_what_the_sdk_trips_over_is_odd(sim: Simulator, conn: Any) -> None:
    sim.faults.set("http", "async POST /collection/*")
    assert (await failing(conn.create_capture_session, "u")).kind == "odd"
    sim.faults.set("http", "off")
    sim.faults.set("http", "list POST /collection/*")
    error = await failing(conn.create_capture_session, "u")
    assert (error.kind, error.status) == ("odd", 400)

    class Nameless:
        id = None

    assert "no id" in (await failing(Nameless)).message


async def test_nobody_there(sim: Simulator, conn: Any) -> None:
    gone = connect(Account("k", "http://127.0.0.1:9"))
    error = await failing(gone.connect_websocket)
    assert (error.kind, error.status, error.passing) == ("network", None, True)
    gone.session.close()
    sim.faults.set("http", "502 GET /collection/*")
    assert (await failing(conn.connect_websocket)).kind == "server", "the SDK tries these again by itself"


async def test_an_answer_that_never_comes_holds_nothing_up(sim: Simulator, conn: Any) -> None:
    sim.faults.set("http", "hang GET /collection/*")
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    error = await failing(conn.connect_websocket, timeout_s=0.3)
    ticking.cancel()
    assert (error.kind, error.message) == ("network", "no answer within 0.3 s")
    assert ticks > 5


def test_a_call_given_up_on_does_not_keep_the_program_alive() -> None:
    program = (
        "import asyncio, time\n"
        "from capture.calls import CloudError, call\n"
        "async def main():\n"
        "    try: await call(time.sleep, 60, timeout_s=0.05)\n"
        "    except CloudError as error: print(error.kind)\n"
        "asyncio.run(main())\n"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.stdout, done.stderr) == ("network\n", "")
    assert time.monotonic() - began < 10


async def test_messages_are_one_short_printable_line() -> None:
    def refuse() -> None:
        raise ValueError("a\nb\x1b[31m" + "x" * 1000)

    error = await failing(refuse)
    assert error.message.isprintable()
    assert len(error.message) < 300
