"""What a person sees while it runs: on a terminal a few lines that stay current, elsewhere plain lines.

Names come from outside, so nothing that moves a cursor gets through.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["LiveView", "render"]

_EVERY_S = 0.5
_STREAM_WIDTH = 22


def render(known: dict[str, Any], width: int) -> list[str]:
    """Return the lines that show a snapshot, none longer than the terminal is wide."""
    session = known.get("session") or {}
    phase = str(known["phase"])
    head = [phase if known.get("running") or phase == "ended" else f"died while {phase}"]
    if session:
        head.append(f"{session['id']} {session['status']}")
    if known.get("running"):
        link = "connected" if known["connected"] else f"no connection: {known.get('trouble') or 'connecting'}"
        head += [f"generation {known['generation']}", link]
        head.append(f"{known['events']} events, {known['events_per_minute']}/min")
        if known["queue"]:
            head.append(f"{known['queue']} waiting")
    lines = ["  ".join(head), *(_stream(stream, known) for stream in known["streams"])]
    if known.get("gaps"):
        lines.append(f"  {known['gaps']} gaps, {known['filled']} events fetched for them")
    if session.get("video_id"):
        lines.append(f"  video {session['video_id']} {session.get('player_url') or ''}".rstrip())
    if known["unfinished"]:
        lines.append(f"  unfinished from before: {', '.join(known['unfinished'])}")
    return [_plain(line)[:width] for line in lines]


class LiveView:
    """Writes to stdout. On a terminal it keeps the status below whatever was said."""

    def __init__(self, snapshot: Callable[[], dict[str, Any]]) -> None:
        self._snapshot = snapshot
        self._live = sys.stdout.isatty()
        self._drawn = 0

    def say(self, line: str) -> None:
        """Write a line that stays."""
        self._write(self._erase() + _plain(line) + "\n")
        self.draw()

    def draw(self) -> None:
        """Bring the status up to date."""
        if not self._live:
            return
        size = shutil.get_terminal_size()
        lines = render(self._snapshot(), size.columns - 1)[: size.lines - 1]
        self._write(self._erase() + "".join(line + "\n" for line in lines))
        self._drawn = len(lines)

    async def keep_current(self) -> None:
        """Draw for ever."""
        while self._live:
            self.draw()
            await asyncio.sleep(_EVERY_S)

    def close(self) -> None:
        """Take the status away; what was said stays."""
        self._write(self._erase())
        self._live = False

    def _erase(self) -> str:
        drawn, self._drawn = self._drawn, 0
        return f"\x1b[{drawn}A\x1b[J" if drawn else ""

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # whoever read this is gone; the capture goes on
            sys.stdout.write(text)
            sys.stdout.flush()


def _stream(stream: dict[str, Any], known: dict[str, Any]) -> str:
    work = [
        pipeline["kind"] if pipeline["state"] == "running" else f"{pipeline['kind']} {pipeline['state']}"
        for pipeline in known["pipelines"]
        if pipeline["stream"] == stream["id"]
    ]
    last_ms = stream["last_event_ms"]
    last = f"last event {_ago(known['at_ms'] - last_ms)}" if last_ms and "at_ms" in known else "no event yet"
    if not known.get("running"):
        last = ""
    name = stream["name"] or stream["id"]
    return f"  {name[:_STREAM_WIDTH]:{_STREAM_WIDTH}} {', '.join(work) or 'nothing runs on it'}  {last}".rstrip()


def _ago(ms: int) -> str:
    seconds = max(0, ms // 1000)
    return f"{seconds} s ago" if seconds < 120 else f"{seconds // 60} min ago"


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
