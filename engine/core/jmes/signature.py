"""How a function is declared, and how a call of it becomes a closure.

Every function is total: a wrong type is counted in the context and gives null, or false from a predicate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from engine.core.jmes.context import Context

__all__ = ["NOT_LITERAL", "Argument", "ArgumentError", "Function", "Node", "plain"]

Node: TypeAlias = Callable[[Any, Context], Any]
"""A compiled expression: the current value and the context in, a value out. Never raises but for the budget."""

NOT_LITERAL = object()


class Argument(NamedTuple):
    """One argument of a call. `literal` is its value if the text tells it, `names` the chain of fields if it is one."""

    read: Node
    literal: Any = NOT_LITERAL
    names: tuple[str, ...] | None = None


class ArgumentError(Exception):
    """An argument can never be right. Units: `offset` counts characters into the argument's own token."""

    def __init__(self, index: int, code: str, message: str, hint: str, offset: int = 0) -> None:
        super().__init__(message)
        self.index = index
        self.code = code
        self.message = message
        self.hint = hint
        self.offset = offset


class Function(NamedTuple):
    """A function of the language. `bind` makes the closure of one call.

    `takes` names the arguments as an author reads them: `ms, format?` has an optional one, `value, ...` any number
    from one, and an argument with `&` is an expression to apply. `is_test` says that it gives true or false only.
    """

    bind: Callable[[Sequence[Argument]], Node]
    takes: str
    is_test: bool = False

    @property
    def least(self) -> int:
        """The fewest arguments of a call."""
        return sum(name != "..." and not name.endswith("?") for name in self.takes.split(", "))

    @property
    def most(self) -> int | None:
        """The most arguments of a call, None for any number."""
        return None if self.takes.endswith("...") else self.takes.count(",") + 1

    @property
    def key(self) -> int | None:
        """The place of the `&expression`, if it takes one."""
        return next((at for at, name in enumerate(self.takes.split(", ")) if name[0] == "&"), None)


def plain(run: Callable[..., Any], takes: str, is_test: bool = False) -> Function:
    """Declare a function of a context and values."""

    def bind(arguments: Sequence[Argument]) -> Node:
        reads = [argument.read for argument in arguments]
        if len(reads) == 1:
            only = reads[0]
            return lambda value, context: run(context, only(value, context))
        if len(reads) == 2:
            first, second = reads
            return lambda value, context: run(context, first(value, context), second(value, context))
        return lambda value, context: run(context, *[read(value, context) for read in reads])

    return Function(bind, takes, is_test)
