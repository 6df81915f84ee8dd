"""`engine outbox`: what waits, what went out, what never could, and what to do about it."""

from __future__ import annotations

from typing import Any

import click

from engine.cli.document import write
from engine.cli.exits import ExitCode
from engine.cli.settings import load_settings
from engine.cli.words import plural, say
from engine.core.moment import duration_text, iso_text
from engine.model.delivery import Delivery, DeliveryState
from engine.run.clock import now_ms
from engine.sink.neutralize import safe_line
from engine.store.sqlite import SqliteStore

__all__ = ["command"]

STATES = [state.value for state in DeliveryState]
state_option = click.option("--state", "folder", metavar="DIR", help="The engine's state folder.")
config_option = click.option("--config", metavar="FILE", help="The engine.yaml to use.")


@click.group("outbox", short_help="List, show, retry or drop messages.")
def command() -> None:
    """List, show, retry or drop messages.

    Every message is a row here before it is sent. A row that can never be delivered (a refused address, a wrong
    token) ends as `dead` and waits for you:

    \b
    engine outbox list --only dead
    engine outbox show 17
    engine outbox retry 17            or: retry --all
    engine outbox drop 17
    """


def _open(folder: str | None, config: str | None) -> SqliteStore:
    return SqliteStore.open(load_settings(config, state=folder).state, role="reader", now_ms=now_ms())


@command.command("list")
@state_option
@config_option
@click.option("--only", type=click.Choice(STATES), multiple=True, help="Rows in this state, again for more.")
@click.option("--to", metavar="DEST", help="Rows for this destination.")
@click.option("--most", default=50, show_default=True, metavar="N")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_rows(
    folder: str | None, config: str | None, only: tuple[str, ...], to: str | None, most: int, as_json: bool
) -> int:
    """List rows, newest first.

    \b
    engine outbox list --only dead --only pending
    engine outbox list --to team --json
    """
    store = _open(folder, config)
    try:
        rows = store.outbox([DeliveryState(state) for state in only], to, most)
    finally:
        store.close()
    if as_json:
        click.echo(write({"version": 1, "rows": [_document(row) for row in rows]}), nl=False)
        return ExitCode.OK
    if not rows:
        say("no such rows")
    for row in rows:
        note = row.notification
        click.echo(f"{row.id:>6}  {row.state:<7}  {note.destination:<14}  {note.rule:<24}  {_when(row)}")
        if row.last_error:
            click.echo(f"        {safe_line(row.last_error, 160)}")
    return ExitCode.OK


@command.command("show")
@click.argument("number", type=int)
@state_option
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def show(number: int, folder: str | None, config: str | None, as_json: bool) -> int:
    """Show one row with its whole message: engine outbox show 17."""
    store = _open(folder, config)
    try:
        row = store.row(number)
    finally:
        store.close()
    if row is None:
        raise click.UsageError(f"no row {number}; `engine outbox list` shows them")
    if as_json:
        click.echo(write({"version": 1, **_document(row)}), nl=False)
        return ExitCode.OK
    note = row.notification
    click.echo(f"row {row.id}: {row.state}, {plural(row.tries, 'try' if row.tries == 1 else 'trie')}, {_when(row)}")
    click.echo(f"to {note.destination}, from rule {note.rule}, fired {iso_text(note.at_ms)}, severity {note.severity}")
    if row.last_error:
        click.echo(f"last error: {safe_line(row.last_error, 400)}")
    click.echo(f"\n{safe_line(note.title)}")
    for line in note.body.split("\n"):
        click.echo(safe_line(line, 2000))
    return ExitCode.OK


@command.command("retry")
@click.argument("numbers", type=int, nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every dead row.")
@state_option
@config_option
def retry(numbers: tuple[int, ...], every: bool, folder: str | None, config: str | None) -> int:
    """Put dead rows back: they are due now."""
    store = _open(folder, config)
    try:
        moved = store.retry(_chosen(store, numbers, every, (DeliveryState.DEAD,)), now_ms())
    finally:
        store.close()
    say(f"{plural(moved, 'row')} due now; a running engine sends them, else `engine deliver --once`")
    return ExitCode.OK if moved else ExitCode.NOTHING


@command.command("drop")
@click.argument("numbers", type=int, nargs=-1)
@click.option("--all-dead", "every", is_flag=True, help="Every dead row.")
@state_option
@config_option
def drop(numbers: tuple[int, ...], every: bool, folder: str | None, config: str | None) -> int:
    """Forget rows for good.

    They are never sent, not even when the same lines are read again.
    """
    store = _open(folder, config)
    try:
        gone = store.drop(_chosen(store, numbers, every, (DeliveryState.DEAD,)))
    finally:
        store.close()
    say(f"{plural(gone, 'row')} dropped")
    return ExitCode.OK if gone else ExitCode.NOTHING


def _chosen(store: SqliteStore, numbers: tuple[int, ...], every: bool, states: tuple[DeliveryState, ...]) -> list[int]:
    if not numbers and not every:
        raise click.UsageError("name rows by number, or say all of them; `engine outbox list` shows them")
    return [row.id for row in store.outbox(states, None, 100_000)] if every else list(numbers)


def _when(row: Delivery) -> str:
    now = now_ms()
    age = duration_text(max(0, now - row.created_ms) // 1000 * 1000)
    if row.state is DeliveryState.PENDING and row.due_ms > now:
        return f"{age} old, next try in {duration_text((row.due_ms - now) // 1000 * 1000)}"
    return f"{age} old"


def _document(row: Delivery) -> dict[str, Any]:
    note = row.notification
    return {
        "id": row.id, "state": row.state.value, "destination": note.destination, "rule": note.rule,
        "group": note.group, "firing": note.firing, "key": note.key, "severity": note.severity,
        "at": iso_text(note.at_ms), "created": iso_text(row.created_ms), "due": iso_text(row.due_ms),
        "tries": row.tries, "crashes": row.crashes, "last_error": row.last_error,
        "title": note.title, "body": note.body,
    }  # fmt: skip
