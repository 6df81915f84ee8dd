"""`partials: early`: a rule that fired on superseded text has used up that utterance.

Invariant: one utterance (stream and start) gives at most one firing a rule, whether its text came once or often.
"""

from __future__ import annotations

import orjson

from engine.core.compile import Program
from engine.model.checkpoint import StateKey
from engine.model.event import Event
from engine.model.match import Hit, Match

__all__ = ["EarlyFirings"]

OWNER = "early"
KEEP_MS = 600_000
MAX_KEPT = 5_000


class EarlyFirings:
    """Who fired early on which utterance. `listens` is false where no rule asks for it, and then nothing is kept."""

    def __init__(self, program: Program, states: dict[StateKey, bytes]) -> None:
        self._rules = {compiled.rule.name for compiled in program.rules if compiled.rule.partials == "early"}
        self.listens = bool(self._rules)
        # The firing that may yet be retracted, empty if there is none, and when it was.
        self._used: dict[tuple[str, str], tuple[str, int]] = {}
        self._changed = False
        blob = states.get((OWNER, ""))
        if blob is not None and self.listens:
            self._used = {(rule, utterance): (firing, at) for rule, utterance, firing, at in orjson.loads(blob)}

    def settle(self, event: Event, hits: list[Hit]) -> tuple[list[Hit], list[tuple[str, str]]]:
        """Return the hits that may still fire, and (rule, firing id) of those whose final text no longer matches."""
        utterance = _utterance(event)
        kept = [hit for hit in hits if (hit.rule, utterance) not in self._used]
        if not event.final:
            return kept, []
        still = {hit.rule for hit in hits}
        retracted: list[tuple[str, str]] = []
        for rule in sorted(self._rules):
            firing, at_ms = self._used.get((rule, utterance), ("", 0))
            if firing:
                self._use(rule, utterance, "", at_ms)
                if rule not in still:
                    retracted.append((rule, firing))
        return kept, retracted

    def note(self, match: Match, told: bool) -> None:
        """Remember that a rule fired on this utterance; what was `told` of superseded text may be retracted."""
        event = match.events[-1]
        if match.rule in self._rules and event.kind == "transcript":
            self._use(match.rule, _utterance(event), "" if event.final or not told else match.id, match.at_ms)
            while len(self._used) > MAX_KEPT or next(iter(self._used.values()))[1] < match.at_ms - KEEP_MS:
                del self._used[next(iter(self._used))]

    def _use(self, rule: str, utterance: str, firing: str, at_ms: int) -> None:
        self._used[rule, utterance] = firing, at_ms
        self._changed = True

    def changes(self) -> dict[StateKey, bytes | None]:
        """Return the state, when it changed."""
        if not self._changed:
            return {}
        self._changed = False
        return dict(self.snapshot())

    def snapshot(self) -> dict[StateKey, bytes]:
        """Return the whole state, for whoever takes over after a reload."""
        return {(OWNER, ""): orjson.dumps([[*key, *value] for key, value in self._used.items()])}


def _utterance(event: Event) -> str:
    """Name the stretch of speech: its stream and its start as written, for `at_ms` follows a clock that may change."""
    data = event.body.get("data")
    start = data.get("start") if isinstance(data, dict) else None
    if start is None:
        start = event.body.get("start", event.at_ms)
    return f"{event.session}\x1f{event.stream}\x1f{start}"
