"""`engine status`: what is read, what fired, what waits, what went wrong."""

from __future__ import annotations

from typing import Any

import click
import orjson

from engine.cli.document import write
from engine.cli.exits import ExitCode
from engine.cli.settings import load_settings
from engine.cli.words import plural, styled
from engine.core.moment import duration_text, iso_text
from engine.core.streams import StreamClock
from engine.model.checkpoint import StateKey
from engine.model.status import Status
from engine.run.clock import now_ms
from engine.sink.neutralize import safe_line
from engine.store.sqlite import SqliteStore

__all__ = ["command"]

HELP = """Show how the engine is doing: logs read, rules fired, messages waiting, lines that could not be read.

\b
engine status
engine status --json | jq .outbox

Works while `engine run` runs, and after it stopped.
"""


@click.command("status", help=HELP, short_help="Show how the engine is doing.")
@click.option("--state", metavar="DIR", help="The engine's state folder.")
@click.option("--config", metavar="FILE", help="The engine.yaml to use.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def command(state: str | None, config: str | None, as_json: bool) -> int:
    """Show the status."""
    settings = load_settings(config, state=state)
    folder = settings.state
    store = SqliteStore.open(folder, role="reader", now_ms=now_ms())
    try:
        status = store.status()
        clocks = stream_clocks(store.load().states)
    finally:
        store.close()
    if as_json:
        click.echo(write(_document(status, clocks)), nl=False)
    else:
        click.echo(f"state   {folder}")
        click.echo(f"output  {settings.output}")
        _print(status, clocks)
    return ExitCode.OK


def stream_clocks(states: dict[StateKey, bytes]) -> dict[str, str]:
    """Return which clock each stream was found to run on."""
    blob = states.get(("intake", "clocks"))
    return {} if blob is None else {name: StreamClock.load(dumped).name for name, dumped in orjson.loads(blob).items()}


def rules_of(counters: dict[str, int]) -> dict[str, dict[str, int]]:
    """Return the counts of each rule: fired, and held by each gate."""
    rules: dict[str, dict[str, int]] = {}
    for name, count in counters.items():
        if name.startswith("rule."):
            rule, _, what = name[5:].rpartition(".")
            rules.setdefault(rule, {})[what] = count
    return rules


def _print(status: Status, clocks: dict[str, str]) -> None:
    now = now_ms()
    click.echo(
        f"engine  {status.holder or 'not running'}"
        + ("" if status.clean or status.holder else "; it did not stop in order")
    )
    if status.last_commit_ms is not None:
        click.echo(f"        last saved {_ago(now, status.last_commit_ms)}")
    click.echo("logs")
    for source in status.sources:
        click.echo(f"        {safe_line(source.path)}  line {source.line_no:,}, byte {source.offset:,}, "
                   f"{source.status}, written {_ago(now, source.seen_ms)}")  # fmt: skip
    for stream, clock in clocks.items():
        click.echo(f"        stream {safe_line(stream, 60) or '(unnamed)'} runs on its {clock} clock")
    _print_rules(status)
    _print_outbox(status, now)
    _print_bad(status)


def _print_rules(status: Status) -> None:
    rules = rules_of(status.counters)
    if rules:
        click.echo("rules")
    for rule, counts in sorted(rules.items()):
        held = ", ".join(f"{count} held by {what}" for what, count in counts.items() if what != "fired")
        click.echo(f"        {rule}  {plural(counts.get('fired', 0), 'firing')}" + (f", {held}" if held else ""))
    for name, count in sorted(status.counters.items()):
        if name.startswith("coercion."):
            rule, _, kind = name[9:].rpartition(".")
            click.echo(f"        {rule}  {plural(count, 'value')} of the wrong type in its filter ({kind})")


def _print_outbox(status: Status, now: int) -> None:
    if status.outbox:
        click.echo("outbox")
    for count in status.outbox:
        waiting = f"{count.pending} waiting" if count.pending else "nothing waiting"
        oldest = f" (oldest {_ago(now, count.oldest_pending_ms)})" if count.oldest_pending_ms is not None else ""
        dead = styled(f", {count.dead} dead", "red") if count.dead else ""
        click.echo(f"        {count.destination}  {count.sent} sent, {waiting}{oldest}{dead}", color=True)
        if count.last_error:
            click.echo(f"          last error: {safe_line(count.last_error, 160)}")


def _print_bad(status: Status) -> None:
    bad = status.counters.get("lines.bad", 0)
    repeated = status.counters.get("events.repeated", 0)
    if repeated:
        click.echo(f"dropped {plural(repeated, 'event')} that had been seen before")
    if bad:
        click.echo(f"bad lines  {bad}, the newest:")
        for line in status.bad_lines[:5]:
            click.echo(f"        {safe_line(line.path)}:{line.line_no}  {safe_line(line.reason, 80)}  "
                       f"{safe_line(line.head.decode('utf-8', 'replace'), 80)}")  # fmt: skip
    for gap in status.gaps[:5]:
        click.echo(f"gap     {safe_line(gap.path)} at byte {gap.offset:,}: {safe_line(gap.reason, 120)}")


def _ago(now: int, at_ms: int) -> str:
    return f"{duration_text(max(0, now - at_ms) // 1000 * 1000)} ago"


def _document(status: Status, clocks: dict[str, str]) -> dict[str, Any]:
    return {
        "version": 1,
        "running": bool(status.holder),
        "holder": status.holder,
        "clean": status.clean,
        "last_commit": None if status.last_commit_ms is None else iso_text(status.last_commit_ms),
        "logs": [
            {"path": one.path, "log": one.log, "offset": one.offset, "line": one.line_no, "status": one.status}
            for one in status.sources
        ],
        "streams": clocks,
        "rules": rules_of(status.counters),
        "outbox": [
            {"destination": one.destination, "pending": one.pending, "sent": one.sent, "dead": one.dead,
             "last_error": one.last_error}
            for one in status.outbox
        ],
        "bad_lines": [
            {"path": one.path, "line": one.line_no, "offset": one.position.offset, "reason": one.reason,
             "length": one.length, "head": one.head.decode("utf-8", "replace")}
            for one in status.bad_lines
        ],
        "gaps": [{"path": one.path, "offset": one.offset, "length": one.length, "reason": one.reason}
                 for one in status.gaps],
        "counters": dict(sorted(status.counters.items())),
    }  # fmt: skip
