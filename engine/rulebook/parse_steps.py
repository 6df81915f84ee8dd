"""The steps of `together` and `sequence`: named blocks, some of which must not happen."""

from __future__ import annotations

import re

from engine.model.condition import AnyOf, Condition
from engine.model.window import Sequence, StepSpec, Together
from engine.rulebook.keys import BLOCK_KEYS, TEMPLATE_WORDS
from engine.rulebook.parse_condition import Around, read_event, step_pairs
from engine.rulebook.parse_range import WEEK_MS, read_length, read_whole
from engine.rulebook.parse_reader import Reader
from engine.rulebook.yaml_guard import Items, Mapping, Node, Pair, short

__all__ = ["MOST_STEPS", "read_sequence", "read_together"]

# A window keeps 50 whole events of evidence; the chains of a sequence of 9 steps have 45.
MOST_STEPS = 9
_EXAMPLE = "{seen: {when: screen, contains: Slack}, said: {when: transcript, word: deadline}}"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def read_together(reader: Reader, node: Node, around: Around) -> Together | None:
    """Return the steps that may come in any order."""
    found = _read(reader, node, "together", around)
    return None if found is None else Together(*found)


def read_sequence(reader: Reader, node: Node, around: Around) -> Sequence | None:
    """Return the steps that come one after the other, in the order of the file."""
    found = _read(reader, node, "sequence", around)
    return None if found is None else Sequence(*found)


def _read(reader: Reader, node: Node, key: str, around: Around) -> tuple[tuple[StepSpec, ...], int, int] | None:
    pairs = _pairs(reader, node, key)
    steps = [_step(reader, pair, around) for pair in pairs]
    within = around.rule.get("within")
    if within is None:
        message = f"`{key}` does not say within what time"
        reader.error(around.rule.place(key), "missing-key", message, "add within: 2m")
    within_ms = None if within is None else read_length(reader, within, "within", most_ms=WEEK_MS)
    positive = sum(1 for pair in pairs if _negated(pair.value) is None)
    if len(pairs) < _written(node) or not _are_enough(reader, node, key, len(pairs), positive):
        return None
    at_least = _at_least(reader, around.rule, key, positive, len(pairs))
    if within_ms is None or at_least is None:
        return None
    return tuple(step for step in steps if step is not None), within_ms, at_least


def _written(node: Node) -> int:
    """Return how many steps the author wrote, readable or not: a fault in one is no lack of steps."""
    return max(1, len(step_pairs(node)), len(node.items) if isinstance(node, Items) else 0)


def _pairs(reader: Reader, node: Node, key: str) -> tuple[Pair, ...]:
    """Return the steps with their names, from a mapping or a list of mappings with one key each."""
    if not isinstance(node, Items):
        mapping = reader.mapping(node, key, f"{key}: {_EXAMPLE}")
        return _named(reader, key, () if mapping is None else mapping.pairs)
    if not node.items:
        reader.error(node.span, "empty-list", f"`{key}` is an empty list", f"such as {key}: {_EXAMPLE}")
    pairs: list[Pair] = []
    for part in node.items:
        step = reader.mapping(part, key, "- said: {when: transcript, word: deadline}")
        if step is not None and len(step.pairs) > 1 and not set(step.keys()) & BLOCK_KEYS.keys():
            hint = "put a dash before each step, or write a mapping without dashes"
            reader.error(step.pairs[1].key.span, "wrong-form", f"`{key}`: one step an entry of the list", hint)
        pairs += () if step is None else step.pairs
    return _named(reader, key, tuple(pairs))


def _named(reader: Reader, key: str, pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """Return the steps with names that a message can use; others are reported."""
    good: dict[str, Pair] = {}
    for pair in pairs:
        name = pair.key.text
        if name in BLOCK_KEYS:
            hint = f"give the step a name: said: {{{name}: ...}}"
            reader.error(pair.key.span, "bad-name", f"`{key}`: `{name}` is no name for a step: it is a key", hint)
        elif name in TEMPLATE_WORDS:
            hint = f"call it {name.strip('_') or 'step'}_1, or what it is"
            message = f"`{key}`: `{name}` is no name for a step: messages use it for something else"
            reader.error(pair.key.span, "bad-name", message, hint)
        elif not _NAME.fullmatch(name):
            hint = "letters, digits and underscores, no digit first: messages read {{ said._.text }}"
            reader.error(pair.key.span, "bad-name", f'`{key}`: "{short(name)}" is no name for a step', hint)
        elif name in good:
            message = f"`{key}`: there are two steps `{name}`"
            reader.error(pair.key.span, "repeated-name", message, f"call it {name}_2")
        else:
            good[name] = pair
    return tuple(good.values())


def _step(reader: Reader, pair: Pair, around: Around) -> StepSpec | None:
    name, negated = pair.key.text, _negated(pair.value)
    if negated is None:
        condition = read_event(reader, pair.value, name, around)
        return None if condition is None else StepSpec(name, condition)
    parts = negated.items if isinstance(negated, Items) else (negated,)
    if not parts:
        reader.error(negated.span, "empty-list", "`not` is an empty list", "add a block, or remove the step")
    found: list[Condition] = [each for part in parts if (each := read_event(reader, part, name, around)) is not None]
    if not found:
        return None
    return StepSpec(name, found[0] if len(found) == 1 else AnyOf(tuple(found)), negated=True)


def _negated(node: Node) -> Node | None:
    """Return what must not happen, of a block that is one `not:` and nothing else."""
    return node.get("not") if isinstance(node, Mapping) and node.keys() == ("not",) else None


def _are_enough(reader: Reader, node: Node, key: str, steps: int, positive: int) -> bool:
    if not positive:
        hint = "add a step that happens; for silence alone use absent: and for:"
        reader.error(node.span, "impossible-window", f"`{key}`: every step is a `not`, so nothing can happen", hint)
    elif steps < 2:
        hint = "add another step; for one kind of event use when: and count:"
        reader.error(node.span, "no-effect", f"`{key}` has no effect with one step", hint)
    elif steps > MOST_STEPS:
        hint = "join steps by any:, or use two rules and when: rule.<name>"
        reader.error(node.span, "out-of-range", f"`{key}` has more than {MOST_STEPS} steps", hint)
    else:
        return True
    return False


def _at_least(reader: Reader, rule: Mapping, key: str, positive: int, steps: int) -> int | None:
    """Return how many of the steps must happen: all of them if nothing is said."""
    node = rule.get("at_least")
    if node is None:
        return positive
    enough = read_whole(reader, node, "at_least", 1, max(positive, 1))
    if enough == 1 and steps == positive:
        hint = "write 2 or more; for one event of several kinds use any:"
        reader.error(node.span, "no-effect", f"`{key}` has no effect where one step is enough", hint)
        return None
    return enough
