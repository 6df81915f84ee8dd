"""What came of a test, in words short enough to stand beside what was demanded."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.event import Event
from engine.model.match import Firing, Reason
from engine.run.evidence import pieces, precise_text, reason
from engine.run.outcome import Outcome, item_count

__all__ = ["listed", "nothing", "one_firing", "times"]

MOST = 3
MOST_TEXT = 60


def times(count: int, noun: str = "firing") -> str:
    """Return `never`, `1 firing` or `2 firings`."""
    return "never" if count == 0 else f"{count} {noun}{'s' * (count != 1)}"


def listed(outcome: Outcome, firings: Sequence[Firing], noun: str = "a firing") -> str:
    """Return when and on what the rule fired, or what kept it silent."""
    word = noun.split()[-1]
    if not firings:
        return nothing(outcome) if word == "firing" else f"no {word}"
    shown = ", ".join(one_firing(outcome, firing) for firing in firings[:MOST])
    more = len(firings) - MOST
    return f"{times(len(firings), word)}: {shown}" + (f" and {more} more" if more > 0 else "")


def one_firing(outcome: Outcome, firing: Firing) -> str:
    """Return when, on what, and by which measure: `at 2m01s: gap 1m59s <= 2m (slack "Slack thread" 0s to 2s, ...)`."""
    at = f"at {precise_text(outcome.offset(firing))}"
    if firing.kind == "digest":
        return f"{at} of {item_count(firing)}"
    why = reason(outcome.rule, firing.match, lambda at_ms: precise_text(at_ms - outcome.start_ms))
    if not why:
        return at + _on(firing.match.events[-1])
    seen = [f"{step} {_piece(outcome, event)}".strip() for step, event in pieces(firing.match)]
    dropped = f"{len(seen) - MOST} more, " if len(seen) > MOST else ""
    return f"{at}: {why}" + (f" ({dropped}{', '.join(seen[-MOST:])})" if outcome.rule.window is not None else "")


def nothing(outcome: Outcome) -> str:
    """Return that nothing was told, what gates stopped, and what came nearest to it."""
    held = {name: count for name, count in outcome.held.items() if name != Reason.RETRACTED.value}
    stopped = ", ".join(f"{count} stopped by {name}" for name, count in held.items())
    told = "no firing" + (f" ({stopped})" if stopped else "")
    nearest = outcome.closest() if not stopped else ""
    if nearest:
        told += f"; closest: {nearest}"
    elif outcome.words and not stopped:
        told += f"; {outcome.words[0]}"
    return "; ".join((told, *outcome.remarks))


def _on(event: Event) -> str:
    return f' on "{event.text[:MOST_TEXT]}"' if event.text else ""


def _piece(outcome: Outcome, event: Event) -> str:
    """Return what an event said and when it was, with its end where that is another moment."""
    kind = f"{event.kind}.{event.status}" if event.status else event.kind
    said = f'"{event.text[:MOST_TEXT]}"' if event.text else kind
    begins, ends = event.at_ms - outcome.start_ms, event.end_ms - outcome.start_ms
    when = precise_text(begins) + (f" to {precise_text(ends)}" if ends != begins else "")
    return f"{said} {when}"
