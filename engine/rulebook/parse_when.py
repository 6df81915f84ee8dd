"""Names of events and of session states: what stands under `when` and `until`, and under `while` and `unless`."""

from __future__ import annotations

from collections.abc import Iterable

from engine.model.condition import Selector
from engine.rulebook.keys import KIND_ALIASES, KINDS, STATUSES
from engine.rulebook.parse_reader import Reader, listed
from engine.rulebook.scalars import ScalarError, nearest, rule_name
from engine.rulebook.yaml_guard import Mapping, Node, Scalar, short

__all__ = ["read_during", "read_selectors", "read_state"]

_KIND_WORDS = (*KINDS, *KIND_ALIASES)
_NAMED = ("rule", "engine", "capture")


def read_selectors(reader: Reader, scalars: Iterable[Scalar], key: str) -> tuple[Selector, ...]:
    """Return the kinds that the words name, each once; a word that names none is reported."""
    found = [_selector(reader, scalar, key) for scalar in scalars]
    return tuple(dict.fromkeys(selector for selector in found if selector is not None))


def read_state(reader: Reader, node: Node, key: str, otherwise: str = "") -> str | None:
    """Return the status of `session.<status>`. `otherwise` names what else may stand under the key."""
    text = reader.text(node, key)
    if text is None:
        return None
    kind, _, status = text.partition(".")
    if kind == "session" and status:
        return status if _is_status(reader, node, status) else None
    hint = f"write {key}: session.active" + (f", or {otherwise} such as {{word: test}}" if otherwise else "")
    what = f"neither a session state nor {otherwise}" if otherwise else "not a session state"
    reader.error(node.span, "unknown-value", f'{key}: "{short(text)}" is {what}', hint)
    return None


def read_during(reader: Reader, rule: Mapping) -> str | None:
    """Return the session status of `while`, if the rule has it."""
    node = rule.get("while")
    return None if node is None else read_state(reader, node, "while")


def _selector(reader: Reader, scalar: Scalar, key: str) -> Selector | None:
    word = scalar.text
    kind, dot, status = word.partition(".")
    if not dot and word in _KIND_WORDS:
        return Selector(KIND_ALIASES.get(word, word))
    if dot and kind == "session":
        return Selector(kind, status) if _is_status(reader, scalar, status) else None
    if dot and kind in _NAMED:
        return _named(reader, scalar, key, kind, status)
    close = nearest(word, [*_KIND_WORDS, *(f"session.{known}" for known in STATUSES)])
    suggestion = f'; did you mean "{close}"?' if close else ""
    hint = f"use {listed(KINDS)}, session.<status>, rule.<name>, engine.<event> or capture.<fact>"
    reader.error(scalar.span, "unknown-value", f'{key}: no events are called "{short(word)}"{suggestion}', hint)
    return None


def _named(reader: Reader, scalar: Scalar, key: str, kind: str, name: str) -> Selector | None:
    try:
        return Selector(kind, rule_name(name))
    except ScalarError as fault:
        reader.error(scalar.span, "unknown-value", f"{key}: {fault.message}", f"write {kind}.<name>")
        return None


def _is_status(reader: Reader, node: Node, status: str) -> bool:
    if status in STATUSES:
        return True
    close = nearest(status, STATUSES)
    suggestion = f'; did you mean "session.{close}"?' if close else ""
    reader.error(
        node.span, "unknown-value", f'unknown session status "{short(status)}"{suggestion}', f"use {listed(STATUSES)}"
    )
    return False
