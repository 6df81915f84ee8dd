"""Show a notification on a terminal: one block a message, nothing captured can move the cursor."""

from __future__ import annotations

import os
from datetime import datetime, tzinfo
from typing import TextIO

from engine.model.config import CONSOLE
from engine.model.delivery import Delivery, Outcome, Permanent, Sent, Temporary
from engine.model.notification import Notification
from engine.model.route import Destination
from engine.sink.neutralize import NO_TEXT, permitted, safe_line

__all__ = ["ConsoleSender"]

_COLOURS = {"info": "36", "warn": "33", "error": "31", "critical": "1;31"}
_MOST_LINES = 40


class ConsoleSender:
    """Writes to a text stream, flushed after each message; colours only a terminal, and not under NO_COLOR."""

    def __init__(self, stream: TextIO, destination: Destination = CONSOLE, zone: tzinfo | None = None) -> None:
        self._stream = stream
        self._destination = destination
        self._zone = zone
        self._encoding = stream.encoding or "utf-8"
        self._colour = stream.isatty() and not os.environ.get("NO_COLOR")

    def send(self, delivery: Delivery) -> Outcome:
        """Write one block with one call. A reader that is gone is permanent, any other failure temporary."""
        block = self._block(delivery.notification)
        try:
            self._stream.write(block.encode(self._encoding, "replace").decode(self._encoding))
            self._stream.flush()
        except BrokenPipeError:
            self._give_up()
            return Permanent("console: nobody reads the output any more", pause=True)
        except ValueError:
            return Permanent("console: the output is closed", pause=True)
        except OSError as error:
            return Temporary(f"console: {error.strerror or 'cannot write'}")
        return Sent()

    def _block(self, notification: Notification) -> str:
        # Local time, because a person reads it beside a clock.
        clock = datetime.fromtimestamp(notification.at_ms / 1000).astimezone(self._zone).strftime("%H:%M:%S")
        severity = notification.severity
        mark = f"\x1b[{_COLOURS[severity]}m{severity}\x1b[0m" if self._colour else severity
        pad = " " * (8 - len(severity))
        heading = f"{clock}  {mark}{pad}  {safe_line(notification.rule, 80)}"
        if notification.title and notification.title != notification.rule:
            heading += f"  {safe_line(notification.title, 200)}"
        lines = permitted(notification.body, self._destination.text, self._destination.excerpt).strip("\n").split("\n")
        if len(lines) > _MOST_LINES:
            lines[_MOST_LINES:] = [f"({len(lines) - _MOST_LINES} more lines)"]
        body = [f"    {safe_line(line.rstrip(), 500)}" for line in lines if line.strip()]
        return "\n".join([heading, *(body or [f"    {NO_TEXT}"])]) + "\n"

    def _give_up(self) -> None:
        """Point the stream at nothing, or the interpreter complains of the broken pipe at its end."""
        try:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self._stream.fileno())
            os.close(nothing)
        except (OSError, ValueError):  # A stream without a file has no pipe to break at the end.
            return
