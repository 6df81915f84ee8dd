"""Golden files: the firings of one replay kept as a regression test for the next, and how two replays differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import orjson

from engine.core.decode import event_id
from engine.core.moment import iso_text
from engine.model.errors import ConfigError
from engine.model.match import Firing, Reason
from engine.sink.neutralize import safe_line

__all__ = ["Difference", "Entry", "difference", "entries", "entry_words", "identity", "load", "messages", "save"]

Entry = dict[str, Any]
T = TypeVar("T")
# 1 knew no kinds: every firing was of kind "fired".
VERSION = 2


@dataclass(frozen=True, slots=True)
class Difference(Generic[T]):
    """What only the one side has, and what only the other has, each in order of time."""

    gone: list[T]
    new: list[T]

    @property
    def size(self) -> int:
        """How many differ."""
        return len(self.gone) + len(self.new)


def messages(firings: Sequence[Firing]) -> list[Firing]:
    """Return the firings that became messages, at once or after `quiet`, in one order whatever the engine's own."""
    told = [firing for firing in firings if firing.reason in (None, Reason.QUIET)]
    return sorted(told, key=lambda firing: _order(_entry(firing)))


def entries(firings: Sequence[Firing]) -> list[Entry]:
    """Return what identifies each message: rule, kind, time, group and evidence. Shape: as in `messages`."""
    return [_entry(firing) for firing in messages(firings)]


def _entry(firing: Firing) -> Entry:
    match = firing.match
    return {
        "rule": match.rule,
        "kind": firing.kind,
        "at": iso_text(match.at_ms),
        "group": match.group,
        "lines": [event.line_no for event in match.events],
        "events": [event_id(event) for event in match.events],
    }


def _order(entry: Entry) -> tuple[Any, ...]:
    return entry["at"], entry["rule"], entry["kind"], entry["group"] or "", entry["lines"], entry["events"]


def save(path: str, firings: Sequence[Firing]) -> int:
    """Write the golden file. Returns how many firings it holds."""
    found = entries(firings)
    document = orjson.dumps({"version": VERSION, "firings": found}, option=orjson.OPT_INDENT_2)
    Path(path).write_bytes(document + b"\n")
    return len(found)


def load(path: str) -> list[Entry]:
    """Read a golden file. Errors: `ConfigError` when it is not one."""
    try:
        document = orjson.loads(Path(path).read_bytes())
        found = [_read(one) for one in document["firings"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path} is not a golden file; write one with --save-expect {path}") from error
    return found


def _read(one: Entry) -> Entry:
    lines, events = one["lines"], one["events"]
    if not isinstance(lines, list) or not isinstance(events, list) or not isinstance(one["at"], str):
        raise TypeError
    group = one["group"]
    return {
        "rule": str(one["rule"]), "kind": str(one.get("kind", "fired")), "at": one["at"],
        "group": None if group is None else str(group), "lines": lines, "events": [str(event) for event in events],
    }  # fmt: skip


def identity(entry: Entry) -> Hashable:
    """Return what makes two entries the same one. Lines may move; what was said may not."""
    return entry["rule"], entry["kind"], entry["at"], entry["group"], tuple(entry["events"])


def difference(before: Sequence[T], after: Sequence[T], key: Callable[[T], Hashable]) -> Difference[T]:
    """Return what is only before and what is only after; two alike count as two."""
    return Difference(_left(before, after, key), _left(after, before, key))


def _left(these: Sequence[T], others: Sequence[T], key: Callable[[T], Hashable]) -> list[T]:
    known = Counter(map(key, others))
    found = []
    for one in these:
        if known[key(one)]:
            known[key(one)] -= 1
        else:
            found.append(one)
    return found


def entry_words(entry: Entry) -> str:
    """Return an entry as one line: `2026-03-02T09:05:05.000Z  slack group a  L311, L298`."""
    lines = ", ".join(f"L{line}" for line in entry["lines"][:8]) + (" ..." if len(entry["lines"]) > 8 else "")
    group = f" group {entry['group']}" if entry["group"] is not None else ""
    kind = f" {entry['kind']}" if entry["kind"] != "fired" else ""
    return safe_line(f"{entry['at']}  {entry['rule']}{kind}{group}  {lines}")
