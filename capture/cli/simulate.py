"""`capture simulate`: a local VideoDB to try things out, faults included."""

from __future__ import annotations

import time
from pathlib import Path

import click

from capture.cli.exits import Failure
from capture.cli.replay import speed_option
from capture.simulator import Faults, Simulator, recorder_path_entry

__all__ = ["command"]


def _faults(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> Faults:
    faults = Faults()
    for value in values:
        name, equals, text = value.partition("=")
        try:
            faults.set(name, text if equals else "1")
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return faults


@click.command(name="simulate")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the API; 0 takes a free one.")
@click.option(
    "--play", type=click.Path(path_type=Path, dir_okay=False), help="A recording to play as the live session."
)
@click.option(
    "--speed", callback=speed_option, default="1", metavar="N|max", show_default=True,
    help="How many times faster to play; max: without waits.",
)  # fmt: skip
@click.option(
    "--fault", "faults", callback=_faults, multiple=True, metavar="NAME=VALUE",
    help="Misbehave; may be repeated. The table is in docs/simulator.md.",
)  # fmt: skip
def command(port: int, play: Path | None, speed: float | None, faults: Faults) -> None:
    """Run a local VideoDB: HTTP API, websocket, webhooks and a stand-in recorder.

    Prints the two variables that point the SDK and the recorder at it, then every call it gets. It listens on
    127.0.0.1 only, keeps everything in memory, and ends with Ctrl-C.

    \b
    capture simulate --play meeting.jsonl --speed 10
    capture simulate --port 8777 --fault drop=going-away:100 --fault export=polls:3
    capture simulate --fault "http=429 POST /rtstream/*/transcription x3"
    """
    if play and not play.is_file():
        raise Failure(f"there is no recording {play}")
    simulator = Simulator(port=port, play=play, speed=speed, faults=faults, log=_log, pace_s=0.5)
    try:
        simulator.start()
    except OSError as error:
        raise Failure(f"cannot listen on port {port}: {error.strerror or error}") from error
    try:
        click.echo(f"VIDEO_DB_API={simulator.base_url}\nVIDEO_DB_API_KEY={simulator.api_key}")
        click.echo(f"# for the stand-in recorder: PYTHONPATH={recorder_path_entry()}", err=True)
        while True:
            time.sleep(3600)
    finally:
        simulator.stop()


def _log(line: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {line}", err=True)
