"""The control socket: only for its owner, whatever is sent to it, on every platform's way."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from capture.control import NotRunningError, ask, serve
from capture.state import RunState


def state_of(where: dict[str, Any]) -> RunState:
    return RunState("r", 1, 1, "j", control=where)


class Served:
    """Something to ask and to stop."""

    def __init__(self) -> None:
        self.phase = "live"
        self.stops = 0

    def snapshot(self) -> dict[str, Any]:
        return {"phase": self.phase}

    def stop(self) -> None:
        self.stops += 1
        asyncio.get_running_loop().call_later(0.1, setattr, self, "phase", "ended")


def answers(where: dict[str, Any], command: str) -> list[dict[str, Any]]:
    return list(ask(state_of(where), command))


def mode_of(path: str) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


def folders(tmp_path: Path) -> list[Path]:
    """A folder with room for a socket's path, and one without."""
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    return [tmp_path, deep]


@pytest.mark.parametrize("which", [0, 1])
async def test_status_and_stop(tmp_path: Path, which: int) -> None:
    folder, served = folders(tmp_path)[which], Served()
    async with serve(folder, served.snapshot, served.stop) as where:
        assert await asyncio.to_thread(answers, where, "status") == [{"phase": "live"}]
        phases = [each["phase"] for each in await asyncio.to_thread(answers, where, "stop")]
        assert (phases[0], phases[-1], served.stops) == ("live", "ended", 1)
        assert await asyncio.to_thread(answers, where, "dance") == []
    with pytest.raises(NotRunningError):
        answers(where, "status")
    assert [each for each in folder.iterdir() if each.is_socket()] == []


async def test_without_the_token_nothing_happens(tmp_path: Path) -> None:
    served = Served()
    async with serve(tmp_path, served.snapshot, served.stop) as where:
        for token in ("", "x", None, where["token"][:-1], 7, "\ud83d"):
            assert await asyncio.to_thread(answers, {**where, "token": token}, "stop") == []
        assert served.stops == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets")
async def test_nonsense_is_survived_and_the_socket_is_private(tmp_path: Path) -> None:
    served = Served()
    async with serve(tmp_path, served.snapshot, served.stop) as where:
        assert mode_of(where["unix"]) == 0o600
        for raw in (b"\n", b"{", b"[]\n", b"null\n", b'{"command":"stop"}\n', b"x" * 10_000 + b"\n", b"\xff\n", b""):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(where["unix"])
                connection.sendall(raw)
                connection.shutdown(socket.SHUT_WR)
                assert await asyncio.to_thread(_rest, connection) == b""
        assert served.stops == 0
        assert await asyncio.to_thread(answers, where, "status") == [{"phase": "live"}]


@pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets")
async def test_the_socket_of_a_killed_run_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))
    served = Served()
    async with serve(tmp_path, served.snapshot, served.stop) as where:
        assert await asyncio.to_thread(answers, where, "status") == [{"phase": "live"}]


@pytest.mark.parametrize("where", [{}, {"unix": "/nowhere/control.sock"}, {"port": "x"}, {"port": 1}, {"port": None}])
def test_where_nobody_answers(where: dict[str, Any]) -> None:
    with pytest.raises(NotRunningError):
        answers(where, "status")


def test_an_odd_answer_ends_the_answers(tmp_path: Path) -> None:
    """Another program got the port: what it says is no snapshot."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        async def asked() -> list[dict[str, Any]]:
            question = asyncio.to_thread(answers, {"port": port, "token": "t"}, "status")
            task = asyncio.create_task(question)
            connection, _ = await asyncio.to_thread(server.accept)
            with connection:
                assert json.loads(connection.recv(4096))["command"] == "status"
                connection.sendall(b'[1]\n{"phase": "live"}\nnot JSON\n')
            return await task

        assert asyncio.run(asked()) == [{"phase": "live"}]


def _rest(connection: socket.socket) -> bytes:
    try:
        return connection.recv(100)
    except ConnectionResetError:
        return b""
