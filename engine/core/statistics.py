"""Numbers about collected events, made by code: a model writes prose only (DESIGN, Summaries).

A tally is plain, bounded and additive, so that what is too much to keep is still counted right.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from engine.core.decode import alert_label
from engine.core.moment import duration_text
from engine.model.event import Event

__all__ = ["NOTHING", "Tally", "is_span", "statistics", "statistics_lines", "tally_of"]

# Labels and keys are captured text: without a limit one could fill the state with names.
MOST_NAMES = 50
MOST_SHOWN = 10
NAME_MAX = 80
OTHER = "other"
_SPEAKERS = {"mic": "you", "system_audio": "they"}
_KINDS = {"visual_index": "screen", "audio_index": "audio"}

Sums: TypeAlias = tuple[tuple[Any, ...], ...]
"""(name, number, number ...) in the order of their first occurrence; numbers add up."""


class Tally(NamedTuple):
    """Sums over events. Shape: `kinds` (kind, count), `talk` (source, ms, words), `spans` (key, ms, count),
    `alerts` (label, count). Units: epoch ms; `last_ms` is the latest end.
    """  # fmt: skip

    total: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    kinds: Sums = ()
    talk: Sums = ()
    spans: Sums = ()
    alerts: Sums = ()

    def __add__(self, other: Tally) -> Tally:  # type: ignore[override]
        """Return the tally of both."""
        return Tally(
            self.total + other.total,
            min((at for at in (self.first_ms, other.first_ms) if at is not None), default=None),
            max((at for at in (self.last_ms, other.last_ms) if at is not None), default=None),
            *(_added(mine, theirs) for mine, theirs in zip(self[3:], other[3:], strict=True)),
        )


NOTHING = Tally()


def _added(mine: Sums, theirs: Sums) -> Sums:
    sums = {name: numbers for name, *numbers in mine}
    for name, *numbers in theirs:
        if name not in sums and len(sums) >= MOST_NAMES:
            name = OTHER
        known = sums.get(name)
        sums[name] = numbers if known is None else [a + b for a, b in zip(known, numbers, strict=True)]
    return tuple((name, *numbers) for name, numbers in sums.items())


def tally_of(event: Event, found: dict[str, Any]) -> Tally:
    """Return the tally of one firing: its last event, and what its pattern found."""
    talk: Sums = ()
    if event.kind == "transcript" and event.text and event.text.strip():
        talk = ((event.source or OTHER, event.end_ms - event.at_ms, len(event.text.split())),)
    span = _span(event, found)
    return Tally(
        1,
        event.at_ms if span is None else min(event.at_ms, event.end_ms - span[1]),
        event.end_ms,
        ((event.kind, 1),),
        talk,
        () if span is None else ((*span, 1),),
        ((_name(alert_label(event.body) or event.label or OTHER), 1),) if event.kind == "alert" else (),
    )


def is_span(event: Event, found: dict[str, Any]) -> bool:
    """Tell whether a firing is a span of `track`, or of a rule that this one heard."""
    return _span(event, found) is not None


def _span(event: Event, found: dict[str, Any]) -> tuple[str, int] | None:
    """Return (key, ms) of a span of `track`, which this rule found itself or heard of."""
    data = event.body.get("data")
    for fields in (found, data if event.kind == "rule" and isinstance(data, dict) else {}):
        key, seconds = fields.get("key"), fields.get("seconds")
        if isinstance(key, str) and isinstance(seconds, int | float) and 0 <= seconds < 1e9 and seconds is not True:
            return _name(key), round(seconds * 1000)
    return None


def _name(text: str) -> str:
    return " ".join(text[:NAME_MAX].split()) or OTHER


def statistics(tally: Tally, session_ms: int | None = None) -> dict[str, Any]:
    """Return `stats` for templates. Units: ms, `share` and `talk_ratio` (your part of it) from 0 to 1.

    Parts that nothing was collected for are empty or null.
    """
    spent_ms = sum(ms for _, ms, _ in tally.spans)
    talk = {_SPEAKERS.get(source, source): {"ms": ms, "words": words} for source, ms, words in _speakers_first(tally)}
    told_ms = sum(talk[who]["ms"] for who in ("you", "they") if who in talk)
    return {
        "count": tally.total,
        "first": tally.first_ms,
        "last": tally.last_ms,
        "kinds": {kind: count for kind, count in _most_first(tally.kinds)},
        "talk": talk,
        "talk_ratio": round(talk.get("you", {"ms": 0})["ms"] / told_ms, 3) if told_ms else None,
        "spans": [
            {"key": key, "ms": ms, "seconds": ms // 1000, "count": count, "share": _share(ms, spent_ms)}
            for key, ms, count in _most_first(tally.spans)
        ],
        "alerts": {label: count for label, count in _most_first(tally.alerts)},
        "session": session_ms,
    }


def _most_first(sums: Sums) -> list[tuple[Any, ...]]:
    return sorted(sums, key=lambda sum_: -sum_[1])


def _speakers_first(tally: Tally) -> list[tuple[Any, ...]]:
    known = list(_SPEAKERS)
    return sorted(tally.talk, key=lambda one: known.index(one[0]) if one[0] in known else len(known))


def _share(part: int, whole: int) -> float:
    return round(part / whole, 3) if whole else 0.0


def statistics_lines(stats: dict[str, Any]) -> list[str]:
    """Return the numbers as short lines for people; none for what there is nothing to say about."""
    lines: list[str] = []
    if len(stats["kinds"]) > 1:
        kinds = ", ".join(f"{count} {_KINDS.get(kind, kind)}" for kind, count in stats["kinds"].items())
        lines.append(f"{stats['count']} items: {kinds}")
    if stats["talk"]:
        talk = ", ".join(
            f"{who} {duration_text(one['ms'])} ({_many(one['words'], 'word')})" for who, one in stats["talk"].items()
        )
        both = "you" in stats["talk"] and "they" in stats["talk"] and stats["talk_ratio"] is not None
        lines.append(f"Talk: {talk}" + (f"; you {stats['talk_ratio']:.0%}" if both else ""))
    if stats["spans"]:
        lines += ["Time:", *_span_lines(stats["spans"])]
    if stats["alerts"]:
        alerts = [f"{label} {count}" for label, count in islice(stats["alerts"].items(), MOST_SHOWN)]
        lines.append("Alerts: " + ", ".join(alerts) + _rest(stats["alerts"]))
    if stats["session"] is not None:
        lines.append(f"Session: {duration_text(stats['session'])}")
    return lines


def _span_lines(spans: list[dict[str, Any]]) -> list[str]:
    shown = spans[:MOST_SHOWN]
    wide = max(len(span["key"]) for span in shown)
    times = [duration_text(span["ms"]) for span in shown]
    late = max(map(len, times))
    lines = [
        f"  {span['key']:<{wide}}  {time:>{late}}  {span['share']:>4.0%}"
        for span, time in zip(shown, times, strict=True)
    ]
    return [*lines, f"  and {len(spans) - MOST_SHOWN} more"] if len(spans) > MOST_SHOWN else lines


def _rest(names: dict[str, int]) -> str:
    return f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
