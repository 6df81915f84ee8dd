"""Golden files: the firings of one replay kept as a regression test for the next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import orjson

from engine.core.decode import event_id
from engine.core.moment import iso_text
from engine.model.errors import ConfigError
from engine.model.match import Firing, Reason
from engine.sink.neutralize import safe_line

__all__ = ["differences", "entries", "load", "save"]

Entry = dict[str, Any]


def entries(firings: Sequence[Firing]) -> list[Entry]:
    """Return what identifies each firing: rule, time, group and evidence."""
    return [
        {
            "rule": firing.match.rule,
            "at": iso_text(firing.match.at_ms),
            "group": firing.match.group,
            "lines": [event.line_no for event in firing.match.events],
            "events": [event_id(event) for event in firing.match.events],
        }
        for firing in firings
        if firing.reason in (None, Reason.QUIET)
    ]


def save(path: str, firings: Sequence[Firing]) -> int:
    """Write the golden file. Returns how many firings it holds."""
    found = entries(firings)
    document = orjson.dumps({"version": 1, "firings": found}, option=orjson.OPT_INDENT_2)
    Path(path).write_bytes(document + b"\n")
    return len(found)


def load(path: str) -> list[Entry]:
    """Read a golden file. Errors: `ConfigError` when it is not one."""
    try:
        document = orjson.loads(Path(path).read_bytes())
        found = document["firings"]
        if not isinstance(found, list) or not all(isinstance(one, dict) and "events" in one for one in found):
            raise TypeError
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is not a golden file; write one with --save-expect {path}") from error
    return found


def differences(expected: Sequence[Entry], firings: Sequence[Firing]) -> list[str]:
    """Return one line a firing that is gone or new; empty when both are the same."""
    wanted = {_key(one): one for one in expected}
    got = {_key(one): one for one in entries(firings)}
    gone = [f"- {_words(one)}" for key, one in wanted.items() if key not in got]
    new = [f"+ {_words(one)}" for key, one in got.items() if key not in wanted]
    return gone + new


def _key(entry: Entry) -> tuple[Any, ...]:
    return entry["rule"], entry["group"], tuple(entry["events"])


def _words(entry: Entry) -> str:
    lines = ", ".join(f"L{line}" for line in entry["lines"])
    group = f" group {entry['group']}" if entry["group"] is not None else ""
    return safe_line(f"{entry['at']}  {entry['rule']}{group}  {lines}")


def report(expected: Sequence[Entry], firings: Sequence[Firing]) -> bool:
    """Print the differences. Returns whether there are none."""
    found = differences(expected, firings)
    for line in found:
        click.echo(f"  {line}")
    click.echo(f"golden file: {len(expected)} firings expected, {len(found)} differences")
    return not found
