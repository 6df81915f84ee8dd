"""When sessions began and which are over, for what is told at their end.

An object without I/O, fed by calls; bounded, and the same after a restart.
"""

from __future__ import annotations

from engine.core.intake import ENDED
from engine.core.shelf import pack, unpack
from engine.model.checkpoint import StateKey
from engine.model.event import Event

__all__ = ["Sessions"]

OWNER = "sessions"
VERSION = 1
MOST = 200


class Sessions:
    """The newest sessions: (began, ended) of each, None where that was not seen. Units: event time."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int | None, int | None]] = {}
        self._changed = False

    def restore(self, states: dict[StateKey, bytes]) -> None:
        """Go on from what the store has."""
        blob = states.get((OWNER, ""))
        if blob is not None:
            self._known = {name: (began, ended) for name, began, ended in unpack(blob)}

    def note(self, event: Event) -> bool:
        """Take in an event of a session. Returns whether it says anything about beginning or end."""
        if event.session is None or event.status is None:
            return False
        began, ended = self._known.pop(event.session, (None, None))
        if event.status == "active":
            began, ended = began if began is not None and ended is None else event.at_ms, None
        elif event.status in ENDED:
            ended = event.at_ms if ended is None else ended
        self._known[event.session] = began, ended
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        self._changed = True
        return True

    def is_over(self, session: str) -> bool:
        """Tell whether a session ended and did not begin again."""
        return self._known.get(session, (None, None))[1] is not None

    def length_ms(self, session: str) -> int | None:
        """Return how long a session was, None where its beginning or end was not seen."""
        began, ended = self._known.get(session, (None, None))
        return None if began is None or ended is None else max(0, ended - began)

    def snapshot(self) -> dict[StateKey, bytes]:
        """Return the state as bytes, if any session is known."""
        known = [[name, *times] for name, times in self._known.items()]
        return {(OWNER, ""): pack(VERSION, known)} if known else {}

    def changes(self) -> dict[StateKey, bytes | None]:
        """Return the state, if it changed since the last call."""
        changed, self._changed = self._changed, False
        return dict(self.snapshot()) if changed else {}
