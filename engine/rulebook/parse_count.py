"""`count`: at least so many events in a time, so many different values, or at most so many."""

from __future__ import annotations

from engine.model.window import Absent, Count
from engine.rulebook.parse_range import MOST_EVENTS, WEEK_MS, read_length, read_path, read_whole, required
from engine.rulebook.parse_reader import Reader
from engine.rulebook.parse_when import read_during
from engine.rulebook.scalars import frequency
from engine.rulebook.yaml_guard import Mapping, Node

__all__ = ["read_count"]


def read_count(reader: Reader, node: Node, rule: Mapping) -> Count | Absent | None:
    """Return a count of at least so many events, or the silence of at most so many."""
    keep = (reset := rule.get("reset")) is not None and reader.choice(reset, "reset", ("keep",)) is not None
    if not isinstance(node, Mapping):
        found = reader.converted(node, "count", "bad-count", frequency)
        if found is None or not _fits(reader, node, *found):
            return None
        return Count(*found, keep=keep)
    reader.check_keys(node, ("at_least", "at_most", "within", "distinct"))
    within = required(reader, node, "count", "within", "count: {at_least: 3, within: 10m}")
    within_ms = None if within is None else read_length(reader, within, "within", most_ms=WEEK_MS)
    least, most = node.get("at_least"), node.get("at_most")
    if most is not None:
        return _at_most(reader, node, most, within_ms, rule)
    distinct = node.get("distinct")
    path = None if distinct is None else read_path(reader, distinct, "distinct")
    if least is None:
        hint = "such as count: {at_least: 3, within: 10m}"
        reader.error(node.span, "missing-key", "`count` does not say how many", hint)
        return None
    at_least = read_whole(reader, least, "at_least", 0)
    if at_least is None or within_ms is None or not _fits(reader, least, at_least, within_ms):
        return None
    return Count(at_least, within_ms, path, keep)


def _fits(reader: Reader, node: Node, at_least: int, within_ms: int) -> bool:
    """Tell whether so many events can be counted in that time, and are more than a rule does without a count."""
    if at_least < 2:
        hint = "write 2 or more; for a value that is new use first_seen, for too few events at_most"
        reader.error(node.span, "no-effect", "`count` has no effect below 2: every match fires", hint)
    elif at_least > MOST_EVENTS:
        reader.error(node.span, "out-of-range", f"`count` takes {MOST_EVENTS:,} events at most", "count fewer")
    elif not 0 < within_ms <= WEEK_MS:
        found = "no time at all" if not within_ms else "longer than 7d"
        reader.error(node.span, "impossible-window", f"`count`: the time is {found}", "such as 3 within 10m")
    else:
        return True
    return False


def _at_most(reader: Reader, node: Mapping, most: Node, within_ms: int | None, rule: Mapping) -> Absent | None:
    for pair in node.pairs:
        if pair.key.text == "at_least":
            hint = "write one of them; a rule for each tells of both"
            reader.error(pair.key.span, "contradiction", "`count` takes at_least or at_most, not both", hint)
        elif pair.key.text == "distinct":
            hint = "only at_least counts different values"
            reader.error(pair.key.span, "no-effect", "`distinct` has no effect beside at_most", hint)
    at_most = read_whole(reader, most, "at_most", 0)
    during = read_during(reader, rule)
    return None if at_most is None or within_ms is None else Absent(within_ms, at_most, during)
