"""Patterns over time that load but seldom do what their author means."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.moment import duration_text
from engine.core.necessary import kinds_of
from engine.model.window import Absent, Changes, Count, FirstSeen, Track
from engine.rulebook.lint_case import Case, Remark

__all__ = ["endless_silence", "unlabelled", "untold_rest"]

# Nobody records all day: these end with a session, those of the recorder and of the service do not.
_RECORDED = frozenset({"transcript", "visual_index", "audio_index"})


def endless_silence(case: Case) -> Iterator[Remark]:
    """Warn where silence after the end of a recording counts as well."""
    rule = case.written.rule
    kinds = kinds_of(rule.condition)
    if isinstance(rule.window, Absent) and rule.window.during is None and kinds and kinds <= _RECORDED:
        key = "absent" if case.written.node.get("absent") is not None else "count"
        wait = duration_text(rule.window.for_ms)
        message = f"{key}: it also fires {wait} after every recording has ended"
        yield Remark(case.written.node.place(key), "endless-silence", message, "add while: session.active")


def unlabelled(case: Case) -> Iterator[Remark]:
    """Warn where a rule looks at the label of an event and gives none."""
    rule, node = case.written.rule, case.written.node
    if rule.classify:
        return
    read = {"by": rule.by}
    match rule.window:
        case Count(distinct=str(path)):
            read["count"] = (path,)
        case Changes(path):
            read["changes"] = (path,)
        case FirstSeen(path):
            read["first_seen"] = (path,)
        case Track(path):
            read["track"] = (path,)
    for key, paths in read.items():
        if "_.class" in paths:
            message = f"{key}: without `classify` no event has a `_.class`"
            hint = "add classify: {Chat: {word: slack}, else: Other}"
            yield Remark(node.place(key), "unlabelled", message, hint)


def untold_rest(case: Case) -> Iterator[Remark]:
    """Warn where a digest is told only when it is full, so that its last items may wait for ever."""
    digest = case.written.rule.digest
    if digest is not None and digest.or_at is not None and not digest.timers and not digest.at_session_end:
        message = f"digest: fewer than {digest.or_at} items wait for ever"
        hint = 'add every: 30m, at: "18:00" or at: session_end'
        yield Remark(case.written.node.place("digest"), "untold-rest", message, hint)
