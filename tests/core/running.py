"""An evaluator with the store's part of the bargain: states taken over, and given to the one that starts next."""

from __future__ import annotations

from collections import Counter
from typing import Any

from engine.core.compile import Program, compile_rulebook
from engine.core.evaluator import Evaluator, Output
from engine.model.checkpoint import StateKey
from engine.model.config import LIMITS, Limits
from engine.model.event import Line, Position
from engine.model.match import Firing
from engine.model.notification import Notification
from engine.model.rule import Rulebook
from engine.rulebook.parse import parse_rules
from tests.core.events import AT
from tests.core.generate import line_of

__all__ = ["AT", "Running", "program_of", "said", "seen"]


def program_of(text: str) -> Program:
    """Return the program of rules written in YAML."""
    return compile_rulebook(rulebook_of(text))


def rulebook_of(text: str) -> Rulebook:
    """Return the rules of one file, which must be valid."""
    parsed = parse_rules([("rules.yaml", text.encode())], None)
    assert not [problem for problem in parsed.problems if problem.severity == "error"], parsed.problems
    return parsed.rulebook


def said(after_s: float, text: str, **data: Any) -> dict[str, Any]:
    """Return speech that came that many seconds after the start."""
    at_ms = AT + round(after_s * 1000)
    return {"channel": "transcript", "rtstream_name": "mic:default", "unix_ts": at_ms / 1000,
            "data": {"text": text, "start": at_ms, "end": at_ms, **data}}  # fmt: skip


def seen(after_s: float, text: str, **data: Any) -> dict[str, Any]:
    """Return what was on the screen that many seconds after the start."""
    return {**said(after_s, text, **data), "channel": "visual_index", "rtstream_name": "display:1"}


class Running:
    """Lines in; everything that came out since the start in its lists."""

    def __init__(
        self, program: Program | str, routes: dict[str, tuple[str, ...]] | None = None, limits: Limits = LIMITS
    ) -> None:
        self.program = program_of(program) if isinstance(program, str) else program
        self.routes = routes or {}
        self.limits = limits
        self.stored: dict[StateKey, bytes] = {}
        self.firings: list[Firing] = []
        self.notes: list[Notification] = []
        self.counters: Counter[str] = Counter()
        self.evaluator = self._new()
        self._line = 0

    def _new(self) -> Evaluator:
        return Evaluator(self.program, self.routes, lambda zone, at_ms: 0, self.stored, self.limits)

    def feed(self, *bodies: Any) -> Running:
        """Take in lines, bytes as they are, one at a time."""
        for body in bodies:
            self._line += 1
            at = Position("log:0", self._line)
            line = Line(at, "log", self._line, body) if isinstance(body, bytes) else line_of(body)._replace(position=at)
            self.evaluator.on_line(line, AT)
        return self

    def take(self) -> Output:
        """Do what a commit does."""
        output = self.evaluator.take()
        self.firings += output.firings
        self.notes += output.notifications
        self.counters.update(output.counters)
        for key, blob in output.states.items():
            if blob is None:
                self.stored.pop(key, None)
            else:
                self.stored[key] = blob
        return output

    def restart(self) -> None:
        """Commit, and go on as a new process would."""
        self.take()
        self.evaluator = self._new()

    def adopt(self, program: Program | str) -> None:
        """Go on with other rules."""
        self.program = program_of(program) if isinstance(program, str) else program
        self.evaluator.adopt(self.program, self.routes)

    @property
    def bodies(self) -> list[str]:
        """The text of every notification until now."""
        self.take()
        return [note.body for note in self.notes]

    @property
    def reasons(self) -> list[str]:
        """What became of every match until now."""
        self.take()
        return [str(firing.reason or "fired") for firing in self.firings]

    def stored_states(self) -> dict[StateKey, bytes]:
        """The states of rules, as the store has them."""
        return {key: blob for key, blob in self.stored.items() if "#" in key[0]}
