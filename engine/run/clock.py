"""The clock and the zones: the only place that asks the machine what time it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

__all__ = ["now_ms", "zone_offset"]

# Zones change their offset at full minutes (Casey did at 16:01 UTC in 2020); one look-up serves a minute.
_MINUTE_MS = 60_000


def now_ms() -> int:
    """Return epoch milliseconds."""
    return time.time_ns() // 1_000_000


def zone_offset(own: str = "local") -> Callable[[str, int], int]:
    """Return the function that tells a zone's minutes east of UTC at an instant; `local` means `own`."""

    def offset(zone: str, at_ms: int) -> int:
        return _offset(own if zone == "local" else zone, at_ms // _MINUTE_MS)

    return offset


@lru_cache(maxsize=4096)
def _offset(zone: str, minute: int) -> int:
    moment = datetime.fromtimestamp(minute * _MINUTE_MS / 1000, UTC)
    local = moment.astimezone() if zone == "local" else moment.astimezone(ZoneInfo(zone))
    delta = local.utcoffset()
    return 0 if delta is None else int(delta.total_seconds() // 60)
