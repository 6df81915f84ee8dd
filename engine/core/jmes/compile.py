"""An expression to something that answers: the front door of the filter compiler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.core.jmes.context import STEPS, Context, OverBudgetError, weigh
from engine.core.jmes.faults import FilterError, Finding
from engine.core.jmes.nodes import Site, conjoin, conjuncts, is_true
from engine.core.jmes.parse import Parsed, Tree, children, parse
from engine.core.jmes.shape import is_test
from engine.core.jmes.signature import Node

__all__ = ["Expression", "compile_expression", "compile_parsed"]


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A compiled expression. Documents are JSON values as `orjson.loads` makes them, and are never changed.

    `search` returns the value: null for what standard jmespath would raise on and for what is over the step budget.
    `holds` tells its truth (not false, null, "", [] or {}; 0 is true). Neither raises. `tree` is jmespath's own, read
    only. `is_boolean` says that the value is surely true or false (or the null of an ordering without an order).
    """

    text: str
    tree: Tree
    search: Callable[[Any, Context], Any]
    holds: Callable[[Any, Context], bool]
    is_boolean: bool


def compile_expression(text: str) -> Expression:
    """Return the compiled expression. Errors: `FilterError` with the first fault; `lint_expression` lists all."""
    expression, faults = compile_parsed(parse(text))
    if faults:
        first = min(faults)
        raise FilterError(first.message, first.column, first.hint, first.code)
    return expression


def compile_parsed(parsed: Parsed) -> tuple[Expression, list[Finding]]:
    """Return the compiled expression and the faults that forbid its use, if any."""
    site = Site(parsed, [])
    parts = conjuncts(parsed.tree, site)
    search, holds = _search(conjoin(parts), parsed), _holds(parts, parsed)
    return Expression(parsed.text, parsed.tree, search, holds, is_test(parsed.tree)), site.faults


def _may_share(tree: Tree) -> bool:
    """Tell whether one part can occur twice in a result: only `[a, b]` and `{a: b}` put values side by side."""
    return tree["type"] in ("multi_select_list", "multi_select_dict") or any(map(_may_share, children(tree)))


def _search(node: Node, parsed: Parsed) -> Callable[[Any, Context], Any]:
    may_share = _may_share(parsed.tree)

    def search(document: Any, context: Context) -> Any:
        context.steps = STEPS
        try:
            value = node(document, context)
            # `[@, @] | [@, @] | ...` is small in memory and endless to whoever writes it out.
            if may_share and value.__class__ in (list, dict):
                context.spend(weigh(value, context.steps))
        except (OverBudgetError, RecursionError) as error:
            _give_up(error, parsed, document, context)
            return None
        return value

    return search


def _holds(parts: list[Node], parsed: Parsed) -> Callable[[Any, Context], bool]:
    # Two conjuncts are the usual filter: called from here, without a closure for the `&&`, they cost 50 ns of 310 less.
    first, second = parts if len(parts) == 2 else (conjoin(parts), None)

    def holds(document: Any, context: Context) -> bool:
        context.steps = STEPS
        try:
            value = first(document, context)
            if second is not None and (value is True or (value is not False and is_true(value))):
                value = second(document, context)
        except (OverBudgetError, RecursionError) as error:
            _give_up(error, parsed, document, context)
            return False
        return value is True or (value is not False and is_true(value))

    return holds


def _give_up(error: Exception, parsed: Parsed, document: Any, context: Context) -> None:
    context.coerce("budget" if isinstance(error, OverBudgetError) else "depth", f"`{parsed.text[:60]}`", document)
