"""How much a store keeps and what it counts, said once for every store."""

from __future__ import annotations

from collections import Counter
from typing import Final

from engine.model.checkpoint import Commit
from engine.model.event import BadLine

__all__ = ["BAD_LINES_KEPT", "DECISIONS_KEPT", "GAPS_KEPT", "HEAD_BYTES", "PRUNE_MOST", "SEEN_MS", "clip", "tally"]

BAD_LINES_KEPT: Final = 1_000
"""The newest ones; older ones live on in the counters only."""

GAPS_KEPT: Final = 1_000

DECISIONS_KEPT: Final = 50
"""The newest ones of each rule."""

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
