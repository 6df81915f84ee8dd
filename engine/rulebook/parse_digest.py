"""`digest` and `summarize`: firings that are told together, and the summing up of what they hold."""

from __future__ import annotations

from typing import Literal, cast

from engine.core.moment import DAY_MS
from engine.model.rule import Digest, Summarize
from engine.rulebook.parse_range import read_whole
from engine.rulebook.parse_reader import Reader
from engine.rulebook.parse_timer import SESSION_END, Times, read_timers, read_times
from engine.rulebook.scalars import ScalarError, rate
from engine.rulebook.yaml_guard import Items, Mapping, Node, Scalar

__all__ = ["FALLBACKS", "MOST_PROMPT", "read_digest", "read_summarize"]

FALLBACKS = ("bullets", "terms", "counts", "none")
MOST_PROMPT = 4_000
_KEYS = ("every", "at", "days", "or_at", "min", "send_empty")
_ZONE = {"zone": "write it at the rule, beside digest"}


def read_digest(reader: Reader, node: Node, zone: str) -> Digest | None:
    """Return when what was collected is told, or None after reporting."""
    mapping = reader.mapping(node, "digest", "digest: {every: 30m}")
    if mapping is None:
        return None
    reader.check_keys(mapping, _KEYS, elsewhere=_ZONE)
    at, full, least, empty = (mapping.get(name) for name in ("at", "or_at", "min", "send_empty"))
    times = Times() if at is None else read_times(reader, at, in_digest=True)
    _check_triggers(reader, mapping)
    or_at = None if full is None else read_whole(reader, full, "or_at", 2)
    minimum = 1 if least is None else read_whole(reader, least, "min", 1)
    if least is not None and or_at is not None and (minimum or 1) > or_at:
        hint = f"write or_at: {minimum} or more, or a smaller min"
        reader.error(least.span, "impossible-window", "`min` is more than `or_at`, so it is never waited for", hint)
    return Digest(
        timers=read_timers(reader, mapping, zone, times),
        at_session_end=times.at_session_end,
        or_at=or_at,
        minimum=minimum or 1,
        send_empty=empty is not None and bool(reader.flag(empty, "send_empty")),
    )


def _check_triggers(reader: Reader, mapping: Mapping) -> None:
    """Report a digest that is never told, and keys that need a time by the clock where there is none."""
    if all(mapping.get(name) is None for name in ("every", "at", "or_at")):
        hint = 'add every: 30m, at: "18:00", at: session_end or or_at: 200'
        reader.error(mapping.span, "missing-key", "`digest` does not say when it is told", hint)
        return
    at = mapping.get("at")
    written = at.items if isinstance(at, Items) else () if at is None else (at,)
    has_times = any(isinstance(part, Scalar) and part.text != SESSION_END for part in written)
    for pair in mapping.pairs:
        if pair.key.text in ("days", "send_empty") and mapping.get("every") is None and not has_times:
            hint = 'add every: 30m or at: "18:00", or remove it'
            reader.error(pair.key.span, "no-effect", f"`{pair.key.text}` has no effect without a time of day", hint)


def read_summarize(reader: Reader, node: Node) -> Summarize | None:
    """Return how the text is summed up, or None for `false` and after reporting."""
    if not isinstance(node, Mapping):
        return Summarize() if reader.flag(node, "summarize") else None
    if not node.pairs:
        reader.error(node.span, "empty-value", "`summarize` is an empty mapping", "write summarize: true")
    reader.check_keys(node, ("prompt", "max_chars", "fallback", "budget"))
    usual = Summarize()
    prompt, most, fallback, budget = (node.get(name) for name in ("prompt", "max_chars", "fallback", "budget"))
    chosen = None if fallback is None else reader.choice(fallback, "fallback", FALLBACKS)
    max_chars = usual.max_chars if most is None else read_whole(reader, most, "max_chars", 100)
    summaries = usual.budget if budget is None else reader.converted(budget, "budget", "bad-rate", _budget)
    return Summarize(
        prompt="" if prompt is None else _prompt(reader, prompt),
        max_chars=max_chars or usual.max_chars,
        fallback=cast(Literal["bullets", "terms", "counts", "none"], chosen or usual.fallback),
        budget=usual.budget if summaries is None else summaries,
    )


def _prompt(reader: Reader, node: Node) -> str:
    text = reader.text(node, "prompt")
    if text is None or not isinstance(node, Scalar):
        return ""
    if not text.strip():
        reader.error(node.span, "empty-value", "`prompt` is empty", "say what to look for, or remove it")
    elif len(text) > MOST_PROMPT:
        message = f"`prompt` is longer than {MOST_PROMPT:,} characters"
        reader.error(node.span, "out-of-range", message, "say it shorter")
    return text


def _budget(value: object) -> int:
    """Return the summaries a day. Zero asks no model at all."""
    if isinstance(value, int) and not isinstance(value, bool):
        count, per_ms = value, DAY_MS
    else:
        count, per_ms = rate(value)
    if per_ms != DAY_MS:
        raise ScalarError("summaries are counted by the day", "write 20/day")
    if not 0 <= count <= 1_000:
        raise ScalarError("a budget is from 0 to 1,000 summaries a day", "write 20/day")
    return count
