"""Patterns about a value or a rate: `changes`, `first_seen`, `track` and `spike`."""

from __future__ import annotations

import math

from engine.model.window import Changes, FirstSeen, Spike, Track
from engine.rulebook.parse_range import GAP_MS, WEEK_MS, read_length, read_path, read_whole, required
from engine.rulebook.parse_reader import Reader, number
from engine.rulebook.yaml_guard import Mapping, Node, Scalar

__all__ = ["read_changes", "read_first_seen", "read_spike", "read_track"]

_MEMORY_MS = 30 * 86_400_000
_SPIKE = Spike(ratio=3.0, window_ms=600_000, baseline_ms=3_600_000, minimum=5)
_BASELINE_WINDOWS = 6
_MOST_RATIO = 1_000


def read_changes(reader: Reader, node: Node, _rule: Mapping) -> Changes | None:
    """Return that a value is another than before."""
    path = read_path(reader, node, "changes")
    return None if path is None else Changes(path)


def read_first_seen(reader: Reader, node: Node, _rule: Mapping) -> FirstSeen | None:
    """Return that a value is new."""
    if not isinstance(node, Mapping):
        path = read_path(reader, node, "first_seen")
        return None if path is None else FirstSeen(path, _MEMORY_MS)
    reader.check_keys(node, ("path", "memory"))
    where = required(reader, node, "first_seen", "path", "first_seen: {path: _.class, memory: 30d}")
    memory = node.get("memory")
    memory_ms = _MEMORY_MS if memory is None else read_length(reader, memory, "memory")
    path = None if where is None else read_path(reader, where, "path")
    return None if path is None or memory_ms is None else FirstSeen(path, memory_ms)


def read_spike(reader: Reader, node: Node, _rule: Mapping) -> Spike | None:
    """Return that there is more than usual; `true` stands for the defaults."""
    if isinstance(node, Scalar) and node.value is True:
        return _SPIKE
    mapping = reader.mapping(node, "spike", "spike: {ratio: 3, window: 10m, baseline: 1h, min: 5}")
    if mapping is None:
        return None
    reader.check_keys(mapping, ("ratio", "window", "baseline", "min"))
    ratio, window, baseline, least = (mapping.get(name) for name in ("ratio", "window", "baseline", "min"))
    times = _SPIKE.ratio if ratio is None else _ratio(reader, ratio)
    window_ms = _SPIKE.window_ms if window is None else read_length(reader, window, "window", most_ms=WEEK_MS)
    if times is None or window_ms is None:
        return None
    minimum = _SPIKE.minimum if least is None else read_whole(reader, least, "min", 1)
    baseline_ms = _BASELINE_WINDOWS * window_ms if baseline is None else read_length(reader, baseline, "baseline")
    if baseline_ms is None or minimum is None or not _fits(reader, baseline or mapping, window_ms, baseline_ms):
        return None
    return Spike(times, window_ms, baseline_ms, minimum)


def _fits(reader: Reader, node: Node, window_ms: int, baseline_ms: int) -> bool:
    if baseline_ms < window_ms:
        hint = "write a longer baseline: what is usual is learnt from it"
        reader.error(node.span, "impossible-window", "`baseline` is shorter than `window`", hint)
    elif window_ms + baseline_ms > WEEK_MS:
        hint = "write a shorter window or baseline; without one, the baseline is six windows"
        reader.error(node.span, "impossible-window", "`window` and `baseline` together are longer than 7d", hint)
    else:
        return True
    return False


def _ratio(reader: Reader, node: Node) -> float | None:
    value = number(reader, node, "ratio", "3")
    if value is None:
        return None
    if math.isfinite(value) and 1 < value <= _MOST_RATIO:
        return float(value)
    message = f"`ratio` is more than 1, and {_MOST_RATIO:,} at most"
    reader.error(node.span, "out-of-range", message, "write how many times as much as usual: 3")
    return None


def read_track(reader: Reader, node: Node, _rule: Mapping) -> Track | None:
    """Return spans of one value."""
    if not isinstance(node, Mapping):
        path = read_path(reader, node, "track")
        return None if path is None else Track(path, GAP_MS, 0)
    reader.check_keys(node, ("key", "gap", "min"))
    key = required(reader, node, "track", "key", "track: {key: _.class, gap: 90s}")
    gap, least = node.get("gap"), node.get("min")
    gap_ms = GAP_MS if gap is None else read_length(reader, gap, "gap", 0)
    min_ms = 0 if least is None else read_length(reader, least, "min", 0)
    path = None if key is None else read_path(reader, key, "key")
    return None if path is None or gap_ms is None or min_ms is None else Track(path, gap_ms, min_ms)
