"""Keys that are known but would change nothing on this rule: each is an error, because its author expects an effect."""

from __future__ import annotations

from engine.core.necessary import kinds_of
from engine.model.condition import Condition
from engine.rulebook.keys import TEXT_KEYS
from engine.rulebook.parse_condition import blocks
from engine.rulebook.parse_pattern import check_patterns, is_timer
from engine.rulebook.parse_reader import Reader, listed
from engine.rulebook.parse_timer import SESSION_END
from engine.rulebook.yaml_guard import Items, Mapping, Node, Scalar

__all__ = ["check_effects", "check_partials"]

_BY_THE_CLOCK = ("every", "at", "digest", "active", "quiet")


def check_effects(reader: Reader, own: Mapping, rule: Mapping) -> None:
    """Report keys without effect. `own` is the rule as written, `rule` the same with the file's defaults."""
    for block in () if is_timer(own) else blocks(own):
        _check_text_options(reader, block)
    check_patterns(reader, own, rule)
    _check_quiet(reader, own, rule)
    _check_digest(reader, own, rule)
    if not any(rule.get(key) is not None for key in _BY_THE_CLOCK):
        hint = f"add {listed(_BY_THE_CLOCK)}, or remove it"
        _report(reader, own, "zone", "`zone` has no effect on a rule without times of day", hint)


def _check_digest(reader: Reader, own: Mapping, rule: Mapping) -> None:
    """Report a summary of nothing, and an empty digest that no time of day could tell."""
    digest = rule.get("digest")
    if digest is None:
        hint = "add digest: {every: 30m}, or remove it"
        _report(reader, own, "summarize", "`summarize` has no effect without `digest`", hint)
    if not isinstance(digest, Mapping) or digest.get("send_empty") is None:
        return
    at = digest.get("at")
    ends = at.items if isinstance(at, Items) else (at,)
    if any(isinstance(part, Scalar) and part.text == SESSION_END for part in ends):
        hint = "a session without anything collected has no digest; remove it"
        _report(reader, digest, "send_empty", "`send_empty` has no effect with at: session_end", hint)
    elif rule.get("by") is not None:
        hint = "a group is known once something was collected for it; remove it, or by"
        _report(reader, digest, "send_empty", "`send_empty` has no effect with `by`", hint)


def check_partials(reader: Reader, own: Mapping, condition: Condition) -> None:
    """Report `partials` where no event of the rule can be unfinished speech."""
    kinds = kinds_of(condition)
    if kinds and "transcript" not in kinds:
        hint = "only transcripts come in parts; remove it, or add transcript to when"
        _report(reader, own, "partials", "`partials` has no effect on these events", hint)


def _check_text_options(reader: Reader, block: Mapping) -> None:
    inner = list(blocks(block))
    has_text_test = any(each.get(key) is not None for each in inner for key in TEXT_KEYS)
    hint = f"add {', '.join(TEXT_KEYS[:-1])} or {TEXT_KEYS[-1]}, or remove it"
    if not has_text_test:
        _report(reader, block, "in", "`in` has no effect without a text test", hint)
    if not has_text_test and not any(_has_regex(each.get("where")) for each in inner):
        _report(reader, block, "case", "`case` has no effect without a text test", hint)


def _has_regex(where: Node | None) -> bool:
    tests = [pair.value for pair in where.pairs] if isinstance(where, Mapping) else []
    return any(isinstance(test, Mapping) and test.get("regex") is not None for test in tests)


def _check_quiet(reader: Reader, own: Mapping, rule: Mapping) -> None:
    severity = rule.get("severity")
    if isinstance(severity, Scalar) and severity.text == "critical":
        hint = "critical messages pass quiet hours; use active, or a lower severity"
        _report(reader, own, "quiet", "`quiet` has no effect on a critical rule", hint)


def _report(reader: Reader, mapping: Mapping, key: str, message: str, hint: str) -> None:
    for pair in mapping.pairs:
        if pair.key.text == key:
            reader.error(pair.key.span, "no-effect", message, hint)
