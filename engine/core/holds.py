"""When a rule may speak at all: not while it is snoozed or in its quiet hours, nor once it is switched off."""

from __future__ import annotations

from collections.abc import Callable

from engine.core.compile import Program
from engine.core.hours import covers, end_of_span_ms
from engine.core.shelf import Shelf, pack, unpack
from engine.model.checkpoint import StateKey
from engine.model.rule import Rule

__all__ = ["SUFFIX", "Holds", "is_off"]

SUFFIX = ":snooze"
VERSION = 1
_ALL = ""


class Holds:
    """The snoozes of rules, one an owner, beside their quiet hours. Shape: `shelf` has the end of each snooze."""

    def __init__(self, program: Program, zone_offset: Callable[[str, int], int], most: int) -> None:
        self._owners = frozenset(compiled.owner for compiled in program.rules)
        self._zone_offset = zone_offset
        self.shelf: Shelf[int] = Shelf(SUFFIX, 0, lambda until_ms: pack(VERSION, until_ms), most)

    def restore(self, states: dict[StateKey, bytes]) -> None:
        """Go on from what the store has."""
        for (owner, group), blob in states.items():
            if owner.endswith(SUFFIX) and owner.removesuffix(SUFFIX) in self._owners:
                self.shelf.restore(owner.removesuffix(SUFFIX), group, int(unpack(blob)))

    def until_ms(self, owner: str) -> int:
        """Return when the snooze ends that was asked for last, 0 if that is done with."""
        return self.shelf.get(owner, _ALL)

    def snooze(self, owner: str, until_ms: int) -> None:
        """Let a rule be silent until then; 0 forgets the snooze."""
        self.shelf.put(owner, _ALL, until_ms)

    def snooze_end(self, owner: str, at_ms: int) -> int | None:
        """Return when the snooze around an instant ends, None outside one."""
        until_ms = self.until_ms(owner)
        return until_ms if at_ms < until_ms else None

    def quiet_offset(self, rule: Rule, at_ms: int) -> int:
        """Return the offset of the zone in which the rule's quiet hours are meant."""
        quiet = rule.gates.quiet
        return self._zone_offset(quiet.zone, at_ms) if quiet is not None else 0

    def quiet_end(self, rule: Rule, at_ms: int) -> int | None:
        """Return when the quiet hours around an instant end, None outside them and for critical rules."""
        quiet, offset_min = rule.gates.quiet, self.quiet_offset(rule, at_ms)
        if quiet is None or rule.severity == "critical" or not covers(quiet, at_ms, offset_min):
            return None
        return end_of_span_ms(quiet, at_ms, offset_min)

    def end(self, owner: str, rule: Rule, at_ms: int) -> int | None:
        """Return when to ask again whether the rule may speak, None if it may at that instant."""
        return self.snooze_end(owner, at_ms) or self.quiet_end(rule, at_ms)


def is_off(rule: Rule, at_ms: int) -> bool:
    """Tell whether the rule is switched off by hand or by date."""
    return not rule.gates.enabled or (rule.gates.expires_ms is not None and at_ms >= rule.gates.expires_ms)
