"""What a rule looks for over time: one thing, and the keys that go with it.

A rule has one pattern at most. A second one is an error and not a conjunction: nobody could tell which of the two
windows a message is about. Two patterns are two rules, one of which listens to the other.
"""

from __future__ import annotations

from engine.rulebook.keys import TEXT_KEYS
from engine.rulebook.parse_reader import Reader
from engine.rulebook.yaml_guard import Mapping, Pair, Scalar, short

__all__ = ["TIMERS", "check_patterns", "closes", "is_timer", "pattern_pairs"]

TIMERS = ("every", "at")
_STEPS = ("together", "sequence")
_PATTERNS = frozenset({"count", *_STEPS, "absent", "for", "changes", "first_seen", "spike", "track", *TIMERS})
_WAITING = _PATTERNS.difference(TIMERS)
# What each key goes with, and what to write where there is no such thing.
_COMPANIONS: dict[str, tuple[frozenset[str], str]] = {
    "within": (frozenset(_STEPS), "add together or sequence; a count says it itself: 3 within 10m; absent takes for"),
    "at_least": (frozenset(_STEPS), "add together or sequence; a count says it itself: 3 within 10m"),
    "gap": (frozenset({"for"}), "add for: 5m to ask that the condition keeps holding; track has a gap of its own"),
    "while": (frozenset({"absent", "at_most", *TIMERS}), "it limits absent, count at_most and timers; else use unless"),
    "reset": (frozenset({"count"}), "it says what a count does after a firing"),
    "missed": (frozenset(TIMERS), "it says what every and at do after a sleep"),
    "days": (frozenset(TIMERS), "add every or at; hours are limited by active, a digest has days of its own"),
    "lateness": (_WAITING, "only a rule that looks for something over time waits for late events"),
}  # fmt: skip
_ABOUT_EVENTS = ("when", "source", *TEXT_KEYS, "in", "case", "where", "filter", "any", "all", "not", "except",
                 "partials", "classify", "by")  # fmt: skip


def pattern_pairs(rule: Mapping) -> tuple[Pair, ...]:
    """Return what the rule looks for over time, in the order of the file. Beside `absent`, `for` is part of that."""
    has_absent = rule.get("absent") is not None
    return tuple(
        pair for pair in rule.pairs if pair.key.text in _PATTERNS and not (has_absent and pair.key.text == "for")
    )


def is_timer(rule: Mapping) -> bool:
    """Tell whether the rule goes by the clock alone."""
    pairs = pattern_pairs(rule)
    return bool(pairs) and pairs[0].key.text in TIMERS


def closes(rule: Mapping) -> bool:
    """Tell whether what the rule looks for ends by itself: silence does, and what keeps holding."""
    return bool(_names(rule) & {"absent", "at_most", "for"})


def check_patterns(reader: Reader, own: Mapping, rule: Mapping) -> None:
    """Report a second pattern and the keys that the rule's pattern has no use for.

    `own` is the rule as written, `rule` the same with the file's defaults: a default without effect is no fault.
    """
    pairs, names = pattern_pairs(rule), _names(rule)
    first = pairs[0] if pairs else None
    for pair in pairs[1:]:
        _two(reader, rule, pairs[0], pair)
    for pair in own.pairs:
        wanted, hint = _COMPANIONS.get(pair.key.text, (None, ""))
        if wanted is not None and not wanted & names:
            reader.error(pair.key.span, "no-effect", f"`{pair.key.text}` has no effect here", hint)
        if first is not None and first.key.text in TIMERS and pair.key.text in _ABOUT_EVENTS:
            hint = f"no event sets it off: remove it, or {first.key.text}"
            reader.error(pair.key.span, "no-effect", f"`{pair.key.text}` has no effect on a timer rule", hint)
    _check_partials(reader, rule, first)


def _names(rule: Mapping) -> frozenset[str]:
    """Return the patterns by name; a count of at most so many is `at_most`, because it is a silence."""
    names = frozenset(pair.key.text for pair in pattern_pairs(rule))
    count = rule.get("count")
    is_silence = isinstance(count, Mapping) and count.get("at_most") is not None
    return names - {"count"} | {"at_most"} if is_silence else names


def _two(reader: Reader, rule: Mapping, first: Pair, second: Pair) -> None:
    names = first.key.text, second.key.text
    if set(names) <= set(TIMERS):
        reader.error(second.key.span, "two-patterns", "`every` and `at` are two timers", "write a rule for each")
        return
    name = rule.get("name")
    named = short(name.text) if isinstance(name, Scalar) and name.text else "<name>"
    message = f"a rule looks for one thing over time, and `{names[0]}` and `{names[1]}` are two"
    hint = f"move one of them to another rule that listens to this one by when: rule.{named}"
    reader.error(second.key.span, "two-patterns", message, hint)


def _check_partials(reader: Reader, rule: Mapping, first: Pair | None) -> None:
    partials = rule.get("partials")
    if first is None or first.key.text in TIMERS or not isinstance(partials, Scalar) or partials.text != "early":
        return
    message = f"partials: an early match may be taken back, and `{first.key.text}` could not count it out again"
    reader.error(partials.span, "contradiction", message, "write partials: ignore or partials: all at this rule")
