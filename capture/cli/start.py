"""`capture start`: the whole workflow of a capture in one process."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import click

from capture.cli.exits import Exit, Failure
from capture.paths import JOURNAL_NAME, journal_path

__all__ = ["StartExit", "command"]

CONFIG_NAME = "capture.yaml"


class StartExit(IntEnum):
    """Exit codes that go on from those of the other commands. Scripts rely on them: add, never change."""

    NO_RECORDER = 7
    PERMISSION = 8
    RECORDER = 9
    SESSION = 10


_CODES: dict[str, int] = {
    "no-recorder": StartExit.NO_RECORDER,
    "permission": StartExit.PERMISSION,
    "recorder": StartExit.RECORDER,
    "session": StartExit.SESSION,
    "channels": StartExit.RECORDER,
    "network": Exit.ENVIRONMENT,
}


class Wish(NamedTuple):
    """What the command line asks for beside the settings."""

    folder: Path | None
    clear: bool
    token: str | None
    session: str | None
    stream: str | None
    stream_name: str
    media: tuple[str, ...]


def _pairs(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    if any(not equals for _, equals, _ in pairs):
        raise click.BadParameter("write NAME=VALUE")
    return {name: text for name, _, text in pairs}


@click.command(name="start")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="Settings; default: ./capture.yaml.")
@click.option("--channels", multiple=True, metavar="PATTERN", help="Id, glob, `all` or `primary`; may be repeated.")
@click.option("--primary", metavar="DISPLAY", help="The display that is exported, by id or name.")
@click.option("--store/--no-store", default=None, help="Keep a video in VideoDB; off unless set.")
@click.option("--user", metavar="ID", help="Whose desktop this is, for your backend.")
@click.option("--collection", metavar="ID", help="Where sessions and videos belong.")
@click.option("--callback-url", metavar="URL", help="Where VideoDB is to send webhooks.")
@click.option("--metadata", multiple=True, callback=_pairs, metavar="NAME=VALUE", help="May be repeated.")
@click.option("--max-hours", type=click.FloatRange(min=0, min_open=True), help="Stop after so long.")
@click.option("--no-pipelines", is_flag=True, help="Record only; run no transcript and no index.")
@click.option("--token", envvar="CAPTURE_TOKEN", help="A client token instead of a key. Better in CAPTURE_TOKEN.")
@click.option("--session", help="The session a backend made, with --token.")
@click.option("--stream", metavar="URL", envvar="CAPTURE_STREAM", help="An RTSP or RTMP stream instead of a desktop.")
@click.option("--stream-name", default="", metavar="NAME", help="What to call it; default: its host.")
@click.option("--media", multiple=True, type=click.Choice(["video", "audio"]), help="What is in it; default: video.")
@click.option("--clear", is_flag=True, help="Rename what the journal holds to events-<time>.jsonl first.")
@click.option("--detach", is_flag=True, help="Go on in the background; see `capture status`.")
def command(folder: Path | None, config: Path | None, detach: bool, **given: Any) -> None:
    """Capture this desktop until Ctrl-C, SIGTERM or `capture stop`: every event becomes a line in the journal.

    Starts the recorder, the session and the pipelines, keeps them bound through lost connections, and fetches what
    was missed. At the end it stops in order and waits for the video, if one was stored. All files lie in DIR, else in
    VIDEODB_EVENTS_DIR, else in your private state folder.

    \b
    capture start                                        the default devices, nothing stored
    capture start --channels all --store --max-hours 8   everything, with a video
    capture start --token T --session S                  a desktop that never sees the API key
    capture start --stream rtsp://camera.example/live    a camera, on any system
    capture start --detach; capture status; capture stop

    \b
    Exit codes: 0 stopped in order, 2 wrong command line or capture.yaml, 3 the journal is in use, a file cannot be
    written or the network is down, 4 the key is refused or missing, 5 no credits, 6 forbidden, 7 no recorder for this
    system, 8 not permitted by the system, 9 the recorder failed, 10 the session failed, 130 interrupted before it ran
    or while it waited for the video.
    """
    settings = _settings(config, given)
    wish = Wish(
        folder, given["clear"], given["token"], given["session"], given["stream"], given["stream_name"],
        given["media"] or ("video",),
    )  # fmt: skip
    if bool(wish.token) != bool(wish.session):
        raise click.UsageError("--token and --session belong together: both come from the backend")
    if wish.token and wish.stream:
        raise click.UsageError("--stream needs an API key; a client token may only record a desktop")
    if detach:
        _detach(wish)
    else:
        _run(settings, wish)


def _settings(config: Path | None, given: dict[str, Any]) -> Any:
    """Return the file's settings with what the command line overrides. Errors: Failure."""
    from capture.config import ConfigError, load_settings
    from capture.settings import Settings

    path = config or Path(CONFIG_NAME)
    try:
        settings = load_settings(path) if config or path.is_file() else Settings()
    except ConfigError as error:
        raise _failure(str(error), Exit.USAGE) from error
    names = {"user": "end_user_id", "collection": "collection", "primary": "primary", "callback_url": "callback_url"}
    changes: dict[str, Any] = {field: given[name] for name, field in names.items() if given[name]}
    if given["channels"]:
        changes["channels"] = given["channels"]
    if given["store"] is not None:
        changes["store"] = ("all",) if given["store"] else ()
    if given["metadata"]:
        changes["metadata"] = {**settings.metadata, **given["metadata"]}
    if given["max_hours"]:
        changes["limits"] = replace(settings.limits, max_hours=given["max_hours"])
    if given["no_pipelines"]:
        changes["pipelines"] = {}
    return replace(settings, **changes)


