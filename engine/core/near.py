"""Near misses: the one thing that kept a rule from firing, and the smallest edit that would change it (RULES 12.3).

Works on the findings of `explain`, so it says nothing that the engine would not do. Invariant: an event that fires
is never a near miss.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.core.compile import CompiledRule
from engine.core.explain import Finding, explain
from engine.core.subject import Subject
from engine.core.text import fold
from engine.model.condition import AllOf, AnyOf, Compare, FromSource, Kinds, Not, Text, Where
from engine.model.event import Event

__all__ = ["Near", "approximate", "near_miss"]

# One edit for every five letters of the needle: "deadline" may differ by one, "Slack" by one, "AI" not at all.
LETTERS_PER_EDIT = 5
# A number this far from its bound, relative to it, is still near.
NEAR_SHARE = 0.2
MAX_TEXT = 4_000


class Near(NamedTuple):
    """One event that almost fired. `missing` says what failed, `hint` what would change it.

    Units: `distance` is from 0 (all but there) to 1, comparable across kinds of miss.
    """

    rule: str
    event: Event
    missing: str
    hint: str
    distance: float


def near_miss(compiled: CompiledRule, subject: Subject) -> Near | None:
    """Return what stood between this event and a hit, when it was exactly one thing and a small one."""
    event = subject.event
    if event.kind == "transcript" and not event.final and compiled.rule.partials == "ignore":
        return None
    finding = explain(compiled, subject)
    failed = _sole_failure(finding)
    if failed is None:
        return None
    told = _tell(failed, subject)
    return None if told is None else Near(compiled.rule.name, event, *told)


def _sole_failure(finding: Finding) -> Finding | None:
    """Return the one conjunct that failed, looking into nested all-blocks; None if none or several did."""
    if finding.holds:
        return None
    if isinstance(finding.condition, AllOf):
        failed = [part for part in finding.parts if not part.holds]
        return _sole_failure(failed[0]) if len(failed) == 1 else None
    return None if isinstance(finding.condition, Kinds) else finding


def _tell(failed: Finding, subject: Subject) -> tuple[str, str, float] | None:
    match failed.condition:
        case Text(op, needles) if op in ("contains", "contains_all", "word"):
            return _near_text(op, needles, subject)
        case Where(path, Compare() as test):
            return _near_number(path, test, failed.actual)
        case FromSource(patterns):
            stream = subject.event.stream or "no stream"
            return f"source is {stream}, not {', '.join(patterns)}", f"source: {subject.event.source or '...'}", 0.5
        case Not():
            inside = _what_held(failed.parts[0])
            return f"not: {inside.words} holds ({inside.actual or 'yes'})", "loosen `not` or `except`", 0.4
        case AnyOf():
            # Also the steps of a pattern: an event that but for one thing could stand for one of them.
            alone = [sole for part in failed.parts if (sole := _sole_failure(part)) is not None]
            told = [near for sole in alone if (near := _tell(sole, subject)) is not None]
            return min(told, key=lambda near: near[2], default=None)
        case _:
            return None


def _what_held(finding: Finding) -> Finding:
    """Return the first alternative that held, so that one line of a long `except` is named."""
    if isinstance(finding.condition, AnyOf):
        return _what_held(next(part for part in finding.parts if part.holds))
    return finding


def _near_text(op: str, needles: tuple[str, ...], subject: Subject) -> tuple[str, str, float] | None:
    text = subject.folded
    if not text:
        return None
    best: tuple[int, str, str] | None = None
    for needle in needles:
        folded = fold(needle).rstrip("*")
        allowed = len(folded) // LETTERS_PER_EDIT
        if op == "word" and folded in text:
            return f'word "{needle}" is only part of a longer word', f"word: {needle}*", 0.1
        if allowed == 0 or folded in text:
            continue
        edits, found = approximate(folded, text[:MAX_TEXT])
        if edits <= allowed and (best is None or edits < best[0]):
            best = edits, found, needle
    if best is None:
        return None
    edits, found, needle = best
    missing = f'{op} "{needle}" not found; "{found}" is {edits} edit{"s" * (edits != 1)} away'
    return missing, f'heard differently? add "{found}"', edits / (len(needle) + 1)


def _near_number(path: str, test: Compare, actual: str) -> tuple[str, str, float] | None:
    try:
        value = float(actual.strip("`"))
    except ValueError:
        return None
    share = abs(value - test.bound) / (abs(test.bound) or 1.0)
    if share > NEAR_SHARE:
        return None
    return f"{path} is {actual.strip('`')}, the bound {test.op} {test.bound}", f"{test.op}: {actual.strip('`')}", share


def approximate(needle: str, text: str) -> tuple[int, str]:
    """Return the fewest edits between the needle and any part of the text, and that part, out to whole words.

    Of parts equally near the shortest is taken. Source: Sellers 1980: an edit-distance column that may start
    anywhere; linear in len(needle) * len(text).
    """
    # Starts count down from 0, so that the smallest pair has the fewest edits and then the latest start.
    column = [(row, 0) for row in range(len(needle) + 1)]
    best = (len(needle), 0, 0)
    for place, letter in enumerate(text):
        above = (0, -place - 1)
        fresh = [above]
        for row, wanted in enumerate(needle):
            cost, start = column[row]
            step = (cost + (letter != wanted), start)
            above = min(step, (column[row + 1][0] + 1, column[row + 1][1]), (above[0] + 1, above[1]))
            fresh.append(above)
        column = fresh
        cost, start = column[-1]
        if cost < best[0]:
            best = (cost, -start, place + 1)
    edits, start, end = best
    return edits, _whole_words(text, start, end)


def _whole_words(text: str, start: int, end: int) -> str:
    while start > 0 and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return text[start:end].strip()
