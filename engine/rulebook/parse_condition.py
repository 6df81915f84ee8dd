"""`when`, text tests, `where`, `filter` and nested blocks to one condition.

A nested block takes over `in` and `case` from the block around it unless it says otherwise. Parts are joined in the
order of this file, cheap ones first, so the order of keys in a rule changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

from engine.core.necessary import kinds_of
from engine.core.text import fold
from engine.model.condition import (
    AllOf,
    AnyOf,
    Condition,
    Filter,
    FromSource,
    InState,
    Kinds,
    Not,
    Selector,
    Text,
    TextOp,
)
from engine.model.errors import Span
from engine.rulebook.keys import BLOCK_KEYS, FILE_KEYS, LATER_KEYS, RULE_KEYS, TEXT_KEYS, USE_KEYS
from engine.rulebook.parse_expression import check_expression, read_paths
from engine.rulebook.parse_place import inside
from engine.rulebook.parse_reader import Reader
from engine.rulebook.parse_when import read_selectors, read_state
from engine.rulebook.parse_where import check_pattern, joined, read_where
from engine.rulebook.yaml_guard import Items, Mapping, Node, Pair, Scalar, short

__all__ = [
    "Around", "Scope", "blocks", "read_around", "read_classify", "read_condition", "read_event", "read_unless",
    "selectors", "step_pairs",
]  # fmt: skip

_NOT_IN_BLOCK = {name: "write it at the rule, not in a block" for name in (*RULE_KEYS, *USE_KEYS, *FILE_KEYS)}
_INSTEAD_OF_WHEN = ("where", "filter", "any", "all", "not")


class Scope(NamedTuple):
    """What a block hands down: the fields that text tests look at, and whether letter case counts."""

    paths: tuple[str, ...] = ("_.text",)
    exact: bool = False


class Around(NamedTuple):
    """What a rule says of every event it looks at: those of its steps and of `absent` must satisfy it too."""

    rule: Mapping
    scope: Scope
    parts: tuple[Condition, ...]


def read_around(reader: Reader, rule: Mapping) -> Around:
    """Return the parts that stand at the rule itself, and the scope that its blocks inherit."""
    scope = _inner(reader, rule, Scope())
    return Around(rule, scope, tuple(_parts(reader, rule, scope)))


def read_condition(reader: Reader, around: Around) -> Condition:
    """Return the condition of a rule that looks at one kind of event."""
    if around.rule.get("when") is None:
        _need_when(reader, around.rule.span, "the rule", (around.rule,))
    return AllOf(_implied_kinds(around.parts) + around.parts)


def read_event(reader: Reader, node: Node, place: str, around: Around) -> Condition | None:
    """Return the condition of a block that stands for an event of its own: it says `when`, or the rule around does."""
    block = reader.mapping(node, place, "{when: transcript, word: deadline}")
    if block is None:
        return None
    reader.check_keys(block, BLOCK_KEYS, LATER_KEYS, _NOT_IN_BLOCK)
    if block.get("when") is None and around.rule.get("when") is None:
        _need_when(reader, block.span, f"`{place}`", (block, around.rule))
    parts = _parts(reader, block, _inner(reader, block, around.scope))
    return joined([*_implied_kinds((*around.parts, *parts)), *parts])


def read_classify(reader: Reader, node: Node, scope: Scope) -> tuple[tuple[tuple[str, Condition], ...], str | None]:
    """Return the labels with their conditions in the order of the file, and the label for everything else."""
    mapping = reader.mapping(node, "classify", "classify: {Chat: {word: slack}, else: Other}")
    if mapping is None:
        return (), None
    otherwise = mapping.get("else")
    label = None if otherwise is None else reader.text(otherwise, "else")
    labels: list[tuple[str, Condition]] = []
    for pair in mapping.pairs:
        if pair.key.text != "else":
            block = _block(reader, pair.value, f"classify: {short(pair.key.text)}", scope)
            labels += [(pair.key.text, block)] if block else []
    if mapping.keys() == ("else",):
        reader.error(
            mapping.span, "no-effect", "`classify` has no label but `else`", "add a label: {Chat: {word: slack}}"
        )
    return tuple(labels), label


def read_unless(reader: Reader, node: Node, scope: Scope) -> Condition | None:
    """Return the condition under which a firing is held: a block, or a session state."""
    if isinstance(node, Mapping):
        return _block(reader, node, "unless", scope)
    status = read_state(reader, node, "unless", "a block")
    return None if status is None else InState(status)


def blocks(mapping: Mapping) -> Iterator[Mapping]:
    """Yield the rule or block itself, then every block in it, outermost first."""
    yield mapping
    for pair in mapping.pairs:
        inner: tuple[Node, ...] = ()
        if pair.key.text in ("any", "all", "not", "except"):
            inner = pair.value.items if isinstance(pair.value, Items) else (pair.value,)
        elif pair.key.text == "classify" and isinstance(pair.value, Mapping):
            inner = tuple(label.value for label in pair.value.pairs)
        elif pair.key.text in ("together", "sequence"):
            inner = tuple(step.value for step in step_pairs(pair.value))
        elif pair.key.text in ("unless", "absent"):
            inner = (pair.value,)
        for node in inner:
            if isinstance(node, Mapping):
                yield from blocks(node)


def step_pairs(node: Node) -> tuple[Pair, ...]:
    """Return the steps of `together` or `sequence` with their names, of a mapping or of a list of mappings."""
    parts = node.items if isinstance(node, Items) else (node,)
    return tuple(pair for part in parts if isinstance(part, Mapping) for pair in part.pairs)


def _block(reader: Reader, node: Node, place: str, scope: Scope) -> Condition | None:
    block = reader.mapping(node, place, "{contains: Slack}")
    if block is None:
        return None
    reader.check_keys(block, BLOCK_KEYS, LATER_KEYS, _NOT_IN_BLOCK)
    return joined(_parts(reader, block, _inner(reader, block, scope)))


def _parts(reader: Reader, mapping: Mapping, scope: Scope) -> list[Condition]:
    found = []
    for name, read in _READERS.items():
        node = mapping.get(name)
        if node is not None:
            found.append(read(reader, node, name, scope))
    flat = [each.parts if isinstance(each, AllOf) else (each,) for each in found if each is not None]
    return [part for parts in flat for part in parts]


def _inner(reader: Reader, mapping: Mapping, scope: Scope) -> Scope:
    """Return the scope inside the mapping."""
    node = mapping.get("in")
    if node is not None:
        scope = scope._replace(paths=read_paths(reader, node, "in") or scope.paths)
    case = mapping.get("case")
    if case is not None:
        scope = scope._replace(exact=reader.choice(case, "case", ("ignore", "exact")) == "exact")
    return scope


def _need_when(reader: Reader, at: Span, what: str, places: tuple[Mapping, ...]) -> None:
    """Report a missing `when`: only who says in other words what to look at may leave it out."""
    keys = [name for place in places for name in place.keys()]  # noqa: SIM118 (a Mapping is not a dict)
    if all(name in RULE_KEYS for name in keys) and not any(name in keys for name in _INSTEAD_OF_WHEN):
        hint = "add when: transcript, when: screen or when: any; only where, filter and blocks do without"
        reader.error(at, "missing-when", f"{what} does not say which events it looks at", hint)


def _implied_kinds(parts: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """Return what stands for a missing `when`: nothing where the parts name kinds, else every kind but our own."""
    is_said = any(isinstance(part, Kinds) for part in parts) or kinds_of(AllOf(parts)) is not None
    return () if is_said else (Kinds((Selector("any"),)),)


def selectors(condition: Condition) -> Iterator[Selector]:
    """Yield the kinds that can make the condition hold, wherever they stand in it; negated ones cannot."""
    if isinstance(condition, Kinds):
        yield from condition.selectors
    elif isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from selectors(part)


def _kinds(reader: Reader, node: Node, key: str, _scope: Scope) -> Condition | None:
    known = read_selectors(reader, reader.scalars(node, key), key)
    return Kinds(known) if known else None


def _source(reader: Reader, node: Node, key: str, _scope: Scope) -> Condition | None:
    patterns = reader.texts(node, key)
    return FromSource(patterns) if patterns else None


def _text(reader: Reader, node: Node, key: str, scope: Scope) -> Condition | None:
    needles = [scalar for scalar in reader.scalars(node, key) if _is_needle(reader, scalar, key, scope.exact)]
    texts = tuple(dict.fromkeys(scalar.text for scalar in needles))
    return Text(cast(TextOp, key), texts, scope.paths, scope.exact, node.span) if texts else None


def _is_needle(reader: Reader, scalar: Scalar, key: str, exact: bool) -> bool:
    if not fold(scalar.text).strip(" *" if key == "word" else " "):
        reader.error(scalar.span, "empty-needle", f"`{key}` looks for empty text", "write what to look for")
        return False
    return key != "regex" or check_pattern(reader, scalar, key, exact)


def _where(reader: Reader, node: Node, _key: str, scope: Scope) -> Condition | None:
    return read_where(reader, node, scope.exact)


def _filter(reader: Reader, node: Node, key: str, _scope: Scope) -> Condition | None:
    expression = reader.text(node, key)
    if expression is None or not isinstance(node, Scalar):
        return None
    if not expression.strip():
        reader.error(node.span, "empty-value", "`filter` is empty", "write an expression, such as has(_.text, 'Slack')")
        return None
    check_expression(reader, node, key, expression)
    return Filter(expression, inside(node, 0, reader.lines))


def _listed_blocks(reader: Reader, node: Node, key: str, scope: Scope) -> tuple[Condition, ...]:
    if not isinstance(node, Items):
        hint = f"put a dash before the block, or write {key}: [{{contains: Slack}}]"
        reader.error(node.span, "wrong-form", f"`{key}` takes a list of blocks", hint)
        return ()
    if not node.items:
        reader.error(node.span, "empty-list", f"`{key}` is an empty list", f"add a block, or remove {key}")
    found = [_block(reader, part, key, scope) for part in node.items]
    return tuple(condition for condition in found if condition is not None)


def _all(reader: Reader, node: Node, key: str, scope: Scope) -> Condition | None:
    return joined(list(_listed_blocks(reader, node, key, scope)))


def _any(reader: Reader, node: Node, key: str, scope: Scope) -> Condition | None:
    found = _listed_blocks(reader, node, key, scope)
    return AnyOf(found) if found else None


def _none(reader: Reader, node: Node, key: str, scope: Scope) -> Condition | None:
    if isinstance(node, Items):
        found = _any(reader, node, key, scope)
        return Not(found) if found else None
    block = _block(reader, node, key, scope)
    return Not(block) if block else None


def _except(reader: Reader, node: Node, key: str, scope: Scope) -> Condition | None:
    found = _any(reader, node, key, scope)
    return Not(found) if found else None


_READERS: dict[str, Callable[[Reader, Node, str, Scope], Condition | None]] = {
    "when": _kinds,
    "source": _source,
    **dict.fromkeys(TEXT_KEYS, _text),
    "where": _where,
    "filter": _filter,
    "all": _all,
    "any": _any,
    "not": _none,
    "except": _except,
}
