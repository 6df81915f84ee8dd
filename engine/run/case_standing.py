"""What is still remembered of a rule when a test ends, in numbers: `state` of `expect`.

Read from what a store would hold, so that a test sees what survives a restart and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.core import digest, gates, incident
from engine.core.compile import Program
from engine.core.digests import SUFFIX as DIGEST
from engine.core.incidents import SUFFIX as INCIDENT
from engine.core.windows import SUFFIX as WINDOW
from engine.model.checkpoint import StateKey
from engine.model.rule import Rule

__all__ = ["standing_of"]


def standing_of(program: Program, rule: Rule, states: dict[StateKey, bytes]) -> dict[str, int]:
    """Return how many incidents are open, windows in progress, items collected, messages waiting for quiet to end."""
    owner = program.rules[program.numbers[rule.name]].owner

    def of(suffix: str) -> Iterator[tuple[str, bytes]]:
        return ((group, blob) for (name, group), blob in states.items() if name == owner + suffix)

    # The head of a digest has no number behind its name; its items have, and are counted by it.
    heads = [blob for key, blob in of(DIGEST) if not key.rpartition("\x1f")[2]]
    return {
        "open": sum(bool(incident.load(blob).firing) for _, blob in of(INCIDENT)),
        "armed": sum(1 for _ in of(WINDOW)),
        "collected": sum(digest.load(blob).size for blob in heads),
        "waiting": sum(len(gates.load(blob).deferred) for _, blob in of("")),
    }
