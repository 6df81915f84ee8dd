"""Alerts of the cloud on an index: the event found by its label or made, the alert bound to the present connection."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from capture import cloud_stream
from capture.calls import CloudError
from capture.patience import insist
from capture.settings import Alert, PipelineSpec
from capture.state import Pipeline
from capture.timing import Timing

__all__ = ["Alerts"]


class Alerts:
    """Makes alerts; remembers the events of a run, since looking for one and making it is two calls."""

    def __init__(self, connection: Any, timing: Timing) -> None:
        self._connection = connection
        self._timing = timing
        self._events: dict[str, str] = {}
        self._one_at_a_time = asyncio.Lock()

    async def create(self, pipeline: Pipeline, spec: PipelineSpec) -> tuple[dict[str, str], str]:
        """Return the alert ids by label, and what went wrong with the others: an index without alerts still works."""
        made: dict[str, str] = {}
        failed: list[str] = []
        for alert in spec.alerts:
            try:
                made[alert.label] = await self._create_one(pipeline, alert)
            except CloudError as error:
                failed.append(f"{alert.label}: {error.message}")
        return made, "; ".join(failed)

    async def disable(self, stream_id: str, index_id: str, alerts: Mapping[str, str]) -> None:
        """Let the alerts of a replaced index rest; one that cannot be reached ends with its index."""
        for alert_id in alerts.values():
            with contextlib.suppress(CloudError):
                await cloud_stream.disable_alert(
                    self._connection, stream_id, index_id, alert_id, timeout_s=self._timing.call_s
                )

    async def _create_one(self, pipeline: Pipeline, alert: Alert) -> str:
        event_id = await self._event_for(alert)
        to = (alert.callback_url, pipeline.bound_to or "")
        return await insist(
            lambda: cloud_stream.create_alert(
                self._connection, pipeline.stream_id, str(pipeline.id), event_id, to, timeout_s=self._timing.call_s
            ),
            self._timing,
        )

    async def _event_for(self, alert: Alert) -> str:
        async with self._one_at_a_time:
            if alert.label not in self._events:
                self._events[alert.label] = await insist(
                    lambda: cloud_stream.event_for(self._connection, alert, timeout_s=self._timing.call_s),
                    self._timing,
                )
            return self._events[alert.label]
