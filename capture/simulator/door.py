"""The HTTP door: every call is logged and counted, then faults, then the key, then its endpoint."""

from __future__ import annotations

import asyncio
from typing import Any

from capture.simulator import api_pipelines, api_sessions, api_streams, api_text, control
from capture.simulator.cloud import Cloud
from capture.simulator.routing import RefusalError, Router
from capture.simulator.wire import Call, Reply, read_call, write_reply

__all__ = ["Door"]

_MESSAGES = {401: "not authorised", 402: "no credits left", 404: "not found", 429: "too many requests"}


class Door:
    """Answers HTTP connections."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._api = Router(
            api_sessions.ENDPOINTS + api_pipelines.ENDPOINTS + api_streams.ENDPOINTS + api_text.ENDPOINTS
        )
        self._open = Router(control.ENDPOINTS + api_text.OPEN_ENDPOINTS)
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until the client closes it."""
        self._writers.add(writer)
        try:
            while call := await read_call(reader):
                call.connection = id(writer)
                await write_reply(writer, await self._answer(call))
        except OSError:
            pass
        finally:
            self._cloud.hung_up(id(writer))
            self._writers.discard(writer)
            writer.close()

    def close(self) -> None:
        """Hang up on everybody."""
        for writer in self._writers:
            writer.close()

    async def _answer(self, call: Call) -> Reply:
        try:
            if call.path.startswith(("/_sim/", "/upload/")):
                return _success(self._open.find(call).handler(self._cloud, call))
            reply = await self._api_reply(call)
        except (RefusalError, ValueError, TypeError, AttributeError) as error:  # a body of the wrong shape is a 400
            reply = Reply(getattr(error, "status", 400), {"success": False, "message": str(error)})
        if not call.path.startswith("/_sim/"):
            self._cloud.log(f"{reply.status}   {call.method} {call.path}")
        return reply

    async def _api_reply(self, call: Call) -> Reply:
        self._cloud.calls.append(call)
        endpoint = self._api.find(call)
        self._cloud.counts[endpoint.name] += 1
        fault = next((fault for fault in self._cloud.faults.http if fault.takes(call.method, call.path)), None)
        if fault:
            await asyncio.sleep(fault.delay_s)
            if fault.status != "200":
                return await _faulty(fault.status)
        api_sessions.check_token(self._cloud, call)
        return _success(endpoint.handler(self._cloud, call))


def _success(data: Any) -> Reply:
    return data if isinstance(data, Reply) else Reply(200, {"success": True, "data": data})


async def _faulty(status: str) -> Reply:
    if status == "hang":
        await asyncio.sleep(3600)
    if status == "async":
        return Reply(200, {"status": "processing", "request_type": "async"})
    if status == "list":
        return Reply(400, [{"message": "a list, not an object"}])
    message = _MESSAGES.get(int(status), "failed on request")
    return Reply(int(status), {"success": False, "message": message})
