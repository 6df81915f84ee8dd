"""The functions of standard jmespath, total.

Invariant: where `jmespath.functions` returns a value, the value here is equal; where it raises, the answer is null
(false from a predicate) and the context has counted it. Source: jmespath 1.1.0 `functions.py`, compared by a
Hypothesis test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from json import dumps
from typing import Any

from engine.core.jmes.context import SCAN, Context, weigh
from engine.core.jmes.signature import Argument, Function, Node, plain

__all__ = ["STANDARD", "kind_of", "refuse", "same"]

_KINDS = {
    str: "string", bool: "boolean", list: "array", dict: "object", int: "number", float: "number",
    type(None): "null",
}  # fmt: skip


def kind_of(value: Any) -> str:
    """Return jmespath's name for the type of a JSON value, `unknown` for what no JSON holds."""
    return _KINDS.get(value.__class__, "unknown")


def refuse(context: Context, name: str, value: Any, kind: str = "type") -> Any:
    """Count a value that the function cannot take, and return null."""
    context.coerce(kind, name, value)
    return None


def same(left: Any, right: Any, context: Context) -> bool:
    """Tell whether two values are equal in jmespath: Python's equality, but a Boolean is not a number."""
    a, b = left.__class__, right.__class__
    if a is str and b is str:
        context.scan(left)
    elif a is b and a in (list, dict):
        context.spend(weigh(left, context.steps))
        try:
            return bool(left == right)
        except RecursionError:
            refuse(context, "==", left, "depth")
            return False
    elif (a is bool) is not (b is bool):
        return False
    return bool(left == right)


def _all_are(items: Any, kind: str) -> bool:
    return all(kind_of(item) == kind for item in items)


def _is_ordered(context: Context, items: Any) -> bool:
    """Tell whether this is a list of numbers or a list of texts; only such a list has an order."""
    if items.__class__ is not list:
        return False
    context.spend(len(items))
    return not items or (kind_of(items[0]) in ("number", "string") and _all_are(items, kind_of(items[0])))


def _is_numbers(context: Context, items: Any) -> bool:
    if items.__class__ is not list:
        return False
    context.spend(len(items))
    return _all_are(items, "number")


def _number(name: str, run: Callable[[Any], Any]) -> Function:
    def apply(context: Context, value: Any) -> Any:
        if value.__class__ is not int and value.__class__ is not float:
            return refuse(context, name, value)
        try:
            return run(value)
        except (ValueError, OverflowError):  # ceil and floor of NaN or infinity
            return refuse(context, name, value, "value")

    return plain(apply, "number")


def _avg(context: Context, items: Any) -> Any:
    if not _is_numbers(context, items):
        return refuse(context, "avg", items)
    total = _sum(context, items)
    if not items or total is None:
        return None
    try:
        return total / len(items)
    except OverflowError:
        return refuse(context, "avg", total, "value")


def _sum(context: Context, items: Any) -> Any:
    if not _is_numbers(context, items):
        return refuse(context, "sum", items)
    try:
        return sum(items)
    except OverflowError:  # a whole number beyond 1e308 met a fraction
        return refuse(context, "sum", items, "value")


def _contains(context: Context, subject: Any, wanted: Any) -> bool:
    if subject.__class__ is str:
        if wanted.__class__ is str:
            context.scan(subject)
            return wanted in subject
        refuse(context, "contains", wanted)
        return False
    if subject.__class__ is not list:
        refuse(context, "contains", subject)
        return False
    context.spend(len(subject))
    if wanted.__class__ in (list, dict):
        context.spend(weigh(subject, context.steps))
    try:
        return wanted in subject
    except RecursionError:
        refuse(context, "contains", subject, "depth")
        return False


def _bind_contains(arguments: Sequence[Argument]) -> Node:
    """Make the usual forms cheap: a field against a text, and a field against a list of scalars."""
    subject, wanted = arguments
    read, look_for = subject.read, wanted.read
    text, items = wanted.literal, subject.literal
    if isinstance(text, str):
        if subject.names is not None and len(subject.names) == 2:
            return _two_fields_contain(*subject.names, text)
        return lambda value, context: _contains(context, read(value, context), text)
    if isinstance(items, list) and not any(isinstance(item, list | dict) for item in items):
        return lambda value, context: look_for(value, context) in items
    return lambda value, context: _contains(context, read(value, context), look_for(value, context))


def _two_fields_contain(first: str, second: str, text: str) -> Node:
    """The usual form, `contains(data.text, 'x')`, without a call to read the field: 60 ns of 370."""

    def test(value: Any, context: Context) -> bool:
        holder = value.get(first) if value.__class__ is dict else None
        found = holder.get(second) if holder.__class__ is dict else None
        if found.__class__ is str and len(found) <= SCAN:
            return text in found
        return _contains(context, found, text)

    return test


def _starts_with(context: Context, text: Any, start: Any) -> bool:
    if text.__class__ is str and start.__class__ is str:
        return bool(text.startswith(start))
    refuse(context, "starts_with", start if text.__class__ is str else text)
    return False


def _ends_with(context: Context, text: Any, end: Any) -> bool:
    if text.__class__ is str and end.__class__ is str:
        return bool(text.endswith(end))
    refuse(context, "ends_with", end if text.__class__ is str else text)
    return False


def _join(context: Context, glue: Any, items: Any) -> Any:
    if glue.__class__ is not str:
        return refuse(context, "join", glue)
    if items.__class__ is not list:
        return refuse(context, "join", items)
    context.spend(len(items) * (1 + len(glue)))
    if not _all_are(items, "string"):
        return refuse(context, "join", items)
    context.spend(sum(map(len, items)))
    return glue.join(items)


