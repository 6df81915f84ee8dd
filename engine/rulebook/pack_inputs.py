"""The inputs of a pack: what may be filled in, and the values that were.

Every value is checked against its type where it stands, so that an author hears of the value and not of a rule.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from engine.model.errors import Span
from engine.rulebook.keys import INPUT_KEYS, INPUT_TYPES
from engine.rulebook.parse_action import ALWAYS_KNOWN
from engine.rulebook.parse_reader import Reader, listed, number
from engine.rulebook.scalars import ScalarError, clock_time, duration_ms, nearest, rule_name
from engine.rulebook.yaml_guard import Items, Mapping, Node, Pair, Scalar, plain, short

__all__ = ["Input", "Values", "default_values", "is_input_name", "read_inputs", "read_values", "variables"]

_EXAMPLE = "inputs: {after: {type: duration, default: 10m}}"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

Values = dict[str, Node]
"""What stands for each input."""


class Input(NamedTuple):
    """One blank of a pack. Without a `default` the user must fill it. `choices` are those of type `choice`."""

    name: str
    type: str
    span: Span
    default: Node | None = None
    choices: tuple[str, ...] = ()
    description: str = ""


def is_input_name(text: str) -> bool:
    """Tell whether an input can be called so: messages read it as `vars.<name>`."""
    return _NAME.fullmatch(text) is not None


def read_inputs(reader: Reader, top: Mapping) -> tuple[Input, ...] | None:
    """Return the inputs that a file declares; None when one cannot be read, so that nobody misses it twice."""
    node = top.get("inputs")
    mapping = None if node is None else reader.mapping(node, "inputs", _EXAMPLE)
    if mapping is None:
        return None
    found = [_input(reader, pair) for pair in mapping.pairs]
    inputs = tuple(each for each in found if each is not None)
    return inputs if len(inputs) == len(found) else None


def _input(reader: Reader, pair: Pair) -> Input | None:
    name = pair.key.text
    if not is_input_name(name):
        hint = "a letter, then letters, digits and _"
        reader.error(pair.key.span, "bad-name", f'inputs: "{short(name)}" is not a name', hint)
        return None
    settings = reader.mapping(pair.value, name, "{type: duration, default: 10m}")
    if settings is None:
        return None
    reader.check_keys(settings, INPUT_KEYS)
    written, default, told = settings.get("type"), settings.get("default"), settings.get("description")
    if written is None:
        reader.error(settings.span, "missing-key", f"`{name}` has no type", f"use type: {listed(INPUT_TYPES)}")
        return None
    kind = reader.choice(written, "type", INPUT_TYPES)
    choices = _choices(reader, settings, kind)
    if kind is None or choices is None:
        return None
    description = "" if told is None else reader.text(told, "description") or ""
    found = Input(name, kind, pair.key.span, default, choices, description)
    if default is not None:
        _check_value(reader, found, default, name)
        if kind == "route":
            _check_default_route(reader, default)
    return found


def _choices(reader: Reader, settings: Mapping, kind: str | None) -> tuple[str, ...] | None:
    """Read the values to choose from: there are some with `type: choice`, and only there."""
    node = settings.get("choices")
    if (kind == "choice") == (node is not None):
        return () if node is None else reader.texts(node, "choices") or None
    if kind is not None:
        what = "needs `choices`" if node is None else "takes no `choices`"
        hint = "write type: choice with choices: [a, b]"
        reader.error(settings.span, "wrong-form", f"an input of type {kind} {what}", hint)
    return None


def _check_default_route(reader: Reader, default: Node) -> None:
    for scalar in default.items if isinstance(default, Items) else (default,):
        if isinstance(scalar, Scalar) and scalar.text not in ALWAYS_KNOWN:
            message = f'default: a pack may not choose "{short(scalar.text)}"'
            reader.error(scalar.span, "pack-trust", message, "write default: default, which is what engine.yaml says")


def read_values(reader: Reader, node: Node | None, inputs: tuple[Input, ...], at: Span, pack: str) -> Values | None:
    """Return what stands for each input: what is filled in under `with`, else the default.

    What is missing, unknown or of the wrong type is reported; then there is no telling what the rules are (None).
    """
    before = len(reader.problems)
    known = {each.name: each for each in inputs}
    values = {each.name: each.default for each in inputs if each.default is not None}
    given = None if node is None else reader.mapping(node, "with", "with: {after: 10m}")
    for pair in given.pairs if given is not None else ():
        wanted = known.get(pair.key.text)
        if wanted is None:
            _unknown_input(reader, pair.key, known, pack)
        else:
            _check_value(reader, wanted, pair.value, pair.key.text)
            values[wanted.name] = pair.value
    for each in inputs:
        if each.name not in values:
            message = f'the pack "{pack}" needs the input "{each.name}" ({each.type})'
            reader.error(at, "missing-input", message, f"add with: {{{each.name}: ...}}")
    return None if len(reader.problems) > before else values


def default_values(reader: Reader, inputs: tuple[Input, ...]) -> Values | None:
    """Return what stands for each input where nobody fills it in. What has no default is reported (None)."""
    for each in inputs:
        if each.default is None:
            message = f"`{each.name}` has no default, so this pack runs only where it is used"
            hint = "add a default, or name a file that says use: and with:"
            reader.error(each.span, "missing-input", message, hint)
    values = {each.name: each.default for each in inputs if each.default is not None}
    return values if len(values) == len(inputs) else None


def _unknown_input(reader: Reader, key: Scalar, known: dict[str, Input], pack: str) -> None:
    close = nearest(key.text, known)
    suggestion = f'; did you mean "{close}"?' if close else ""
    message = f'with: the pack "{pack}" has no input "{short(key.text)}"{suggestion}'
    reader.error(key.span, "unknown-input", message, f"it takes {listed(tuple(known))}")


def _check_value(reader: Reader, wanted: Input, node: Node, key: str) -> None:
    match wanted.type:
        case "duration":
            reader.converted(node, key, "bad-duration", duration_ms)
        case "time":
            reader.converted(node, key, "bad-time", clock_time)
        case "number":
            number(reader, node, key)
        case "flag":
            reader.flag(node, key)
        case "choice":
            reader.choice(node, key, wanted.choices)
        case "list":
            reader.texts(node, key)
        case "route":
            for scalar in reader.scalars(node, key):
                _check_route(reader, scalar, key)
        case _:
            reader.text(node, key)


def _check_route(reader: Reader, scalar: Scalar, key: str) -> None:
    try:
        rule_name(scalar.text)
    except ScalarError as fault:
        hint = "write the name of a destination in engine.yaml"
        reader.error(scalar.span, "bad-name", f"{key}: {fault.message}", hint)


def variables(values: Values) -> tuple[tuple[str, object], ...]:
    """Return the inputs as variables for messages, by name and not in the order of filling in."""
    return tuple((name, plain(values[name])) for name in sorted(values))
