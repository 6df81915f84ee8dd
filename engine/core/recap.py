"""A digest as words: title, collapsed lines, numbers, and what a summary needs.

Pure. Invariant: the message is complete without any model; a summary only takes the place of the part that says so.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple

from engine.core.collapse import Seen, Shown, collapse
from engine.core.collected import Collected, Entry
from engine.core.default_words import NO_TEXT, event_words, link_of, span_text
from engine.core.digest import Head
from engine.core.extract import extract, terms
from engine.core.firing import match_of_timer
from engine.core.jmes.context import Context
from engine.core.moment import clock_text, date_text
from engine.core.render import BODY_MAX, LINE_MAX, SUMMARY, VALUE_MAX, Rendered, Renderer, and_more
from engine.core.sentences import thinned
from engine.core.statistics import is_span, statistics, statistics_lines, tally_of
from engine.core.subject import view
from engine.model.match import Match
from engine.model.notification import SummaryRequest
from engine.model.rule import Rule, Summarize

__all__ = ["Recap", "recap"]

# Titles, numbers and counts stand around the lines and the answer; they must fit whatever those take.
MOST_AROUND = 8_000
MOST_TERMS = 12
SHORT_LINE = 160
FEW_WORDS = 2
# A heading, and the two characters before each sentence of an excerpt.
ROOM_FOR_MARKS = 80

OffsetOf = Callable[[int], int]


class Recap(NamedTuple):
    """One digest, ready to tell. `data` is that of the event it writes for other rules."""

    match: Match
    title: str
    body: str
    data: dict[str, Any]
    request: SummaryRequest | None = None


class _Parts(NamedTuple):
    """What a message is made of. `around` is what a template writes before and after the summary.

    `placed`: it says itself where that goes.
    """

    lines: list[Shown]
    numbers: str
    around: tuple[str, str] | None
    placed: bool


def recap(
    rule: Rule, renderer: Renderer, collected: Collected, head: Head, due_ms: int, tell: tuple[OffsetOf, int | None]
) -> Recap:
    """Return the digest that was due at an instant. `tell` is the local offset and the session's length, if known."""
    offset_min, session_ms = tell
    match = _match(rule, collected, head, due_ms)
    tally = sum((tally_of(entry.event, entry.found) for entry in collected.entries), head.more)
    stats = statistics(tally, session_ms)
    # Spans are told by the table of times; as sentences they would crowd out what was said.
    told = [entry for entry in collected.entries if rule.summarize is None or not is_span(entry.event, entry.found)]
    lines = collapse(Seen(entry.event, _text(entry)) for entry in told)
    numbers = "\n".join(statistics_lines(stats))[:MOST_AROUND]
    fallback = _fallback(rule.summarize, renderer, lines, numbers, offset_min) if rule.summarize is not None else ""
    document = _document(renderer, match, collected, head, {"stats": stats, SUMMARY: fallback})
    context = Context(due_ms, offset_min)
    title = renderer.title(document, context, _title(rule, head, stats, due_ms, offset_min))
    parts = _Parts(lines, numbers, renderer.around(document, context, _room(rule)), renderer.places_summary)
    written = renderer.fields(document, context)
    if rule.summarize is None:
        body = _plain(parts, head, offset_min)
        return Recap(match, title, body, written or _data(match, stats, body))
    before, after = _around(parts, head)
    request = _request(rule.summarize, match, parts, (before, after), offset_min)
    body = f"{before}{fallback}{after}".strip() or _many(head.size)
    return Recap(match, title, body[:BODY_MAX], written or _data(match, stats, body), request)


def _data(match: Match, stats: dict[str, Any], body: str) -> dict[str, Any]:
    """Return what other rules hear of a digest, unless its rule names fields of its own."""
    return {"count": stats["count"], "stats": stats, "text": body[:VALUE_MAX], "rule": match.rule, "group": match.group}


