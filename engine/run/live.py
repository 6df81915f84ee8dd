"""`engine run`: the straight line from bytes to the outbox, once per helping, until told to stop.

Order within a helping: what operators asked, then read, decode, select, dispatch, then one commit of positions,
states, outbox rows and the requests that were done. Invariant: nothing is shown, sent or forgotten before that
commit, and nothing more is read until it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.core.decision import decision_of_fault, decision_of_request, decision_of_window, decisions_of
from engine.core.evaluator import Evaluator, Output
from engine.core.lines import split
from engine.model.checkpoint import Commit, Decided
from engine.model.config import Privacy
from engine.model.event import BadLine, Chunk, Gap
from engine.model.request import Request
from engine.model.rule import Rule
from engine.run.ports import Clock, Source, Store

__all__ = ["Answer", "Helping", "Pipeline"]

# The loop looks four times a second; a machine under load may miss some of them, but not a quarter of an hour.
SLEPT_MS = 900_000


class Answer(NamedTuple):
    """What became of a request: how many incidents an ack found open. None where no rule has that name."""

    request: Request
    found: int | None


@dataclass(slots=True)
class Helping:
    """What one round did. `rows` are the outbox rows that were new, `read` says whether the logs gave anything."""

    read: bool = False
    lines: int = 0
    rows: int = 0
    gaps: tuple[Gap, ...] = ()
    answers: tuple[Answer, ...] = ()
    output: Output = field(default_factory=Output)


class Pipeline:
    """Source, evaluator and store, joined. It never waits: the caller decides when the next round is due.

    Units: `excerpt` characters of captured text that a decision record may quote.
    """

    def __init__(
        self, source: Source, store: Store, evaluator: Evaluator, clock: Clock, excerpt: int = Privacy().excerpt
    ) -> None:
        self.source = source
        self.store = store
        self.evaluator = evaluator
        self._clock = clock
        self._excerpt = excerpt
        self._unsaved: tuple[Helping, Commit] | None = None
        self._was_asked = True  # perhaps, while no engine ran
        self._looked_ms: int | None = None
        self._woke_ms: int | None = None

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
        answers = self._answer(now_ms)
        items = self.source.read(now_ms)
        lines, bad, gaps = self._evaluate(items, now_ms)
        self._note_sleep(now_ms)
        wake_at_ms = self.evaluator.wake_at_ms
        if not items and wake_at_ms is not None and wake_at_ms <= now_ms:
            self.evaluator.on_time(now_ms, self._woke_ms)
        elif not items and not answers and not self.evaluator.has_output:
            return Helping()
        if not items:
            self._woke_ms = None
        output = self.evaluator.take()
        output.bad_lines[:0] = bad
        if bad:
            output.counters["lines.bad"] += len(bad)
        if lines:
            output.counters["lines"] += lines
        return Helping(bool(items), lines, 0, tuple(gaps), answers, output)

    def _note_sleep(self, now_ms: int) -> None:
        """Notice that nothing ran for a while: the engine was not there, or the machine slept.

        What lines there are tell of that time comes first, as it did happen; only then what was due without lines.
        """
        if self._looked_ms is None or now_ms - self._looked_ms >= SLEPT_MS:
            self._woke_ms = now_ms
        self._looked_ms = now_ms

    def _answer(self, now_ms: int) -> tuple[Answer, ...]:
        """Do what operators asked. It lasts only with the commit that names the requests, so never twice."""
        self._was_asked = self.store.changed() or self._was_asked
        if not self._was_asked:
            return ()
        requests = self.store.requests()
        self._was_asked = False
        return tuple(Answer(request, self._done(request, now_ms)) for request in requests)

    def _done(self, request: Request, now_ms: int) -> int | None:
        if request.rule not in self.evaluator.program.numbers:
            return None
        at_ms = min(request.at_ms, now_ms)
        if request.kind == "ack":
            return self.evaluator.ack(request.rule, request.group, at_ms)
        self.evaluator.snooze(request.rule, request.until_ms or at_ms, at_ms)
        return 1

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
        answers = helping.answers
        if not (records or answers or output.states or output.notifications or output.bad_lines or helping.gaps):
            return None
        return Commit(
            now_ms=self._clock(),
            sources=records,
            states=output.states,
            notifications=tuple(output.notifications),
            bad_lines=tuple(output.bad_lines),
            gaps=helping.gaps,
            counters=dict(output.counters),
            decisions=tuple(self._decided(helping)),
            answered=tuple(answer.request.id for answer in answers),
        )

    def _decided(self, helping: Helping) -> list[Decided]:
        """Return the records of what operators asked, what fired and what nearly did, and what was switched off."""
        made = [decision_of_request(request, found) for request, found in helping.answers]
        made += decisions_of(helping.output.firings, self._rule, self._excerpt)
        for closed in helping.output.closed:
            words = closed.words(self.evaluator.clock)
            made.append(decision_of_window(closed.compiled.rule, closed.group, closed.at_ms, words))
        for counter in helping.output.counters:
            if counter.startswith("rule.") and counter.endswith(".broken"):
                rule = self._rule(counter[len("rule.") : -len(".broken")])
                if rule is not None:
                    made.append(decision_of_fault(rule, self._clock(), "an error of the engine's; please report it"))
        return made

    def _rule(self, name: str) -> Rule | None:
        program = self.evaluator.program
        number = program.numbers.get(name)
        return None if number is None else program.rules[number].rule

    def drain(self, on_round: Callable[[Helping], None]) -> None:
        """Take everything that is there now, round by round."""
        while True:
            helping = self.round()
            on_round(helping)
            if not helping.read:
                return
