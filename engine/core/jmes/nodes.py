"""One closure for each kind of node in jmespath's tree.

Invariant: a closure returns what jmespath returns, or null where jmespath raises. What makes or walks elements pays
steps to the context; fields, comparisons, `&&`, `||` and `!` are free.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from engine.core.jmes.context import Context
from engine.core.jmes.faults import Finding
from engine.core.jmes.functions import refuse
from engine.core.jmes.nearest import nearest
from engine.core.jmes.parse import Parsed, Tree
from engine.core.jmes.paths import compare, compare_literal, fields
from engine.core.jmes.shape import FUNCTIONS, chain, literal_of, names_of
from engine.core.jmes.signature import Argument, ArgumentError, Function, Node

__all__ = ["Site", "build", "conjoin", "conjuncts", "is_true"]


class Site(NamedTuple):
    """The expression being compiled, and the faults found so far."""

    parsed: Parsed
    faults: list[Finding]

    def fault(self, column: int, code: str, message: str, hint: str) -> Node:
        """Note an error and return a stand-in, so that the rest is checked too."""
        self.faults.append(Finding(column, code, "error", message, hint))
        return _null


def build(node: Tree, site: Site) -> Node:
    """Return the closure of a node; errors go to `site.faults`."""
    return _BUILDERS[node["type"]](node, site)


def is_true(value: Any) -> bool:
    """Tell jmespath's truth: everything but null, false and what is empty; 0 is true."""
    return True if value else value.__class__ is int or value.__class__ is float


def _null(value: Any, context: Context) -> Any:
    return None


def _same_value(node: Tree, site: Site) -> Node:
    return lambda value, context: value


def _literal(node: Tree, site: Site) -> Node:
    literal = node["value"]
    return lambda value, context: literal


def _field(node: Tree, site: Site) -> Node:
    return fields((node["value"],))


def _steps(node: Tree, site: Site) -> Node:
    """Feed each part the value of the part before it: `a.b`, `a[0]`, `a | b`."""
    names = names_of(node)
    if names is not None:
        return fields(names)
    parts = [build(each, site) for each in node["children"]]
    if len(parts) == 2:
        first, second = parts
        return lambda value, context: second(first(value, context), context)

    def follow(value: Any, context: Context) -> Any:
        for part in parts:
            value = part(value, context)
        return value

    return follow


def _comparator(node: Tree, site: Site) -> Node:
    left, right = node["children"]
    first, second = build(left, site), build(right, site)
    short = None
    if right["type"] == "literal":
        short = compare_literal(node["value"], first, names_of(left), right["value"], flip=False)
    elif left["type"] == "literal":
        short = compare_literal(node["value"], second, names_of(right), left["value"], flip=True)
    return short or compare(node["value"], first, second)


def conjuncts(tree: Tree, site: Site) -> list[Node]:
    """Return the closures whose truths together are the truth of the tree: those joined by `&&`, else just one."""
    return [build(each, site) for each in chain(tree)] if tree["type"] == "and_expression" else [build(tree, site)]


def conjoin(parts: list[Node]) -> Node:
    """Join closures by `&&`: the value of the first that is not true, else of the last."""
    if len(parts) == 1:
        return parts[0]
    *all_but_last, last = parts
    if len(parts) == 2:
        first = parts[0]

        def both(value: Any, context: Context) -> Any:
            found = first(value, context)
            if found is True or (found is not False and is_true(found)):
                return last(value, context)
            return found

        return both

    def every(value: Any, context: Context) -> Any:
        for part in all_but_last:
            found = part(value, context)
            if found is False or (found is not True and not is_true(found)):
                return found
        return last(value, context)

    return every


def _and(node: Tree, site: Site) -> Node:
    return conjoin(conjuncts(node, site))


def _or(node: Tree, site: Site) -> Node:
    parts = [build(each, site) for each in chain(node)]
    *all_but_last, last = parts

    def either(value: Any, context: Context) -> Any:
        for part in all_but_last:
            found = part(value, context)
            if found is True or (found is not False and is_true(found)):
                return found
        return last(value, context)

    return either


def _not(node: Tree, site: Site) -> Node:
    read = build(node["children"][0], site)
    return lambda value, context: not is_true(read(value, context))


def _index(node: Tree, site: Site) -> Node:
    at = node["value"]

    def pick(value: Any, context: Context) -> Any:
        return value[at] if value.__class__ is list and -len(value) <= at < len(value) else None

    return pick


def _slice(node: Tree, site: Site) -> Node:
    part = slice(*node["children"])

    def cut(value: Any, context: Context) -> Any:
        if value.__class__ is not list:
            return None
        if part.step == 0:
            return refuse(context, "slice with step 0", value, "value")
        context.spend(len(value))
        return value[part]

    return cut


def _projection(node: Tree, site: Site) -> Node:
    base, each = (build(below, site) for below in node["children"])

    def project(value: Any, context: Context) -> Any:
        items = base(value, context)
        if items.__class__ is not list:
            return None
        context.spend(len(items))
        return [found for item in items if (found := each(item, context)) is not None]

    return project


