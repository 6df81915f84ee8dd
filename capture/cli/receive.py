"""`capture receive`: webhooks from behind the user's own tunnel into a journal."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from capture.cli.exits import Failure
from capture.journal import Journal, JournalError, Sync
from capture.paths import journal_path

__all__ = ["command"]

JOURNAL_NAME = "videodb_webhooks.jsonl"
BEARER = "CAPTURE_INIT_TOKEN"
_BEARER_LENGTH = 32
_EXPIRES_S = 12 * 3600


def _public_url(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or parts.query or (parts.scheme != "https" and not (local and parts.scheme == "http")):
        raise click.BadParameter("must be like https://hooks.example.com")
    return value.rstrip("/")


@click.command(name="receive")
@click.option("--port", type=click.IntRange(0, 65535), default=5002, show_default=True, help="0 takes a free one.")
@click.option("--public-url", callback=_public_url, metavar="URL", help="Where your tunnel makes this port reachable.")
@click.option("--to", type=click.Path(path_type=Path, dir_okay=False), help="The journal to write to.")
@click.option("--new-urls", is_flag=True, help="Make the addresses given out before worthless.")
@click.option("--init-session", is_flag=True, help=f"Also start sessions for desktops that know {BEARER}.")
def command(port: int, public_url: str | None, to: Path | None, new_urls: bool, init_session: bool) -> None:
    """Take VideoDB's webhooks into a journal, each on the disk before it is answered.

    Listens on 127.0.0.1 only: make it reachable by a tunnel or proxy of your own, and say with --public-url where.
    Prints two addresses: CALLBACK_URL for `create_capture_session(callback_url=...)`, ALERT_URL for
    `create_alert(event_id, callback_url=...)` with the stream's id and the alert's label put in. They are the only
    secret: webhooks are not signed. They stay valid over restarts until --new-urls.

    The journal is videodb_webhooks.jsonl beside the default one. What the listener's journal has already is not
    written again; an event that comes twice is written once. Let the engine read both:

    \b
    capture receive --public-url https://hooks.example.com
    engine run --events videodb_events.jsonl --events videodb_webhooks.jsonl

    With --init-session a desktop without a key can POST /init-session with the header `Authorization: Bearer ...`
    and gets {session_id, token}. Put at least 32 random characters into CAPTURE_INIT_TOKEN.

    \b
    Exit codes: 0 ended by SIGTERM or Ctrl-C, 3 the port or the journal is in use, 4 no key for --init-session.
    """
    from capture.receive import Receiver, receive, webhook_token

    journal = to or journal_path().with_name(JOURNAL_NAME)
    heard = journal_path()
    if init_session and not public_url:
        raise click.UsageError("--init-session needs --public-url, where VideoDB reaches this program")
    with ExitStack() as stack:
        try:
            spool = stack.enter_context(Journal.open(journal, run=f"receive-{secrets.token_hex(4)}", sync=Sync.EACH))
            token = webhook_token(journal.parent, renew=new_urls)
            receiver = Receiver(
                spool, token, heard=None if _same(heard, journal) else heard, bearer=_bearer() if init_session else "",
                init_session=_sessions(stack, f"{public_url}/v1/{token}/session") if init_session else None,
            )  # fmt: skip

            def ready(taken: int) -> None:
                base = f"{public_url or f'http://127.0.0.1:{taken}'}/v1/{token}"
                click.echo(f"CALLBACK_URL={base}/session\nALERT_URL={base}/alert/RTSTREAM_ID/LABEL")
                click.echo(f"{time.strftime('%H:%M:%S')} port {taken}, writing to {journal}", err=True)

            asyncio.run(receive(receiver, port, ready))
        except (JournalError, OSError) as error:
            raise Failure(str(error)) from error
    click.echo(f"{receiver.written} written, {receiver.duplicates} had come before", err=True)


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _bearer() -> str:
    bearer = os.environ.get(BEARER, "")
    if len(bearer) < _BEARER_LENGTH:
        raise Failure(
            f"put at least {_BEARER_LENGTH} random characters into {BEARER}, for instance: openssl rand -hex 32"
        )
    return bearer


def _sessions(stack: ExitStack, callback_url: str) -> Any:
    """Return what makes sessions. The desktop gets no callback address: it needs none, and whoever has it may write."""
    from capture.calls import call
    from capture.cli.cloud import connected

    _, connection = stack.enter_context(connected())

    async def init_session(asked: Mapping[str, Any]) -> dict[str, Any]:
        user, metadata = asked.get("end_user_id"), asked.get("metadata", {})
        if not isinstance(user, str) or not user or not isinstance(metadata, dict):
            raise ValueError("end_user_id must be a text, metadata an object")
        session = await call(
            connection.create_capture_session, user, callback_url=callback_url, metadata=metadata, timeout_s=20
        )
        token = await call(connection.generate_client_token, _EXPIRES_S, timeout_s=20)
        return {"session_id": session.id, "token": token, "expires_in": _EXPIRES_S}

    return init_session