def _match(rule: Rule, collected: Collected, head: Head, due_ms: int) -> Match:
    """Return the match of the digest itself; an empty one rests on its instant."""
    entries = collected.entries
    ends = (entries[0].firing, entries[-1].firing) if entries else ()
    named = (rule.name, "" if collected.group is None else "=" + collected.group, str(due_ms), str(head.size), *ends)
    name = blake2b("\x1f".join(("digest", *named)).encode("utf-8", "replace"), digest_size=16).hexdigest()
    events = tuple(entry.event for entry in entries) or match_of_timer(rule, due_ms).events
    return Match(name, rule.name, collected.group, due_ms, events, {"count": head.size}, head.first_ms)


def _text(entry: Entry) -> str:
    """Return the words of an entry, empty for what has none: it is counted, but nobody wants to read of it."""
    text = event_words(entry.event) if entry.text is None else entry.text
    return "" if text == NO_TEXT else text


def _document(
    renderer: Renderer, match: Match, collected: Collected, head: Head, made: dict[str, Any]
) -> dict[str, Any]:
    events = [_event(entry) for entry in collected.entries]
    last = match.events[-1]
    return {
        **made,
        **renderer.about(collected.group, head.held),
        "_": view(last),
        "count": head.size,
        "duration": match.at_ms - (match.at_ms if head.first_ms is None else head.first_ms),
        "events": events,
        "session": collected.session,
        "link": next((link for event in reversed(match.events) if (link := link_of(event))), ""),
    }


def _event(entry: Entry) -> dict[str, Any]:
    """Return one of `events`: the event, with what a rule wrote into it or found beside it within easy reach."""
    event = entry.event
    data = event.body.get("data")
    written = data if event.kind == "rule" and isinstance(data, dict) else {}
    return {**written, **entry.found, **event.body, "_": view(event)}


def _title(rule: Rule, head: Head, stats: dict[str, Any], due_ms: int, offset_min: OffsetOf) -> str:
    """Return `notes: 12 items, 10:00-10:30`; with dates where it was not all on the day it is told."""
    if not head.size or stats["first"] is None:
        return f"{rule.name}: nothing until {clock_text(due_ms, offset_min(due_ms))[:5]}"
    first, last = stats["first"], stats["last"]
    day, until = (date_text(at_ms, offset_min(at_ms)) for at_ms in (first, last))
    if day == until:
        span = span_text(first, last, offset_min)
        span = span if day == date_text(due_ms, offset_min(due_ms)) else f"{day} {span}"
    else:
        start, end = (clock_text(at_ms, offset_min(at_ms))[:5] for at_ms in (first, last))
        span = f"{day} {start} - {until} {end}"
    return f"{rule.name}: {_many(head.size)}, {span}"


def _many(count: int) -> str:
    return f"{count:,} item{'' if count == 1 else 's'}" if count else "Nothing came."


def _plain(parts: _Parts, head: Head, offset_min: OffsetOf) -> str:
    """Return the message without a summary: the template's, else the lines and the numbers."""
    if parts.around is not None:
        return and_more("".join(parts.around), head.held)
    counted = head.size - head.kept
    after = f"\n\n{parts.numbers}" if parts.numbers else ""
    text = _lines(parts.lines, BODY_MAX - len(after) - 200, counted, offset_min)
    return and_more((text + after).strip() or _many(head.size), head.held)


def _lines(lines: list[Shown], room: int, counted: int, offset_min: OffsetOf) -> str:
    """Return the lines as far as they fit; of too many, some of the whole time rather than all of its beginning.

    They are cut short first, then those of a word or two go, then every so many-th of the others.
    """
    written = [_line(line, LINE_MAX, offset_min) for line in lines]
    kept = list(range(len(lines)))
    if sum(map(len, written)) + len(written) > room:
        written = [_line(line, SHORT_LINE, offset_min) for line in lines]
        if sum(map(len, written)) + len(written) > room:
            kept = [number for number, line in enumerate(lines) if line.times > 1 or len(line.text.split()) > FEW_WORDS]
            kept = _spread(kept, [len(text) + 1 for text in written], room)
    left = counted + sum(line.times for line in lines) - sum(lines[number].times for number in kept)
    text = "\n".join(written[number] for number in kept)
    return f"{text}\n(and {left:,} more)".strip() if left else text


