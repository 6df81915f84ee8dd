"""`expect`: how often a rule should speak, so that one that is too loud or has died reports itself."""

from __future__ import annotations

from engine.model.rule import Expect
from engine.rulebook.parse_reader import Reader
from engine.rulebook.scalars import ScalarError, rate
from engine.rulebook.yaml_guard import Node

__all__ = ["read_health"]

_PERIODS_MS = (3_600_000, 86_400_000, 7 * 86_400_000)
_EXAMPLE = "expect: {max: 20/day}"


def read_health(reader: Reader, node: Node) -> Expect | None:
    """Return the bounds, or None after reporting. Shape: both are of the same period."""
    mapping = reader.mapping(node, "expect", _EXAMPLE)
    if mapping is None:
        return None
    reader.check_keys(mapping, ("max", "min"))
    most = reader.optional(mapping, "max", "bad-rate", _bound)
    least = reader.optional(mapping, "min", "bad-rate", _bound)
    known = most or least
    if known is None:
        return None
    if most is not None and least is not None:
        if most[1] != least[1]:
            hint = "write both an hour, a day or a week"
            reader.error(mapping.span, "contradiction", "expect: `max` and `min` are of different periods", hint)
        elif least[0] > most[0]:
            reader.error(mapping.span, "contradiction", "expect: `min` is more than `max`", "exchange them")
    return Expect(known[1], None if least is None else least[0], None if most is None else most[0])


def _bound(value: object) -> tuple[int, int]:
    count, per_ms = rate(value)
    if per_ms not in _PERIODS_MS:
        raise ScalarError("a rule is judged by the hour, the day or the week", "write 20/day")
    if not count:
        raise ScalarError("nothing can be less than that", "write 1/day; max: 1/day reports the second firing")
    return count, per_ms