def _keys(context: Context, value: Any) -> Any:
    if value.__class__ is not dict:
        return refuse(context, "keys", value)
    context.spend(len(value))
    return list(value)


def _values(context: Context, value: Any) -> Any:
    if value.__class__ is not dict:
        return refuse(context, "values", value)
    context.spend(len(value))
    return list(value.values())


def _length(context: Context, value: Any) -> Any:
    if value.__class__ in (str, list, dict):
        return len(value)
    return refuse(context, "length", value)


def _extreme(name: str, choose: Callable[..., Any]) -> Function:
    def apply(context: Context, items: Any) -> Any:
        if not _is_ordered(context, items):
            return refuse(context, name, items)
        return choose(items) if items else None

    return plain(apply, "list")


def _merge(context: Context, first: Any, *others: Any) -> Any:
    if first.__class__ is not dict:
        return refuse(context, "merge", first)
    context.spend(len(first))
    merged: dict[str, Any] = dict(first)
    for other in others:
        if other.__class__ in (dict, list, str):
            context.spend(len(other))
        try:
            merged.update(other)  # jmespath checks the first alone, so `[]` and a list of pairs pass
        except (TypeError, ValueError):
            return refuse(context, "merge", other)
    return merged


def _not_null(arguments: Sequence[Argument]) -> Node:
    reads = [argument.read for argument in arguments]

    def first(value: Any, context: Context) -> Any:
        for read in reads:
            found = read(value, context)
            if found is not None:
                return found
        return None

    return first


def _reverse(context: Context, value: Any) -> Any:
    if value.__class__ is not str and value.__class__ is not list:
        return refuse(context, "reverse", value)
    context.spend(len(value))
    return value[::-1]


def _sort(context: Context, items: Any) -> Any:
    return sorted(items) if _is_ordered(context, items) else refuse(context, "sort", items)


def _to_array(context: Context, value: Any) -> Any:
    return value if value.__class__ is list else [value]


def _to_number(context: Context, value: Any) -> Any:
    if value.__class__ is int or value.__class__ is float:
        return value
    if value.__class__ is not str:
        return None
    context.spend(1 + len(value) // 16)
    for read in (int, float):
        try:
            return read(value)
        except ValueError:
            continue
    return None


def _to_string(context: Context, value: Any) -> Any:
    if value.__class__ is str:
        return value
    context.spend(weigh(value, context.steps))
    try:
        return dumps(value, separators=(",", ":"))
    except (RecursionError, ValueError, TypeError):  # too deep; more than 4,300 digits; a key made by merge()
        return refuse(context, "to_string", value, "depth")


def _type(context: Context, value: Any) -> str:
    return kind_of(value)


def _map(arguments: Sequence[Argument]) -> Node:
    key, read = arguments[0].read, arguments[1].read

    def apply(value: Any, context: Context) -> Any:
        items = read(value, context)
        if items.__class__ is not list:
            return refuse(context, "map", items)
        context.spend(len(items))
        return [key(item, context) for item in items]

    return apply


def _by_key(name: str, choose: Callable[[list[Any], list[Any]], Any]) -> Function:
    """Declare a function that orders a list by a key; `choose` gets the list, never empty, and its keys."""

    def bind(arguments: Sequence[Argument]) -> Node:
        read, key = arguments[0].read, arguments[1].read

        def apply(value: Any, context: Context) -> Any:
            items = read(value, context)
            if items.__class__ is not list:
                return refuse(context, name, items)
            if not items:
                return items if name == "sort_by" else None
            context.spend(len(items))
            keys = [key(item, context) for item in items]
            return choose(items, keys) if _is_ordered(context, keys) else refuse(context, name, keys)

        return apply

    return Function(bind, "list, &expression")


def _sorted_by(items: list[Any], keys: list[Any]) -> list[Any]:
    return [items[at] for at in sorted(range(len(items)), key=keys.__getitem__)]


STANDARD: dict[str, Function] = {
    "abs": _number("abs", abs),
    "avg": plain(_avg, "numbers"),
    "ceil": _number("ceil", math.ceil),
    "contains": Function(_bind_contains, "list or text, wanted", is_test=True),
    "ends_with": plain(_ends_with, "text, end", is_test=True),
    "floor": _number("floor", math.floor),
    "join": plain(_join, "glue, texts"),
    "keys": plain(_keys, "object"),
    "length": plain(_length, "value"),
    "map": Function(_map, "&expression, list"),
    "max": _extreme("max", max),
    "max_by": _by_key("max_by", lambda items, keys: items[max(range(len(keys)), key=keys.__getitem__)]),
    "merge": plain(_merge, "object, ..."),
    "min": _extreme("min", min),
    "min_by": _by_key("min_by", lambda items, keys: items[min(range(len(keys)), key=keys.__getitem__)]),
    "not_null": Function(_not_null, "value, ..."),
    "reverse": plain(_reverse, "list or text"),
    "sort": plain(_sort, "list"),
    "sort_by": _by_key("sort_by", _sorted_by),
    "starts_with": plain(_starts_with, "text, start", is_test=True),
    "sum": plain(_sum, "numbers"),
    "to_array": plain(_to_array, "value"),
    "to_number": plain(_to_number, "value"),
    "to_string": plain(_to_string, "value"),
    "type": plain(_type, "value"),
    "values": plain(_values, "object"),
}
