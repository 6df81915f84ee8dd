"""Packs: rule files with blanks that others fill in.

A blank is the text `$name` in place of a whole value; `$$name` is the text `$name` itself. It is filled with a piece
of the user's file and never pasted into a text, so nothing that is filled in can break out of its place. A pack
cannot choose whom it tells: only an input of type `route` can stand under `notify`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from engine.rulebook.keys import FILE_KEYS, LATER_KEYS, RULE_KEYS
from engine.rulebook.pack_inputs import Input, is_input_name, read_inputs
from engine.rulebook.parse_action import ALWAYS_KNOWN, told_names
from engine.rulebook.parse_reader import Reader
from engine.rulebook.scalars import nearest
from engine.rulebook.yaml_guard import Items, Mapping, Node, Scalar, short

__all__ = ["Pack", "blank_name", "blanks", "own_names", "read_pack"]

_IN_RULE = dict.fromkeys((*RULE_KEYS, *LATER_KEYS), "write it in a rule under rules:")
_NO_USE = dict.fromkeys(("use", "with", "without"), "a pack does not use another one; copy the rules you need")


class Pack(NamedTuple):
    """A pack as written, blanks and all. `top` is its file, `rules` the mappings under `rules`."""

    inputs: tuple[Input, ...]
    top: Mapping
    rules: tuple[Mapping, ...]


def read_pack(reader: Reader, top: Mapping) -> Pack | None:
    """Return the pack in a file, as far as it can be read; what is wrong with its frame is reported.

    Its rules are not looked into: that takes values for the blanks. None when there are no rules, or no telling what
    the blanks are.
    """
    reader.check_keys(top, FILE_KEYS, elsewhere={**_IN_RULE, **_NO_USE})
    inputs, written = read_inputs(reader, top), top.get("rules")
    if not isinstance(written, Items) or not written.items:
        at = top.place("inputs") if written is None else written.span
        reader.error(at, "wrong-form", "a pack has a list of rules under `rules`", "put a dash before each rule")
        return None
    if inputs is None:
        return None
    found = [reader.mapping(part, "rules", "{name: slack, when: screen, contains: Slack}") for part in written.items]
    pack = Pack(inputs, top, tuple(rule for rule in found if rule is not None))
    _check_uses(reader, pack)
    _check_blanks(reader, pack)
    _check_trust(reader, pack)
    return pack


def blank_name(node: Node) -> str | None:
    """Return the input that a value stands for, None if it is no blank."""
    if isinstance(node, Scalar) and node.text.startswith("$") and is_input_name(node.text[1:]):
        return node.text[1:]
    return None


def _blanks(node: Node) -> Iterator[Scalar]:
    """Yield every blank below a node."""
    if isinstance(node, Scalar):
        if blank_name(node) is not None:
            yield node
    else:
        for part in node.items if isinstance(node, Items) else (pair.value for pair in node.pairs):
            yield from _blanks(part)


def _fillable(pack: Pack) -> Iterator[Node]:
    """Yield everything in which a blank is filled. Tests are written for the defaults, so theirs are plain text."""
    for rule in pack.rules:
        yield from (pair.value for pair in rule.pairs if pair.key.text != "tests")
    yield from (node for key in ("defaults", "vars") if (node := pack.top.get(key)) is not None)


def blanks(pack: Pack) -> tuple[Scalar, ...]:
    """Return every blank of a pack."""
    return tuple(blank for node in _fillable(pack) for blank in _blanks(node))


def _check_blanks(reader: Reader, pack: Pack) -> None:
    """Report blanks that no input fills, and inputs that fill none."""
    known = {each.name for each in pack.inputs}
    used: set[str | None] = set()
    for blank in blanks(pack):
        name = blank.text[1:]
        # A misspelled blank was meant to use the input.
        close = name if name in known else nearest(name, known)
        used.add(close)
        if name not in known:
            hint = f"write ${close}" if close else f"declare it under inputs; for the text itself write ${blank.text}"
            reader.error(blank.span, "unknown-input", f'there is no input "{short(name)}"', hint)
    for each in pack.inputs:
        if each.name not in used and not _is_read(pack, each.name):
            message = f'the input "{each.name}" fills no blank'
            reader.error(each.span, "no-effect", message, f"write ${each.name} in a rule, or remove it")
    variables = pack.top.get("vars")
    for pair in variables.pairs if isinstance(variables, Mapping) else ():
        if pair.key.text in known:
            message = f'vars: "{pair.key.text}" is an input, too'
            reader.error(pair.key.span, "repeated-name", message, "messages read inputs as vars; choose another name")


def _is_read(pack: Pack, name: str) -> bool:
    """Tell whether a message or filter reads an input as a variable."""
    variable = re.compile(rf"\bvars\.{name}\b")
    return any(variable.search(text) for node in _fillable(pack) for text in _texts(node))


def _texts(node: Node) -> Iterator[str]:
    if isinstance(node, Scalar):
        yield node.text
    else:
        for part in node.items if isinstance(node, Items) else (pair.value for pair in node.pairs):
            yield from _texts(part)


def _check_uses(reader: Reader, pack: Pack) -> None:
    for rule in pack.rules:
        for pair in rule.pairs:
            if pair.key.text in _NO_USE:
                message = f"`{pair.key.text}` has no effect in a pack"
                reader.error(pair.key.span, "no-effect", message, _NO_USE[pair.key.text])
                break


def _check_trust(reader: Reader, pack: Pack) -> None:
    """Report where a pack names a destination of its own choice: whoever uses it decides who is told."""
    routes = {each.name for each in pack.inputs if each.type == "route"}
    defaults = pack.top.get("defaults")
    places = (*pack.rules, *((defaults,) if isinstance(defaults, Mapping) else ()))
    for scalar in (scalar for place in places for scalar in told_names(place)):
        if scalar.text not in ALWAYS_KNOWN and blank_name(scalar) not in routes:
            message = f'notify: a pack may not choose "{short(scalar.text)}"'
            reader.error(scalar.span, "pack-trust", message, "declare an input of type route, and write notify: $name")


def own_names(pack: Pack) -> tuple[str, ...]:
    """Return the names of the rules as the pack has them."""
    return tuple(name.text for rule in pack.rules if isinstance(name := rule.get("name"), Scalar))
