"""One event while rules look at it: every costly reading of it is made once, and only when asked for.

Invariant: nothing here changes the event; two rules that ask the same thing get the same answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.core.decode import alert_label, event_id
from engine.core.jmes.context import Context
from engine.core.text import fold, squeeze
from engine.model.event import Event

__all__ = ["InState", "Subject", "view"]

InState = Callable[[str], bool]
"""Tells whether some session is in a state now."""


def _nowhere(_: str) -> bool:
    return False


def _utc(_: int) -> int:
    return 0


class Subject:
    """An event, its document for filters, and its text made comparable."""

    # Defaults on the class: most subjects need none of these, and setting eight attributes costs 0.3 us an event.
    _coerced: dict[str, dict[str, int]] | None = None
    _document: dict[str, Any] | None = None
    _context: Context | None = None
    _folded: str | None = None
    _squeezed: str | None = None

    def __init__(self, event: Event, in_state: InState = _nowhere, offset_min: Callable[[int], int] = _utc) -> None:
        self.event = event
        self.in_state = in_state
        self.offset_min = offset_min

    @property
    def document(self) -> dict[str, Any]:
        """The original event with the one added key `_`."""
        if self._document is None:
            self._document = {**self.event.body, "_": view(self.event)}
        return self._document

    @property
    def context(self) -> Context:
        """What filters of this event share: the time, the zone, folded texts and coercion counts."""
        if self._context is None:
            self._context = Context(self.event.seen_ms, self.offset_min)
        return self._context

    @property
    def coerced(self) -> dict[str, dict[str, int]]:
        """How often each rule's filter met a value of the wrong type, by kind; rules without any are absent."""
        return self._coerced or {}

    @property
    def is_clean(self) -> bool:
        """Whether no filter met a value of the wrong type."""
        return self._coerced is None

    def charge(self, rule: str) -> None:
        """Book the coercions counted since the last call to this rule."""
        context = self._context
        if context is not None and context.coercions:
            self._coerced = {**(self._coerced or {}), rule: context.coercions}
            context.coercions = {}

    @property
    def folded(self) -> str | None:
        """`_.text` as text tests compare it, or None when the event has no text."""
        if self._folded is None and self.event.text is not None:
            self._folded = fold(self.event.text)
        return self._folded

    @property
    def haystack(self) -> str | None:
        """A text in which every word of `folded` occurs, made for a quarter of the cost when the text is ASCII."""
        text = self.event.text
        return text.lower() if text is not None and text.isascii() else self.folded

    @property
    def squeezed(self) -> str | None:
        """`_.text` for `case: exact`."""
        if self._squeezed is None and self.event.text is not None:
            self._squeezed = squeeze(self.event.text)
        return self._squeezed


def view(event: Event) -> dict[str, Any]:
    """Return `_`, the normalised view of RULES 4, as plain values."""
    return {
        "kind": event.kind,
        "status": event.status,
        "text": event.text,
        "at": event.at_ms,
        "end": event.end_ms,
        "seen": event.seen_ms,
        "clock": event.clock,
        "final": event.final,
        "stream": event.stream,
        "source": event.source,
        "session": event.session,
        "id": event_id(event),
        "seq": event.position.offset,
        "late": event.late_ms or None,
        "class": event.label,
        "label": alert_label(event.body) if event.kind == "alert" else None,
    }