def _folder(folder: Path | None) -> Path:
    return (folder or journal_path().parent).absolute()


def _detach(wish: Wish) -> None:
    from capture.detach import DetachedError, detached

    try:
        started = detached(_folder(wish.folder), sys.argv[1:])
    except DetachedError as error:
        raise _failure(str(error), error.code) from error
    except OSError as error:
        raise Failure(str(error)) from error
    click.echo(f"{started.said}\nin the background as process {started.pid}, what it says goes to {started.log}")


def _run(settings: Any, wish: Wish) -> None:
    from capture.journal import Journal, JournalError
    from capture.recorder import require_recorder
    from capture.run import Run, now_ms
    from capture.state import RunState, StateFile
    from capture.stopping import CaptureError
    from capture.timing import timing_from

    folder = _folder(wish.folder)
    run_id = f"run-{secrets.token_hex(4)}"
    try:
        timing = timing_from()
        if not wish.stream:
            require_recorder()
        with _access(wish) as access, Journal.open(folder / JOURNAL_NAME, run=run_id, clear=wish.clear) as journal:
            file = StateFile(folder)
            before = file.load()
            state = RunState(run_id, os.getpid(), now_ms(), str(journal.path))
            state.sessions = before.unfinished if before else []
            _perform(Run(journal, file, state, settings, timing), access, wish)
    except CaptureError as error:
        raise _failure(str(error), _CODES[error.kind]) from error
    except (JournalError, OSError, ValueError) as error:
        raise Failure(str(error)) from error


def _perform(run: Any, access: Any, wish: Wish) -> None:
    from capture.start import Ending, capture
    from capture.stream_session import Address

    address = Address(wish.stream, wish.stream_name, wish.media) if wish.stream else None
    try:
        asyncio.run(_watched(run, capture, access, address))
    except Ending as ending:
        if ending.error is None:
            raise click.Abort from ending
        raise ending.error from None


async def _watched(run: Any, capture: Any, access: Any, address: Any) -> None:
    from capture.live import LiveView

    view = LiveView(lambda: run.snapshot())
    run.say = view.say
    view.say(f"journal {run.journal.path}")
    drawing = asyncio.create_task(view.keep_current())
    try:
        await capture(run, access, address)
    finally:
        drawing.cancel()
        view.close()


@contextmanager
def _access(wish: Wish) -> Iterator[Any]:
    """Give the rights to work with: a client token's, or the key's. A refusal leaves with its own exit code."""
    from capture.access import Access
    from capture.account import Account, base_url, connect
    from capture.calls import CloudError
    from capture.cli.cloud import connected, refusal

    if not wish.token:
        with connected() as (who, connection):
            yield Access(who, connection)
        return
    try:
        who = Account(wish.token, base_url())
        connection = connect(who)
        try:
            yield Access(who, connection, True, wish.session)
        finally:
            connection.session.close()
    except CloudError as error:
        raise refusal(error) from error


def _failure(message: str, code: int) -> Failure:
    failure: Failure = type("CodedFailure", (Failure,), {"exit_code": code})(message)
    return failure
