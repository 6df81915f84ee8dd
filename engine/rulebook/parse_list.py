"""What the rules of one file share: `defaults:` and `vars:`."""

from __future__ import annotations

from typing import Any

from engine.rulebook.keys import DEFAULT_KEYS, LATER_KEYS, RULE_KEYS, USE_KEYS
from engine.rulebook.parse_reader import Reader
from engine.rulebook.parse_rule import Given
from engine.rulebook.yaml_guard import Items, Mapping, Node, Pair, Scalar, plain

__all__ = ["read_shared", "read_variables"]

_NOT_DEFAULT = {
    **dict.fromkeys(USE_KEYS, "write it in the list under rules:"),
    **dict.fromkeys(RULE_KEYS, "write it at each rule: it is a rule's own"),
}


def read_shared(reader: Reader, top: Mapping) -> Given:
    """Return what a file gives to each rule in its list."""
    return Given(defaults=_defaults(reader, top), variables=read_variables(reader, top))


def _defaults(reader: Reader, top: Mapping) -> tuple[Pair, ...]:
    node = top.get("defaults")
    mapping = None if node is None else reader.mapping(node, "defaults", "defaults: {notify: me}")
    if mapping is None:
        return ()
    reader.check_keys(mapping, DEFAULT_KEYS, LATER_KEYS, _NOT_DEFAULT)
    return tuple(pair for pair in mapping.pairs if pair.key.text in DEFAULT_KEYS)


def read_variables(reader: Reader, top: Mapping) -> tuple[tuple[str, Any], ...]:
    """Read a map of name to scalar or list of scalars."""
    node = top.get("vars")
    mapping = None if node is None else reader.mapping(node, "vars", "vars: {team: [ann, ben]}")
    if mapping is None:
        return ()
    for pair in mapping.pairs:
        if not _is_flat(pair.value):
            message = "vars: a value is text, a number, true, false or a list of those"
            reader.error(pair.value.span, "wrong-form", message, "such as vars: {team: [ann, ben]}")
    return tuple((pair.key.text, plain(pair.value)) for pair in mapping.pairs)


def _is_flat(node: Node) -> bool:
    return isinstance(node, Scalar) or (
        isinstance(node, Items) and all(isinstance(part, Scalar) for part in node.items)
    )
