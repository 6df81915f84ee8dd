"""The rules of a pack with their blanks filled and their names made unique: nodes in, nodes out."""

from __future__ import annotations

from dataclasses import replace

from engine.model.errors import Span
from engine.rulebook.pack import Pack, blank_name, blanks, own_names
from engine.rulebook.pack_inputs import Values
from engine.rulebook.yaml_guard import MAX_NODES, Items, Mapping, Node, Pair, Scalar

__all__ = ["filled", "is_too_much"]

_HEARS = ("when", "until")
# Fields and templates can be called like a key, and mean something else.
_FIELDS = ("where", "emit", "vars")


def filled(pack: Pack, values: Values, prefix: str, at: Span | None = None) -> Pack:
    """Return the pack without blanks, its rules called `<prefix>-<name>`.

    With `at` it is used by another file: whatever is not filled in stands there, and tests, which are written for the
    defaults, are left out.
    """
    if at is not None:
        values = {name: _moved(node, at) if node.span.file != at.file else node for name, node in values.items()}
    names = {name: f"{prefix}-{name}" for name in own_names(pack)}
    rules = tuple(_filled_rule(_prefixed(rule, names), values, at) for rule in pack.rules)
    top = Mapping(
        pack.top.span,
        tuple(
            Pair(pair.key, _fill(pair.value, values, at))
            for pair in pack.top.pairs
            if pair.key.text in ("defaults", "vars")
        ),
    )
    return Pack(pack.inputs, top, rules)


def is_too_much(pack: Pack, values: Values) -> bool:
    """Tell whether long lists in many blanks make more of a pack than a file may hold."""
    sizes = {name: len(node.items) if isinstance(node, Items) else 1 for name, node in values.items()}
    return sum(sizes.get(blank.text[1:], 1) for blank in blanks(pack)) > MAX_NODES


def _filled_rule(rule: Mapping, values: Values, at: Span | None) -> Mapping:
    pairs: list[Pair] = []
    for pair in rule.pairs:
        if pair.key.text != "tests":
            pairs.append(Pair(_at(pair.key, at), _fill(pair.value, values, at)))
        elif at is None:
            pairs.append(pair)
    return Mapping(at or rule.span, tuple(pairs))


def _fill(node: Node, values: Values, at: Span | None) -> Node:
    """Return the node with its blanks filled; with `at`, everything else stands there.

    A list that is filled into a list becomes part of it, so `[$apps, Safari]` is one list.
    """
    if isinstance(node, Scalar):
        return _filled_scalar(node, values, at)
    if isinstance(node, Items):
        parts: list[Node] = []
        for part in node.items:
            done = _fill(part, values, at)
            parts += done.items if isinstance(part, Scalar) and isinstance(done, Items) else (done,)
        return Items(at or node.span, tuple(parts))
    return Mapping(
        at or node.span, tuple(Pair(_at(pair.key, at), _fill(pair.value, values, at)) for pair in node.pairs)
    )


def _filled_scalar(scalar: Scalar, values: Values, at: Span | None) -> Node:
    name = blank_name(scalar)
    if name is not None and name in values:
        return values[name]
    if scalar.text.startswith("$$") and blank_name(replace(scalar, text=scalar.text[1:])) is not None:
        scalar = replace(scalar, value=scalar.text[1:], text=scalar.text[1:])
    return _at(scalar, at)


def _at(scalar: Scalar, at: Span | None) -> Scalar:
    return scalar if at is None else replace(scalar, span=at)


def _moved(node: Node, at: Span) -> Node:
    """Return the same value, standing elsewhere."""
    if isinstance(node, Scalar):
        return _at(node, at)
    if isinstance(node, Items):
        return Items(at, tuple(_moved(part, at) for part in node.items))
    return Mapping(at, tuple(Pair(_at(pair.key, at), _moved(pair.value, at)) for pair in node.pairs))


def _prefixed(rule: Mapping, names: dict[str, str]) -> Mapping:
    """Return the rule under its new name, also where it listens to another of the pack."""
    pairs = []
    for key, value in rule.pairs:
        if key.text == "name" and isinstance(value, Scalar):
            value = _called(value, names.get(value.text, value.text))
        pairs.append(Pair(key, value if key.text == "tests" else _renamed(value, names, key.text)))
    return Mapping(rule.span, tuple(pairs))


def _renamed(node: Node, names: dict[str, str], key: str) -> Node:
    if key in _FIELDS:
        return node
    if isinstance(node, Scalar):
        kind, _, name = node.text.partition(".")
        is_heard = key in _HEARS and kind == "rule" and name in names
        return _called(node, f"rule.{names[name]}") if is_heard else node
    if isinstance(node, Items):
        return Items(node.span, tuple(_renamed(part, names, key) for part in node.items))
    return Mapping(node.span, tuple(Pair(pair.key, _renamed(pair.value, names, pair.key.text)) for pair in node.pairs))


def _called(scalar: Scalar, text: str) -> Scalar:
    return replace(scalar, value=text, text=text)
