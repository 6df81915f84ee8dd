"""How much a store keeps and what it counts, said once for every store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from engine.model.checkpoint import Commit, Decided
from engine.model.errors import StoreError
from engine.model.event import BadLine

__all__ = [
    "BAD_LINES_KEPT", "DECISIONS_KEPT", "GAPS_KEPT", "HEAD_BYTES", "PRUNE_MOST", "REQUESTS_KEPT", "SEEN_MS", "clip",
    "newest", "refuse_too_many", "tally",
]  # fmt: skip

BAD_LINES_KEPT: Final = 1_000
"""The newest ones; older ones live on in the counters only."""

GAPS_KEPT: Final = 1_000

DECISIONS_KEPT: Final = 50
"""The newest ones of each ring: a rule has one for what it told and one for what was held."""

REQUESTS_KEPT: Final = 1_000
"""More than that are refused: nobody asks so often, and nobody runs the engine that should answer."""

HEAD_BYTES: Final = 256
"""How much of a bad line is kept."""

PRUNE_MOST: Final = 1_000
"""Rows that one `prune` forgets at most, so that nobody waits long for the write lock."""

SEEN_MS: Final = 30 * 86_400_000
"""How long the key of a row that is gone stays known."""


def clip(line: BadLine) -> BadLine:
    """Return the bad line with no more of its bytes than are kept."""
    return line._replace(head=line.head[:HEAD_BYTES])


def tally(commit: Commit) -> Counter[str]:
    """Return the commit's counters, and one more in `bad_lines:REASON` or `gaps:REASON` for each of those."""
    counts: Counter[str] = Counter(commit.counters)
    counts.update(f"bad_lines:{line.reason}" for line in commit.bad_lines)
    counts.update(f"gaps:{gap.reason}" for gap in commit.gaps)
    return counts


def refuse_too_many(requests: int) -> None:
    """Let one more request in unless so many wait. Errors: `StoreError`."""
    if requests >= REQUESTS_KEPT:
        raise StoreError(f"{requests:,} requests wait already; start `engine run`, which does them at once")


def newest(decisions: Sequence[Decided]) -> list[Decided]:
    """Return the decisions that a ring would still hold after all of them, in order: the rest need not be written."""
    room: Counter[str] = Counter()
    kept = []
    for decided in reversed(decisions):
        room[decided[0]] += 1
        if room[decided[0]] <= DECISIONS_KEPT:
            kept.append(decided)
    return kept[::-1]
