"""What an edit of the rules keeps: state survives as long as the matching part of its rule is the same."""

from __future__ import annotations

from dataclasses import dataclass

from engine.core.compile import fingerprint
from engine.model.rule import Rulebook

__all__ = ["Diff", "carry", "fingerprint"]


@dataclass(frozen=True, slots=True)
class Diff:
    """Rule names by what happens to their state. Shape: in the order of the new book; `removed` in that of the old."""

    kept: tuple[str, ...] = ()
    reset: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def carry(old: Rulebook, new: Rulebook) -> Diff:
    """Return which rules keep their state and which begin anew after `old` was replaced by `new`.

    Editing message, destination or a gate keeps it; editing what matches or how events are grouped does not.
    Source: the same fingerprint that names the states of a running rule.
    """
    before = {rule.name: fingerprint(rule) for rule in old.rules}
    after = {rule.name: fingerprint(rule) for rule in new.rules}
    return Diff(
        kept=tuple(name for name in after if before.get(name) == after[name]),
        reset=tuple(name for name in after if name in before and before[name] != after[name]),
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
    )