def _spread(numbers: list[int], sizes: list[int], room: int) -> list[int]:
    """Return as many of the numbers, at even distances, as together have no more than that size."""
    most = len(numbers)
    while True:
        chosen = [numbers[place * len(numbers) // most] for place in range(most)]
        total = sum(sizes[number] for number in chosen)
        if total <= room or not chosen:
            return chosen
        most = min(most - 1, most * room // total)


def _line(line: Shown, most: int, offset_min: OffsetOf) -> str:
    text = " ".join(line.text.split())
    text = text if len(text) <= most else text[: most - 1].rstrip() + "…"
    return f"{_label(line, offset_min)}  {text}{_times(line)}"


def _label(line: Shown, offset_min: OffsetOf) -> str:
    span = span_text(line.at_ms, line.end_ms, offset_min)
    clock = span if line.times > 1 and "-" in span else clock_text(line.at_ms, offset_min(line.at_ms))
    return f"{clock}  {line.stream}"


def _times(line: Shown) -> str:
    return f" ({line.times} times)" if line.times > 1 else ""


def _fallback(spec: Summarize, renderer: Renderer, lines: list[Shown], numbers: str, offset_min: OffsetOf) -> str:
    """Return the summary that needs no model, labelled as what it is."""
    said = [(_label(line, offset_min), line.text) for line in lines]
    match spec.fallback:
        case "bullets":
            text = _bullets(extract(said, max(0, spec.max_chars - ROOM_FOR_MARKS)), spec.max_chars)
        case "terms":
            frequent = terms(said, MOST_TERMS)
            text = "Most frequent: " + ", ".join(frequent) if frequent else ""
        case "counts":
            # Without a template the numbers stand below anyway.
            text = numbers if renderer.places_summary else ""
        case "none":
            text = ""
    return text[: spec.max_chars]


def _bullets(chosen: tuple[str, ...], most: int) -> str:
    text = "Excerpts:"
    for one in chosen:
        line = f"\n- {' '.join(one.split())}"
        if len(text) + len(line) > most:
            break
        text += line
    return text if chosen else ""


def _room(rule: Rule) -> int:
    """Return how much a template may write, so that an answer of full length still fits."""
    return BODY_MAX - 200 - (rule.summarize.max_chars if rule.summarize is not None else 0)


def _around(parts: _Parts, head: Head) -> Rendered:
    """Return what stands before and after the summary."""
    counted = f"\n(and {head.size - head.kept:,} more)" if head.size > head.kept else ""
    if parts.around is None:
        numbers = f"\n\n{parts.numbers}" if parts.numbers else ""
        return "", and_more(numbers + counted, head.held)
    before, after = parts.around
    between = "" if parts.placed or not after else "\n\n"
    return before, and_more(between + after, head.held)


def _request(
    spec: Summarize, match: Match, parts: _Parts, around: Rendered, offset_min: OffsetOf
) -> SummaryRequest | None:
    """Return what is to be summed up; nothing to sum up is no request."""
    lines = [(_label(line, offset_min) + _times(line), " ".join(line.text.split())) for line in parts.lines]
    kept = thinned(lines)
    if not kept:
        return None
    before, after = around
    if len(kept) < len(lines):
        after += f"\n(summed up from {len(kept)} of {len(lines)} lines)"
    return SummaryRequest(
        match.id,
        spec.prompt,
        tuple((label, text) for _, label, text in kept),
        spec.max_chars,
        spec.budget,
        date_text(match.at_ms, offset_min(match.at_ms)),
        before,
        after,
    )
