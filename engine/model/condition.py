"""What one event must look like: a closed union of frozen conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from engine.model.errors import NOWHERE, Span

__all__ = [
    "AllOf", "AnyOf", "Compare", "Condition", "Equals", "Exists", "Filter", "FromSource", "Glob", "InState",
    "Kinds", "Matches", "Not", "OneOf", "Selector", "Text", "TextOp", "Where", "WhereTest",
]  # fmt: skip

TextOp: TypeAlias = Literal["contains", "contains_all", "word", "regex"]


class Selector(NamedTuple):
    """One entry of `when:`. `session.failed` is kind session, status failed; None accepts every status."""

    kind: str
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Kinds:
    """The event is of one of these kinds. Shape: never empty; kind `any` accepts all."""

    selectors: tuple[Selector, ...]


@dataclass(frozen=True, slots=True)
class FromSource:
    """The event's source equals, or its stream name globs, one of the patterns."""

    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A text test on one or more fields; any field may satisfy it. Shape: needles and paths never empty."""

    op: TextOp
    needles: tuple[str, ...]
    paths: tuple[str, ...] = ("_.text",)
    exact: bool = False
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Equals:
    """The value is this scalar. A Boolean is not a number and text is not a number."""

    value: Any


@dataclass(frozen=True, slots=True)
class OneOf:
    """The value is one of these scalars."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Glob:
    """The value is text that this shell pattern covers, ignoring case."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Compare:
    """The value is a number in this order to the bound; anything but a number is not."""

    op: Literal["gt", "gte", "lt", "lte"]
    bound: float | int


@dataclass(frozen=True, slots=True)
class Exists:
    """The value is present and not null; or, with `wanted` false, absent or null."""

    wanted: bool


@dataclass(frozen=True, slots=True)
class Matches:
    """The value is text in which the pattern is found."""

    pattern: str
    exact: bool = False


WhereTest: TypeAlias = Equals | OneOf | Glob | Compare | Exists | Matches


@dataclass(frozen=True, slots=True)
class Where:
    """A field passes a test. A bare name is looked up at the root, then under `data`."""

    path: str
    test: WhereTest
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Filter:
    """A jmespath expression holds. `span` points at its first character."""

    expression: str
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class InState:
    """Some session is in this state now (`unless: session.active`). Only gates and windows may ask it."""

    status: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds. Empty holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Some part holds. Empty does not hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold: plain logical negation, so true for an event without the field."""

    part: Condition


Condition: TypeAlias = Kinds | FromSource | Text | Where | Filter | InState | AllOf | AnyOf | Not
