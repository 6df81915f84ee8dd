"""What is to be told, to whom: one notification a (firing, destination)."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model.rule import Severity

__all__ = ["Notification", "SummaryRequest"]


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """What the courier has summed up before it sends; the notification's own body is the fallback, complete.

    `key` is the same for every destination of a firing, so one answer serves all. Shape: `lines` are (local time and
    stream, text) of the collected events in order, capped; `before` and `after` surround the answer.
    Units: `day` is the local day, `2026-03-02`, that the budget counts on.
    """

    key: str
    prompt: str
    lines: tuple[tuple[str, str], ...]
    max_chars: int
    budget: int
    day: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Notification:
    """A message for one destination. `key` is deterministic: a replay gives it again and the outbox drops it.

    `destination` is a name of `engine.yaml`, `console`, or `record:FILE` for a line of JSON in an output file;
    `title` and `body` are plain text, already capped, not yet neutralised for a service.
    Units: `at_ms` is the firing's time. `suppressed` counts the firings held since the last message.
    """

    key: str
    firing: str
    rule: str
    group: str | None
    destination: str
    title: str
    body: str
    severity: Severity
    at_ms: int
    suppressed: int = 0
    request: SummaryRequest | None = None
