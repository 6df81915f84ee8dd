"""The known name an author most likely meant."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["nearest"]


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Return the name that is fewest edits away, or None when all are further than a third of the word."""
    most = max(1, len(word) // 3)
    ranked = sorted((_edits(word.lower(), name), name) for name in names if abs(len(name) - len(word)) <= most)
    return ranked[0][1] if ranked and ranked[0][0] <= most else None


def _edits(left: str, right: str) -> int:
    """Count insertions, deletions, replacements and swaps of neighbours (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    return row[-1]