def _value_projection(node: Tree, site: Site) -> Node:
    base, each = (build(below, site) for below in node["children"])

    def project(value: Any, context: Context) -> Any:
        holder = base(value, context)
        if holder.__class__ is not dict:
            return None
        context.spend(len(holder))
        return [found for item in holder.values() if (found := each(item, context)) is not None]

    return project


def _filter_projection(node: Tree, site: Site) -> Node:
    base, each, holds = (build(below, site) for below in node["children"])

    def project(value: Any, context: Context) -> Any:
        items = base(value, context)
        if items.__class__ is not list:
            return None
        context.spend(len(items))
        chosen = [item for item in items if is_true(holds(item, context))]
        return [found for item in chosen if (found := each(item, context)) is not None]

    return project


def _flatten(node: Tree, site: Site) -> Node:
    base = build(node["children"][0], site)

    def flatten(value: Any, context: Context) -> Any:
        items = base(value, context)
        if items.__class__ is not list:
            return None
        context.spend(len(items))
        merged: list[Any] = []
        for item in items:
            if item.__class__ is list:
                context.spend(len(item))
                merged.extend(item)
            else:
                merged.append(item)
        return merged

    return flatten


def _multi_select_list(node: Tree, site: Site) -> Node:
    reads = [build(each, site) for each in node["children"]]

    def select(value: Any, context: Context) -> Any:
        if value is None:
            return None
        context.spend(len(reads))
        return [read(value, context) for read in reads]

    return select


def _multi_select_dict(node: Tree, site: Site) -> Node:
    reads = [(pair["value"], build(pair["children"][0], site)) for pair in node["children"]]

    def select(value: Any, context: Context) -> Any:
        if value is None:
            return None
        context.spend(len(reads))
        return {name: read(value, context) for name, read in reads}

    return select


def _expref(node: Tree, site: Site) -> Node:
    hint = "It may only be an argument of map, sort_by, max_by or min_by."
    return site.fault(site.parsed.column(node), "expref", "& makes an expression for a function.", hint)


def _function(node: Tree, site: Site) -> Node:
    name, below = node["value"], node["children"]
    column = site.parsed.column(node)
    function = FUNCTIONS.get(name)
    if function is None:
        for each in below:
            build(each["children"][0] if each["type"] == "expref" else each, site)
        return site.fault(column, "unknown-function", f"there is no function {name}().", _suggestion(name))
    arguments = [_argument(at, each, function, name, site) for at, each in enumerate(below)]
    if not function.least <= len(below) <= (function.most or len(below)):
        return site.fault(column, "arity", _arity(name, function, len(below)), f"Write {name}({function.takes}).")
    try:
        return function.bind(arguments)
    except ArgumentError as error:
        at = site.parsed.column(below[error.index]) + error.offset
        return site.fault(at, error.code, error.message, error.hint)


def _argument(at: int, node: Tree, function: Function, name: str, site: Site) -> Argument:
    if at == function.key:
        if node["type"] == "expref":
            return Argument(build(node["children"][0], site))
        message = f"{name}() needs an expression as argument {at + 1}."
        return Argument(site.fault(site.parsed.column(node), "expref", message, "Put & before it: &start."))
    return Argument(build(node, site), literal_of(node), names_of(node))


def _suggestion(name: str) -> str:
    known = _FOREIGN.get(name.lower()) or nearest(name, FUNCTIONS)
    return f"Did you mean {known}()?" if known else f"Functions are {', '.join(sorted(FUNCTIONS))}."


# What other languages call it.
_FOREIGN = {
    "len": "length", "size": "length", "strip": "trim", "regex": "matches", "search": "matches", "match": "matches",
    "includes": "has", "find": "has", "any": "has", "all": "has_all", "word": "has_word", "concat": "join",
    "now": "ago", "date": "time", "duration": "dur", "coalesce": "not_null", "default": "not_null",
}  # fmt: skip


def _arity(name: str, function: Function, given: int) -> str:
    least, most = function.least, function.most
    amount = f"{least} or more" if most is None else f"{least}" if least == most else f"{least} to {most}"
    return f"{name}() takes {amount} argument{'' if amount == '1' else 's'}, not {given}."


_BUILDERS: dict[str, Callable[[Tree, Site], Node]] = {
    "and_expression": _and, "comparator": _comparator, "current": _same_value, "expref": _expref, "field": _field,
    "filter_projection": _filter_projection, "flatten": _flatten, "function_expression": _function,
    "identity": _same_value, "index": _index, "index_expression": _steps, "literal": _literal,
    "multi_select_dict": _multi_select_dict, "multi_select_list": _multi_select_list, "not_expression": _not,
    "or_expression": _or, "pipe": _steps, "projection": _projection, "slice": _slice, "subexpression": _steps,
    "value_projection": _value_projection,
}  # fmt: skip
