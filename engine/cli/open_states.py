"""What rules hold open, read from the stored states alone: no rule file is needed, so it is there at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from engine.core import digest, incident
from engine.core.shelf import unpack
from engine.model.checkpoint import StateKey

__all__ = ["Held", "OpenIncident", "held_by_rule", "open_incidents"]

_SEP = "\x1f"


class OpenIncident(NamedTuple):
    """One open incident as an operator names it. Units: `since_ms` is where it began, `acked_ms` None before."""

    rule: str
    group: str | None
    since_ms: int
    acked_ms: int | None
    title: str


@dataclass(slots=True)
class Held:
    """What one rule holds: open incidents, items collected for a digest, a snooze. Units: epoch ms."""

    incidents: int = 0
    collected: int = 0
    snoozed_ms: int | None = None


def open_incidents(states: Mapping[StateKey, bytes]) -> list[OpenIncident]:
    """Return the open incidents, the oldest first."""
    found = []
    for (owner, group), blob in states.items():
        if owner.endswith(":incident"):
            one = incident.load(blob)
            if one.firing:
                name = owner.partition("#")[0]
                found.append(OpenIncident(name, group or None, one.since_ms, one.acked_ms, one.title))
    return sorted(found, key=lambda one: (one.since_ms, one.rule, one.group or ""))


def held_by_rule(states: Mapping[StateKey, bytes], now_ms: int) -> dict[str, Held]:
    """Return what rules hold, by name, in order of the name."""
    rules: dict[str, Held] = {}
    for one in open_incidents(states):
        rules.setdefault(one.rule, Held()).incidents += 1
    for (owner, key), blob in states.items():
        name, _, suffix = owner.rpartition(":")
        # Beside the head of a digest, whose key ends here, lie its items, whose keys end in their number.
        if suffix == "digest" and key.endswith(_SEP) and (size := digest.load(blob).size):
            rules.setdefault(name.partition("#")[0], Held()).collected += size
        elif suffix == "snooze" and (until_ms := int(unpack(blob))) > now_ms:
            rules.setdefault(name.partition("#")[0], Held()).snoozed_ms = until_ms
    return dict(sorted(rules.items()))
