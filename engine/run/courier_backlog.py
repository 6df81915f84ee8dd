"""What becomes of a queue that has grown too long while its destination was away: one digest a rule.

Pure but for the local time zone. Nothing is dropped unseen: a digest counts every message it stands for and quotes
the first and the last of them.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine.model.delivery import Delivery
from engine.model.notification import Notification
from engine.model.rule import Severity

__all__ = ["BACKLOG_ROWS", "Digest", "digests"]

BACKLOG_ROWS = 1_000
_OLD_MS = 15 * 60_000
_QUOTED = 5
_QUOTE = 120
_RANK: dict[Severity, int] = {"info": 0, "warn": 1, "error": 2, "critical": 3}


@dataclass(frozen=True, slots=True)
class Digest:
    """One message in place of several rows."""

    ids: tuple[int, ...]
    notification: Notification


def digests(rows: Sequence[Delivery], now_ms: int, cap: int) -> list[Digest]:
    """Return the digests to make of one destination's pending rows; none while the queue is in order.

    More than 1,000 rows older than 15 minutes are merged by rule. Above `cap` rows all but the newest 1,000 (or half
    of a smaller cap) are, whatever their age. Shape: `rows` oldest first.
    """
    merged = [row for row in rows if row.created_ms <= now_ms - _OLD_MS]
    if len(merged) <= BACKLOG_ROWS:
        merged = []
    if len(rows) > cap:
        merged = list(rows[: max(len(merged), len(rows) - min(BACKLOG_ROWS, cap // 2))])
    by_rule: defaultdict[str, list[Delivery]] = defaultdict(list)
    for row in merged:
        by_rule[row.notification.rule].append(row)
    return [_digest(found) for found in by_rule.values() if len(found) > 1]


def _digest(rows: Sequence[Delivery]) -> Digest:
    notes = [row.notification for row in rows]
    last = notes[-1]
    count = sum(1 + note.suppressed for note in notes)
    quoted = [*map(_line, notes[:_QUOTED])]
    if len(notes) > 2 * _QUOTED:
        quoted.append(f"... {len(notes) - 2 * _QUOTED} more ...")
    quoted += map(_line, notes[_QUOTED:][-_QUOTED:])
    key = hashlib.blake2b("\n".join(note.key for note in notes).encode("utf-8", "replace"), digest_size=16).hexdigest()
    digest = replace(
        last,
        key=f"digest:{key}",
        title=f"{count} notifications of {last.rule} while this destination was away",
        body="\n".join(quoted),
        severity=max((note.severity for note in notes), key=_RANK.__getitem__),
        suppressed=count - 1,
        request=None,
    )
    return Digest(tuple(row.id for row in rows), digest)


def _line(note: Notification) -> str:
    # Local time, because a person reads it.
    moment = datetime.fromtimestamp(note.at_ms / 1000).astimezone()
    text = " ".join((note.title or note.body).split())
    return f"{moment:%d %b %H:%M}  {text[:_QUOTE]}"
