"""What a lint is given and what it gives: a rule with all that is known about it, and remarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from engine.model.condition import AllOf, AnyOf, Condition, Not
from engine.model.errors import Span
from engine.rulebook.parse_rule import Written

__all__ = ["Case", "Knowledge", "Lint", "Remark", "leaves", "leaves_of"]


class Knowledge(NamedTuple):
    """What a lint may know beside the rule. What is None is not known, and lints that need it stay silent.

    Units: `now_ms` is an epoch instant. `strict` adds what only a shared rulebook needs; `destinations` are the names
    in engine.yaml.
    """

    now_ms: int | None = None
    strict: bool = False
    destinations: frozenset[str] | None = None


class Remark(NamedTuple):
    """One warning, before it is placed on its line."""

    span: Span
    code: str
    message: str
    hint: str


class Case(NamedTuple):
    """A rule before a lint."""

    written: Written
    lines: tuple[str, ...]
    knowledge: Knowledge


Lint = Callable[[Case], Iterator[Remark]]


def leaves(written: Written) -> Iterator[Condition]:
    """Yield every elementary condition of the rule: of its condition, of its labels and of `unless`."""
    rule = written.rule
    yield from leaves_of(rule.condition)
    for _, condition in rule.classify:
        yield from leaves_of(condition)
    if rule.gates.unless is not None:
        yield from leaves_of(rule.gates.unless)


def leaves_of(condition: Condition) -> Iterator[Condition]:
    """Yield every elementary condition in this one."""
    if isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from leaves_of(part)
    elif isinstance(condition, Not):
        yield from leaves_of(condition.part)
    else:
        yield condition
