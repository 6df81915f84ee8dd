"""Keys that are known but would change nothing on this rule: each is an error, because its author expects an effect."""

from __future__ import annotations

from engine.rulebook.keys import KIND_ALIASES, TEXT_KEYS
from engine.rulebook.parse_condition import blocks
from engine.rulebook.parse_reader import Reader
from engine.rulebook.yaml_guard import Items, Mapping, Node, Scalar

__all__ = ["check_effects"]


def check_effects(reader: Reader, own: Mapping, rule: Mapping) -> None:
    """Report keys without effect. `own` is the rule as written, `rule` the same with the file's defaults."""
    for block in blocks(own):
        _check_text_options(reader, block)
    _check_partials(reader, own, rule)
    _check_quiet(reader, own, rule)


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


def _check_partials(reader: Reader, own: Mapping, rule: Mapping) -> None:
    when = rule.get("when")
    words = when.items if isinstance(when, Items) else (when,) if when else ()
    kinds = {KIND_ALIASES.get(word.text, word.text) for word in words if isinstance(word, Scalar)}
    if kinds and not kinds & {"transcript", "any"}:
        hint = "only transcripts come in parts; remove it, or add transcript to when"
        _report(reader, own, "partials", "`partials` has no effect on these events", hint)


def _check_quiet(reader: Reader, own: Mapping, rule: Mapping) -> None:
    severity = rule.get("severity")
    if isinstance(severity, Scalar) and severity.text == "critical":
        hint = "critical messages pass quiet hours; use active, or a lower severity"
        _report(reader, own, "quiet", "`quiet` has no effect on a critical rule", hint)


def _report(reader: Reader, mapping: Mapping, key: str, message: str, hint: str) -> None:
    for pair in mapping.pairs:
        if pair.key.text == key:
            reader.error(pair.key.span, "no-effect", message, hint)
