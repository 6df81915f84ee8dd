"""The closures that most filters are made of: chains of fields and comparisons, with as few calls as can be."""

from __future__ import annotations

from operator import ge, gt, le, lt
from typing import Any

from engine.core.jmes.context import Context
from engine.core.jmes.functions import refuse, same
from engine.core.jmes.signature import Node

__all__ = ["SIGNS", "compare", "compare_literal", "fields"]

_ORDERS = {"lt": lt, "lte": le, "gt": gt, "gte": ge}
SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
"""How jmespath's names of comparisons are written."""

_FLIPPED = {"lt": "gt", "lte": "gte", "gt": "lt", "gte": "lte"}


def fields(names: tuple[str, ...]) -> Node:
    """Read `a.b.c`; anything but an object has no fields."""
    if len(names) == 1:
        return _one_field(names[0])
    if len(names) == 2:
        return _two_fields(*names)

    def read(value: Any, context: Context) -> Any:
        for name in names:
            if value.__class__ is not dict:
                return None
            value = value.get(name)
        return value

    return read


def _one_field(name: str) -> Node:
    return lambda value, context: value.get(name) if value.__class__ is dict else None


def _two_fields(first: str, second: str) -> Node:
    def read(value: Any, context: Context) -> Any:
        if value.__class__ is dict:
            value = value.get(first)
            if value.__class__ is dict:
                return value.get(second)
        return None

    return read


def compare(operator: str, left: Node, right: Node) -> Node:
    """Compare two values; text with text and number with number have an order, all else gives null."""
    if operator == "eq":
        return lambda value, context: same(left(value, context), right(value, context), context)
    if operator == "ne":
        return lambda value, context: not same(left(value, context), right(value, context), context)
    holds = _ORDERS[operator]

    def order(value: Any, context: Context) -> Any:
        a, b = left(value, context), right(value, context)
        if a.__class__ is str and b.__class__ is str:
            context.scan(a)
            return holds(a, b)
        if a.__class__ in (int, float):
            if b.__class__ in (int, float):
                return holds(a, b)
            return refuse(context, SIGNS[operator], b, "order") if b.__class__ is str else None
        if a.__class__ is str and b.__class__ in (int, float):
            return refuse(context, SIGNS[operator], a, "order")
        return None

    return order


def compare_literal(operator: str, read: Node, names: tuple[str, ...] | None, literal: Any, flip: bool) -> Node | None:
    """Compare with a text, number, Boolean or null known at load; None when there is no shorter way.

    `names` are those of `read` when it is a chain of fields; `flip` says that the literal stands on the left.
    """
    if operator in _ORDERS:
        number = literal.__class__ in (int, float)
        return _order_number(_FLIPPED[operator] if flip else operator, read, literal) if number else None
    if literal.__class__ is str:
        return _is_text(operator, read, names, literal)
    if literal is None or literal is True or literal is False:
        if operator == "eq":
            return lambda value, context: read(value, context) is literal
        return lambda value, context: read(value, context) is not literal
    return None


def _order_number(operator: str, read: Node, bound: float) -> Node:
    holds = _ORDERS[operator]

    def order(value: Any, context: Context) -> Any:
        found = read(value, context)
        if found.__class__ is float or found.__class__ is int:
            return holds(found, bound)
        return refuse(context, SIGNS[operator], found, "order") if found.__class__ is str else None

    return order


def _is_text(operator: str, read: Node, names: tuple[str, ...] | None, literal: str) -> Node:
    if operator == "ne":
        return lambda value, context: read(value, context) != literal
    if names is not None and len(names) == 1:
        return _field_is_text(names[0], literal)
    if names is not None and len(names) == 2:
        return _two_fields_are_text(*names, literal)
    return lambda value, context: read(value, context) == literal


def _field_is_text(name: str, literal: str) -> Node:
    return lambda value, context: value.__class__ is dict and value.get(name) == literal


def _two_fields_are_text(first: str, second: str, literal: str) -> Node:
    def test(value: Any, context: Context) -> bool:
        if value.__class__ is dict:
            value = value.get(first)
            if value.__class__ is dict:
                return bool(value.get(second) == literal)
        return False

    return test
