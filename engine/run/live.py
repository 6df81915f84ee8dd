"""`engine run`: the straight line from bytes to the outbox, once per helping, until told to stop.

Order within a helping: read, decode, select, dispatch, then one commit of positions, states and outbox rows
together. Invariant: nothing is shown, sent or forgotten before that commit, and nothing more is read until it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from engine.core.evaluator import Evaluator, Output
from engine.core.lines import split
from engine.model.checkpoint import Commit
from engine.model.event import BadLine, Chunk, Gap
from engine.run.ports import Clock, Source, Store

__all__ = ["Helping", "Pipeline"]


@dataclass(slots=True)
class Helping:
    """What one round did. `rows` are the outbox rows that were new, `read` says whether the logs gave anything."""

    read: bool = False
    lines: int = 0
    rows: int = 0
    gaps: tuple[Gap, ...] = ()
    output: Output = field(default_factory=Output)


class Pipeline:
    """Source, evaluator and store, joined. It never waits: the caller decides when the next round is due."""

    def __init__(self, source: Source, store: Store, evaluator: Evaluator, clock: Clock) -> None:
        self.source = source
        self.store = store
        self.evaluator = evaluator
        self._clock = clock
        self._unsaved: tuple[Helping, Commit] | None = None

    @property
    def is_behind(self) -> bool:
        """Whether the last round could not be saved."""
        return self._unsaved is not None

    def round(self) -> Helping:
        """Take the next helping through the whole line and commit it.

        Errors: `StoreError` when it could not be saved; the next call then tries that again instead of reading on.
        """
        if self._unsaved is None:
            helping = self._take_in(self._clock())
            commit = self._commit(helping)
            if commit is None:
                return helping
            self._unsaved = helping, commit
        helping, commit = self._unsaved
        helping.rows = self.store.commit(commit)
        self._unsaved = None
        return helping

    def _take_in(self, now_ms: int) -> Helping:
        items = self.source.read(now_ms)
        lines, bad, gaps = self._evaluate(items, now_ms)
        wake_at_ms = self.evaluator.wake_at_ms
        if not items and wake_at_ms is not None and wake_at_ms <= now_ms:
            self.evaluator.on_time(now_ms)
        elif not items and not self.evaluator.has_output:
            return Helping()
        output = self.evaluator.take()
        output.bad_lines[:0] = bad
        if bad:
            output.counters["lines.bad"] += len(bad)
        if lines:
            output.counters["lines"] += lines
        return Helping(bool(items), lines, 0, tuple(gaps), output)

    def _evaluate(self, items: Iterable[Chunk | BadLine | Gap], now_ms: int) -> tuple[int, list[BadLine], list[Gap]]:
        lines, bad, gaps = 0, list[BadLine](), list[Gap]()
        for item in items:
            if isinstance(item, Chunk):
                for line in split(item):
                    self.evaluator.on_line(line, now_ms)
                    lines += 1
            elif isinstance(item, BadLine):
                bad.append(item)
                lines += 1
            else:
                gaps.append(item)
        return lines, bad, gaps

    def _commit(self, helping: Helping) -> Commit | None:
        """Return what is to be saved, if anything is."""
        output, records = helping.output, self.source.records()
        if not (records or output.states or output.notifications or output.bad_lines or helping.gaps):
            return None
        return Commit(
            now_ms=self._clock(),
            sources=records,
            states=output.states,
            notifications=tuple(output.notifications),
            bad_lines=tuple(output.bad_lines),
            gaps=helping.gaps,
            counters=dict(output.counters),
        )

    def drain(self, on_round: Callable[[Helping], None]) -> None:
        """Take everything that is there now, round by round."""
        while True:
            helping = self.round()
            on_round(helping)
            if not helping.read:
                return
