"""`engine deliver`: drain the outbox, by hand or as the child of `engine run`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from engine.cli.exits import ExitCode
from engine.cli.settings import Settings, load_settings
from engine.cli.words import duration_option, logs_to_stderr, say
from engine.core.moment import date_text
from engine.model.delivery import DeliveryState
from engine.model.route import Destination
from engine.run.clock import now_ms, zone_offset
from engine.run.courier_lane import MakeSender
from engine.run.courier_serve import serve
from engine.run.deliver import Terms, run_once
from engine.run.senders import sender_maker
from engine.run.summaries import summarist
from engine.store.sqlite import SqliteStore

__all__ = ["command"]

HELP = """Send what waits in the outbox.

`engine run` starts this itself as a child process; by hand it is for a machine where the engine is stopped, or
after `engine outbox retry`:

\b
engine deliver --once               send what is due, wait for retries, stop
engine deliver --once --wait 10m    give a sink that is away more time
engine deliver                      go on until Ctrl-C

Exit codes: 0 all sent, 4 something is left or the state folder cannot be used.
"""


@click.command("deliver", help=HELP, short_help="Send what waits in the outbox.")
@click.option("--state", metavar="DIR", help="The engine's state folder.")
@click.option("--config", metavar="FILE", help="The engine.yaml to use.")
@click.option("--once", is_flag=True, help="Stop when nothing more can be sent; exit 4 when something is left.")
@click.option(
    "--wait", default="60s", metavar="TIME", show_default=True, help="With --once: how long to wait for retries."
)
@click.option("--child", is_flag=True, hidden=True)
def command(state: str | None, config: str | None, once: bool, wait: str, child: bool) -> int:
    """Deliver."""
    limit_ms = duration_option(wait, "--wait")
    settings = load_settings(config, state=state)
    logs_to_stderr(logging.WARNING, settings.config.secrets)
    store = SqliteStore.open(settings.state, role="courier", now_ms=now_ms())
    # A connection of its own: the threads that send ask for summaries while this one works on the outbox.
    memory = SqliteStore.open(settings.state, role="reader", now_ms=now_ms())
    destinations, make = settings.config.destinations, _sender_maker(settings, memory)
    try:
        _load_senders(store, destinations, make)
        if not once:
            return serve(store, destinations, make, now_ms, sys.stdin.fileno() if child else None, _terms(settings))
        counts = run_once(store, destinations, make, now_ms, limit_ms, _terms(settings))
    finally:
        memory.close()
        store.close()
    say(f"{counts.sent} sent" + (f", {counts.dead} to the dead letter" if counts.dead else "")
        + (f", {counts.left} still waiting" if counts.left else ""))  # fmt: skip
    if counts.dead or counts.left:
        say("`engine outbox list` shows why; `engine outbox retry` tries again")
        return ExitCode.DEGRADED
    return ExitCode.OK


def _sender_maker(settings: Settings, memory: SqliteStore) -> MakeSender:
    config = settings.config
    offset_min = zone_offset(config.zone)
    sums = summarist(
        config.summaries,
        memory.summaries,
        now_ms,
        lambda at_ms: date_text(at_ms, offset_min("local", at_ms)),
        config.secrets,
    )
    return sender_maker(Path(settings.output), zone=config.zone, summarist=sums)


def _load_senders(store: SqliteStore, destinations: Mapping[str, Destination], make: MakeSender) -> None:
    """Load what the waiting messages need before one of them counts as being sent.

    apprise takes up to a second; a death in that time would count against the message, and three give it up.
    """
    waiting = store.outbox((DeliveryState.PENDING, DeliveryState.SENDING))
    for name in {row.notification.destination for row in waiting} & set(destinations):
        make(destinations[name])


def _terms(settings: Settings) -> Terms:
    privacy, limits = settings.config.privacy, settings.config.limits
    return Terms(privacy.keep_sent_ms, privacy.keep_dead_ms, limits.pending)
