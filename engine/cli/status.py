"""`engine status`: what is read, what fired, what waits, what went wrong; and how one rule is doing."""

from __future__ import annotations

from typing import Any

import click
import orjson

from engine.cli.asking import opened
from engine.cli.counted import count_words
from engine.cli.document import write
from engine.cli.exits import ExitCode
from engine.cli.open_states import Held, held_by_rule
from engine.cli.settings import Settings, load_settings
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
engine status slack-on-screen      why did it fire, or not: state, counts, last decisions

Works while `engine run` runs, and after it stopped.
"""


@click.command("status", help=HELP, short_help="Show how the engine, or one rule, is doing.")
@click.argument("rule", required=False, metavar="[RULE]")
@click.option("--rules", multiple=True, metavar="PATH", help="With RULE: where its file is (default ./rules).")
@click.option("--state", metavar="DIR", help="The engine's state folder.")
@click.option("--config", metavar="FILE", help="The engine.yaml to use.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def command(rule: str | None, rules: tuple[str, ...], state: str | None, config: str | None, as_json: bool) -> int:
    """Show the status."""
    if rules and rule is None:
        raise click.UsageError("--rules goes with a rule: engine status RULE --rules PATH")
    settings = load_settings(config, rules, state=state)
    with opened(settings.state) as store:
        if rule is not None:
            return _one_rule(store, settings, rule, as_json)
        status, states = store.status(), store.load().states
    clocks, held = stream_clocks(states), held_by_rule(states, now_ms())
    if as_json:
        click.echo(write(_document(status, clocks, held)), nl=False)
    else:
        click.echo(f"state   {settings.state}")
        click.echo(f"output  {settings.output}")
        _print(status, clocks, held)
    return ExitCode.OK


def _one_rule(store: SqliteStore, settings: Settings, name: str, as_json: bool) -> int:
    # Only this needs the rule language, whose reading and compiling cost 70 ms.
    from engine.cli.rule_status import print_rule_status, rule_document, rule_status

    found = rule_status(store, settings, name)
    if as_json:
        click.echo(write(rule_document(found, settings)), nl=False)
    else:
        print_rule_status(found, settings)
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


def _print(status: Status, clocks: dict[str, str], held: dict[str, Held]) -> None:
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
    _print_rules(status, held, now)
    _print_outbox(status, now)
    _print_bad(status)


def _print_rules(status: Status, held: dict[str, Held], now: int) -> None:
    rules = rules_of(status.counters)
    names = sorted({*rules, *held})
    if names:
        click.echo("rules")
    for name in names:
        click.echo(f"        {name}  {count_words(rules.get(name, {}))}{_held_words(held.get(name), now)}")
        if "broken" in rules.get(name, {}):
            click.echo(styled(f"          a fault switched it off; see `engine status {name}`", "red"), color=True)
    for name, count in sorted(status.counters.items()):
        if name.startswith("coercion."):
            rule, _, kind = name[9:].rpartition(".")
            click.echo(f"        {rule}  {plural(count, 'value')} of the wrong type in its filter ({kind})")


def _held_words(held: Held | None, now: int) -> str:
    """Return the column of what a rule holds open: incidents, items of a digest, a snooze."""
    if held is None:
        return ""
    parts = [f"{plural(held.incidents, 'incident')} open"] if held.incidents else []
    parts += [f"{held.collected:,} collected"] if held.collected else []
    if held.snoozed_ms is not None and held.snoozed_ms > now:
        parts.append(f"snoozed for {duration_text((held.snoozed_ms - now) // 1000 * 1000)}")
    return f"  [{', '.join(parts)}]" if parts else ""


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


def _document(status: Status, clocks: dict[str, str], held: dict[str, Held]) -> dict[str, Any]:
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
        "held": {
            name: {"incidents": one.incidents, "collected": one.collected,
                   "snoozed_until": None if one.snoozed_ms is None else iso_text(one.snoozed_ms)}
            for name, one in held.items()
        },
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
