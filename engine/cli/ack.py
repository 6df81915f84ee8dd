"""`engine ack`: which incidents are open, and saying that somebody has taken one on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from engine.cli.asking import ask, opened
from engine.cli.document import write
from engine.cli.exits import ExitCode
from engine.cli.known_rules import known_rules, names_in
from engine.cli.open_states import OpenIncident, open_incidents
from engine.cli.settings import Settings, load_settings
from engine.cli.words import plural, say
from engine.core.decision import age_text
from engine.core.moment import clock_text, iso_text
from engine.model.request import Request
from engine.model.status import Status
from engine.rulebook.scalars import nearest
from engine.run.clock import now_ms, zone_offset
from engine.sink.neutralize import safe_line
from engine.store.sqlite import SqliteStore

__all__ = ["command"]

HELP = """Say that somebody has taken an incident on: nobody else is called for it.

\b
engine ack                                   which incidents are open
engine ack recorder-down                     all of this rule
engine ack repeated-errors --group display:1 one group of it

An incident that can end by itself stays open until it does, and then tells those who were told of it; one that
nothing else could end is over with this. Works whether or not `engine run` runs.

Exit codes: 0 asked or listed, 2 unknown rule or group, 3 nothing is open, 4 the state folder cannot be used.
"""


@click.command("ack", help=HELP, short_help="List open incidents, or take one on.")
@click.argument("rule", required=False, metavar="[RULE]")
@click.option("--group", metavar="G", help="Only the incident of this group (`engine ack` lists them).")
@click.option("--rules", multiple=True, metavar="PATH", help="Rule file or folder, again for more (default ./rules).")
@click.option("--state", metavar="DIR", help="The engine's state folder.")
@click.option("--config", metavar="FILE", help="The engine.yaml to use.")
@click.option("--json", "as_json", is_flag=True, help="List as one JSON document.")
def command(
    rule: str | None, group: str | None, rules: tuple[str, ...], state: str | None, config: str | None, as_json: bool
) -> int:
    """Acknowledge incidents."""
    if rule is None and group is not None:
        raise click.UsageError("--group goes with a rule: engine ack RULE --group G")
    if rule is not None and as_json:
        raise click.UsageError("--json lists open incidents; it does not go with a rule")
    settings = load_settings(config, rules, state=state)
    with opened(settings.state) as store:
        found = open_incidents(store.load().states)
        if rule is None:
            return _list(settings, store.status(), found, as_json)
        return _ack(store, settings, rule, group, found)


def _list(settings: Settings, status: Status, found: Sequence[OpenIncident], as_json: bool) -> int:
    now = now_ms()
    if as_json:
        click.echo(write({"version": 1, "running": bool(status.holder), "open": [_document(one) for one in found]}),
                   nl=False)  # fmt: skip
        return ExitCode.OK
    if not found:
        say("no incident is open")
        return ExitCode.NOTHING
    offsets = zone_offset(settings.config.zone)
    for one in found:
        group = f"  group {safe_line(one.group, 60)}" if one.group is not None else ""
        acked = ""
        if one.acked_ms is not None:
            acked = f"  acknowledged {clock_text(one.acked_ms, offsets('local', one.acked_ms))}"
        click.echo(f"{one.rule}{group}  open since {clock_text(one.since_ms, offsets('local', one.since_ms))}"
                   f" ({age_text(now, one.since_ms)}){acked}")  # fmt: skip
        click.echo(f"    {safe_line(one.title, 160)}")
    return ExitCode.OK


def _ack(store: SqliteStore, settings: Settings, name: str, group: str | None, found: Sequence[OpenIncident]) -> int:
    status = store.status()
    rule = known_rules(settings, names_in(store.load().states, status.counters)).find(name)
    own = [one for one in found if one.rule == name]
    if group is not None:
        groups = [one.group or "" for one in own]
        if groups and group not in groups:
            close = nearest(group, groups)
            hint = f"did you mean {close!r}?" if close else f"open: {', '.join(safe_line(one, 60) for one in groups)}"
            raise click.UsageError(f"no incident of {name} is open for the group {group!r}; {hint}")
        own = [one for one in own if (one.group or "") == group]
    if not own:
        is_able = rule is None or rule.incident is not None
        why = "" if is_able else " (it has no escalate, until or resolve, so it never opens one)"
        say(f"{name}: no incident is open{why}; nothing to acknowledge")
        return ExitCode.NOTHING
    fresh = sum(one.acked_ms is None for one in own)
    again = "" if fresh else ", acknowledged before"
    words = f"{name}: acknowledging {plural(len(own), 'open incident')}{again}; nobody else is called for it"
    ask(store, Request("ack", name, now_ms(), group), words, status.holder)
    return ExitCode.OK


def _document(one: OpenIncident) -> dict[str, Any]:
    return {
        "rule": one.rule,
        "group": one.group,
        "since": iso_text(one.since_ms),
        "acked": None if one.acked_ms is None else iso_text(one.acked_ms),
        "title": one.title,
    }
