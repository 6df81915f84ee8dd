"""Collect notifications instead of sending them: for dry runs, rule tests, and tests of this program."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable

from engine.model.delivery import Delivery, Outcome, Sent, Temporary
from engine.sink import outcome

__all__ = ["RecorderSender", "scripted"]

_FAIL = re.compile(r"fail\s+(?P<status>\d{3}|timeout)(?:\s+x(?P<times>\d{1,4}))?\Z")


class RecorderSender:
    """Takes every delivery, answers with the script's outcomes in turn, then with `Sent`."""

    def __init__(self, script: Iterable[Outcome] = ()) -> None:
        self.tried: list[Delivery] = []
        self.sent: list[Delivery] = []
        self._script = deque(script)

    def send(self, delivery: Delivery) -> Outcome:
        """Keep the delivery and say what the script says."""
        answer = self._script.popleft() if self._script else Sent()
        self.tried.append(delivery)
        if isinstance(answer, Sent):
            self.sent.append(delivery)
        return answer


def scripted(text: str) -> tuple[Outcome, ...]:
    """Return the outcomes of `fail 503 x2` or `fail timeout`; several are parted by commas.

    Errors: `ValueError` for anything else, with what would be right.
    """
    outcomes: list[Outcome] = []
    for part in text.split(","):
        found = _FAIL.match(part.strip())
        if not found:
            raise ValueError(f"{part.strip()!r} is no outcome; write `fail 503`, `fail 503 x2` or `fail timeout`")
        status = found["status"]
        one = Temporary("test: no answer in time") if status == "timeout" else outcome.http("test", int(status))
        outcomes += [one] * int(found["times"] or 1)
    return tuple(outcomes)
