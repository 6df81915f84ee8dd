"""Pipelines of one session: started once, moved to a new connection, never billed twice, stopped in the end.

A pipeline's key is made of session, stream and what it is to do; under it the state remembers what may be running,
written before the call that makes it run. An index carries that key and its connection in its name, so one whose reply
was lost is found and adopted. One failing pipeline stops no other.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from typing import Any

import orjson

from capture import cloud_stream
from capture.alerts import Alerts
from capture.calls import CloudError
from capture.patience import insist
from capture.run import Run
from capture.settings import PipelineSpec
from capture.state import Pipeline, Session, Stream
from capture.streams import specs_for

__all__ = ["Pipelines", "index_name", "pipeline_key"]

_KEEP_OLD = 8


def pipeline_key(session_id: str, stream_id: str, spec: PipelineSpec) -> str:
    """Return what is equal for the same work on the same stream in the same session, however often it is asked for."""
    wanted = orjson.dumps(asdict(spec), option=orjson.OPT_SORT_KEYS)
    return sha256(b"\0".join((session_id.encode(), stream_id.encode(), wanted))).hexdigest()[:16]


def index_name(spec: PipelineSpec, key: str, connection_id: str) -> str:
    """Return the name for an index: for people, for finding it by key, and for telling which connection it serves."""
    return f"{_prefix(spec, key)}{sha256(connection_id.encode()).hexdigest()[:6]}"


class Pipelines:
    """What runs on the streams of one session. `bind` may be called as often as anybody likes."""

    def __init__(self, run: Run, connection: Any, session: Session, settings: Mapping[str, tuple[PipelineSpec, ...]]):
        self._run = run
        self._connection = connection
        self._session = session
        self._settings = settings
        self._alerts = Alerts(connection, run.timing)
        self._binding = asyncio.Lock()

    @property
    def wanted(self) -> dict[str, tuple[Stream, PipelineSpec]]:
        """What is to run, by key."""
        return {
            pipeline_key(self._session.id, stream.id, spec): (stream, spec)
            for stream in self._session.streams
            for spec in specs_for(stream, self._settings)
        }

    async def bind(self, connection_id: str) -> bool:
        """See that everything runs and reports to this connection. Returns whether anything had to be done.

        A failure that may pass is tried again by the next call, any other only for another connection.
        """
        async with self._binding:
            todo = {key: each for key, each in self.wanted.items() if self._is_due(key, connection_id)}
            by_stream: dict[str, list[str]] = {}
            for key, (stream, _) in todo.items():
                by_stream.setdefault(stream.id, []).append(key)
            await asyncio.gather(*(self._bind_stream(keys, todo, connection_id) for keys in by_stream.values()))
            return bool(todo)

    async def stop(self) -> None:
        """Stop everything that costs money; what cannot be reached stops with its stream."""
        running = {key: each for key, each in self._session.pipelines.items() if _may_run(each)}
        async with self._binding:
            await asyncio.gather(*(self._stop_one(key, pipeline) for key, pipeline in running.items()))
        self._run.save()

    def _is_due(self, key: str, connection_id: str) -> bool:
        known = self._session.pipelines.get(key)
        if known is None or known.bound_to != connection_id:
            return True
        return known.state in ("starting", "retrying")

    async def _bind_stream(
        self, keys: list[str], todo: Mapping[str, tuple[Stream, PipelineSpec]], connection_id: str
    ) -> None:
        """Speech first: an index of what is said needs the transcript to run."""
        for speech in (True, False):
            now = [key for key in keys if (todo[key][1].kind == "transcript") is speech]
            await asyncio.gather(*(self._bind_one(key, *todo[key], connection_id) for key in now))

    async def _bind_one(self, key: str, stream: Stream, spec: PipelineSpec, connection_id: str) -> None:
        known = self._session.pipelines.get(key) or Pipeline(stream.id, spec.kind, spec.name, spec.engine)
        self._session.pipelines[key] = known
        replaced = [known.id] if known.id else []
        unsure = _may_run(known) and known.state != "running" and known.attempt is not None
        known.state, known.bound_to, known.error = "starting", connection_id, None
        try:
            if spec.kind == "transcript":
                self._run.save()
                await self._start_transcript(stream, spec, connection_id)
            else:
                known.id = await self._start_index(key, stream, spec, connection_id)
            known.state = "running"
        except CloudError as error:
            self._failed(known, error)
        except BaseException:
            known.bound_to = None  # given up half way: the next to bind it looks what came of it
            raise
        if known.state == "running" and spec.kind != "transcript":
            if unsure:
                replaced += await self._orphans(key, known)
            await self._settle_index(known, spec, [each for each in replaced if each != known.id])
        self._tell(key, known, stream)
        self._run.save()

    async def _start_transcript(self, stream: Stream, spec: PipelineSpec, connection_id: str) -> None:
        timing = self._run.timing
        await insist(
            lambda: cloud_stream.start_transcript(
                self._connection, stream.id, connection_id, spec.engine, timeout_s=timing.call_s
            ),
            timing,
        )

    async def _start_index(self, key: str, stream: Stream, spec: PipelineSpec, connection_id: str) -> str:
        """Create the index, or adopt the one that an earlier attempt has made without our hearing of it."""
        known, timing = self._session.pipelines[key], self._run.timing
        name = index_name(spec, key, connection_id)

        async def attempt() -> str:
            if known.attempt == name:
                for index in await cloud_stream.indexes(self._connection, stream.id, timeout_s=timing.call_s):
                    if index.name == name and index.running:
                        return index.id
            known.attempt = name
            self._run.save()
            return await cloud_stream.create_index(
                self._connection, stream.id, spec, name, connection_id, timeout_s=timing.call_s
            )

        return await insist(attempt, timing)

    async def _settle_index(self, known: Pipeline, spec: PipelineSpec, replaced: list[str]) -> None:
        """Alerts on the new index, then an end to the old one: in this order nothing is missed."""
        before = dict(known.alerts)
        known.alerts, failed = await self._alerts.create(known, spec)
        if failed:
            self._run.say(f"alerts on {known.name}: {failed}")
        known.old = [*known.old, *replaced][-_KEEP_OLD:]
        self._run.save()
        for index_id in replaced:
            await self._alerts.disable(known.stream_id, index_id, before)
            with contextlib.suppress(CloudError):
                await insist(partial(self._stop_index, known.stream_id, index_id), self._run.timing)

    async def _stop_index(self, stream_id: str, index_id: str) -> None:
        await cloud_stream.stop_index(self._connection, stream_id, index_id, timeout_s=self._run.timing.call_s)

    async def _stop_one(self, key: str, pipeline: Pipeline) -> None:
        timeout_s = self._run.timing.stop_call_s
        try:
            if pipeline.kind == "transcript":
                await cloud_stream.stop_transcript(
                    self._connection, pipeline.stream_id, pipeline.engine, timeout_s=timeout_s
                )
            else:
                for index_id in await self._running_indexes(key, pipeline):
                    await cloud_stream.stop_index(self._connection, pipeline.stream_id, index_id, timeout_s=timeout_s)
            pipeline.state = "stopped"
        except CloudError as error:
            pipeline.error = error.message
        self._tell(key, pipeline, None)

    async def _running_indexes(self, key: str, pipeline: Pipeline) -> list[str]:
        if pipeline.id is not None and pipeline.state == "running":
            return [pipeline.id]
        return await self._named(key, pipeline)

    async def _orphans(self, key: str, pipeline: Pipeline) -> list[str]:
        """Return running indexes that an earlier, unanswered start may have left."""
        with contextlib.suppress(CloudError):
            return await self._named(key, pipeline)
        return []

    async def _named(self, key: str, pipeline: Pipeline) -> list[str]:
        timeout_s = self._run.timing.stop_call_s
        found = await cloud_stream.indexes(self._connection, pipeline.stream_id, timeout_s=timeout_s)
        return [index.id for index in found if index.running and f"-{key[:8]}-" in index.name]

    def _failed(self, known: Pipeline, error: CloudError) -> None:
        known.state = "retrying" if error.passing else "failed"
        known.error = error.message
        again = "; it is tried again" if error.passing else ""
        self._run.say(f"{known.name} on {known.stream_id} did not start: {error.message}{again}")

    def _tell(self, key: str, known: Pipeline, stream: Stream | None) -> None:
        data: dict[str, Any] = {
            "key": key, "rtstream_id": known.stream_id, "kind": known.kind, "name": known.name, "state": known.state,
            "index_id": known.id, "generation": self._run.state.generation,
        }  # fmt: skip
        if stream is not None:
            data["rtstream_name"] = stream.name
        if known.error:
            data["error"] = known.error
        self._run.tell("pipeline", data)


def _may_run(pipeline: Pipeline) -> bool:
    """Whether it may cost money: also a start that was never answered."""
    return pipeline.state in ("running", "starting", "retrying")


def _prefix(spec: PipelineSpec, key: str) -> str:
    return f"{spec.name}-{key[:8]}-"
