"""Replay a recording into a journal as if it happened now.

Order and contents are kept. `ts` and `unix_ts` are those of the moment of writing, and media times move by the
same amount, so that a rule sees the same distances as on the day of the recording.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

import orjson

from capture.journal import Journal, wire_message

__all__ = [
    "Entry", "RecordingError", "Replayed", "parse_speed", "read_recording", "refuse_itself", "replay", "retimed",
    "stamp_ms",
]  # fmt: skip

_NEAR_MS = 24 * 3600 * 1000
_NAP_S = 0.5
_TIME_KEYS = ("start", "end", "timestamp", "from", "to")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RecordingError(Exception):
    """The recording cannot be read; the message says why."""


class Entry(NamedTuple):
    """One line of a recording. `message` is None for a line that is not a JSON object.

    Units: `at_ms` is when it was received, for a line that does not tell the time of the one before it; None
    until a line tells. `end` is the offset behind the line, in bytes.
    """

    line: bytes
    message: dict[str, Any] | None
    at_ms: int | None
    end: int


@dataclass(slots=True)
class Replayed:
    """How far a replay came. Units: `end` is the offset in the recording, in bytes."""

    lines: int = 0
    bad: int = 0
    end: int = 0


def parse_speed(text: str) -> float | None:
    """Return the factor, or None for `max`. Errors: ValueError."""
    if text == "max":
        return None
    speed = float(text)
    if not 0 < speed < float("inf"):
        raise ValueError(text)
    return speed


def read_recording(path: Path) -> Iterator[Entry]:
    """Yield every line but blank ones, in file order. Errors: RecordingError."""
    at_ms: int | None = None
    end = 0
    try:
        with path.open("rb") as file:
            for raw in file:
                line = raw.removeprefix(b"\xef\xbb\xbf").strip(b" \t\r\n")
                end += len(raw)
                if not line:
                    continue
                message = _object(line)
                if message is not None:
                    at_ms = stamp_ms(message) or at_ms
                yield Entry(line, message, at_ms, end)
    except OSError as error:
        raise RecordingError(f"cannot read {path}: {error.strerror}") from error


def replay(
    recording: Path,
    journal: Journal,
    *,
    speed: float | None = 1.0,
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
    on_line: Callable[[Replayed], None] = lambda _: None,
) -> Replayed:
    """Write the whole recording into the journal. A line that is no object is written unchanged, counted as bad.

    Units: `speed` divides the waits, None drops them. Errors: RecordingError, JournalError.
    """
    refuse_itself(recording, journal.path)
    done = Replayed()
    pace = _Pace(speed, wait, clock)
    for entry in read_recording(recording):
        pace.until(entry.at_ms)
        done.lines += 1
        done.end = entry.end
        if entry.message is None:
            done.bad += 1
            journal.append_line(entry.line)
        else:
            _append(entry.message, entry.at_ms, journal)
        on_line(done)
    return done


def refuse_itself(recording: Path, journal: Path) -> None:
    """Return if these are two files; ask before the journal is opened, which may rename it. Errors: RecordingError."""
    if recording.exists() and journal.exists() and recording.samefile(journal):
        raise RecordingError(f"{recording} is the journal itself: name another one with --to")


def retimed(message: Mapping[str, Any], was_ms: int, now_ms: int, speed: float = 1.0) -> dict[str, Any]:
    """Return a copy whose media and event times lie around `now_ms` as they lay around `was_ms`, `speed` times closer.

    Moves `start end timestamp from to` of the message and of its `data`: numbers of milliseconds or of seconds and
    ISO text, each only when within a day of `was_ms`; all else (offsets, other units) stays.
    """
    moved = {name: _moved(name, value, was_ms, now_ms, speed) for name, value in message.items()}
    data = message.get("data")
    if isinstance(data, dict):
        moved["data"] = {name: _moved(name, value, was_ms, now_ms, speed) for name, value in data.items()}
    return moved


def stamp_ms(message: Mapping[str, Any]) -> int | None:
    """Return when a line was received: by `unix_ts`, else `ts`, else `data.end`, else `timestamp`."""
    unix_ts = message.get("unix_ts")
    if _is_number(unix_ts) and 0 < unix_ts < 1e11:
        return round(unix_ts * 1000)
    data = message.get("data")
    end = data.get("end") if isinstance(data, dict) else None
    media_ms = round(end) if _is_number(end) and 1e11 < end < 1e14 else None
    return _iso_ms(message.get("ts")) or media_ms or _iso_ms(message.get("timestamp"))


class _Pace:
    """Waits until as much time went by as in the recording, divided by the speed."""

    def __init__(self, speed: float | None, wait: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._speed = speed
        self._wait = wait
        self._clock = clock
        self._began = clock()
        self._first_ms: int | None = None

    def until(self, at_ms: int | None) -> None:
        if self._speed is None or at_ms is None:
            return
        if self._first_ms is None:
            self._first_ms = at_ms
        due = self._began + (at_ms - self._first_ms) / 1000 / self._speed
        while (left := due - self._clock()) > 0:
            # A signal that comes just before a sleep does not end it, so Ctrl-C could wait out an hour of silence.
            self._wait(min(left, _NAP_S))


def _append(recorded: Mapping[str, Any], at_ms: int | None, journal: Journal) -> None:
    message = wire_message(recorded)
    if at_ms is not None:
        message = retimed(message, at_ms, time.time_ns() // 1_000_000)
    about = recorded.get("_capture")
    gen = about.get("gen") if isinstance(about, dict) else None
    journal.append(message, "replay", gen if isinstance(gen, int) else None)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _moved(name: str, value: Any, was_ms: int, now_ms: int, speed: float) -> Any:
    if name not in _TIME_KEYS:
        return value
    if isinstance(value, str):
        at_ms = _iso_ms(value)
        return _iso(_move(at_ms, was_ms, now_ms, speed)) if at_ms and abs(at_ms - was_ms) <= _NEAR_MS else value
    if not _is_number(value):
        return value
    if abs(value - was_ms) <= _NEAR_MS:
        moved = _move(value, was_ms, now_ms, speed)
        return round(moved) if isinstance(value, int) else moved
    if abs(value * 1000 - was_ms) <= _NEAR_MS:
        return _move(value * 1000, was_ms, now_ms, speed) / 1000
    return value


def _move(at_ms: float, was_ms: int, now_ms: int, speed: float) -> float:
    return now_ms + (at_ms - was_ms) / speed


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _iso_ms(value: Any) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _iso(at_ms: float) -> str:
    moment = _EPOCH + timedelta(milliseconds=round(at_ms))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
