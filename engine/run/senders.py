"""Which sender serves a destination: the one place where `run` meets the ways out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from engine.model.route import Destination
from engine.run.courier_lane import MakeSender
from engine.run.ports import Sender
from engine.run.summaries import Summarist, SummedSender
from engine.sink.apprise import AppriseSender
from engine.sink.console import ConsoleSender
from engine.sink.record import RecordSender

__all__ = ["sender_maker"]


def sender_maker(
    output: Path, console: TextIO | None = None, zone: str = "local", summarist: Summarist | None = None
) -> MakeSender:
    """Return the function that makes a destination's sender. Shape: `output` holds the files of `record: FILE`.

    apprise is imported by the first sender that needs it, not before. With a summarist, messages are summed up first.
    """

    def make(destination: Destination) -> Sender:
        match destination.kind:
            case "console":
                return ConsoleSender(console or sys.stdout, destination, None if zone == "local" else ZoneInfo(zone))
            case "record":
                return RecordSender(output, destination.name.removeprefix("record:"))
            case _:
                return AppriseSender(destination)

    def make_summed(destination: Destination) -> Sender:
        sender = make(destination)
        # Where no text goes, none need be sent to a model either.
        return sender if summarist is None or destination.text == "none" else SummedSender(sender, summarist)

    return make_summed
