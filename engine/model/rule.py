"""Rules as written, after parsing: settings only, no state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from engine.model.condition import Condition
from engine.model.errors import NOWHERE, Span

__all__ = [
    "Dedup", "Emit", "Gates", "Hours", "Limit", "Partials", "Rule", "RuleTest", "Rulebook", "Severity", "Template",
]  # fmt: skip

Severity: TypeAlias = Literal["info", "warn", "error", "critical"]
Partials: TypeAlias = Literal["ignore", "early", "all"]


@dataclass(frozen=True, slots=True)
class Template:
    """Text with jmespath holes. Shape: `parts` alternates literal text and expressions, beginning with text."""

    source: str
    parts: tuple[str, ...]
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Hours:
    """Recurring spans of local time. Units: minutes since Monday 00:00, half-open, `start < end`, sorted."""

    spans: tuple[tuple[int, int], ...]
    zone: str = "local"
    source: str = ""


@dataclass(frozen=True, slots=True)
class Dedup:
    """A firing whose key was sent within `for_ms` is held. Shape: `paths` as in `by`."""

    paths: tuple[str, ...]
    for_ms: int


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` firings in any `per_ms`."""

    count: int
    per_ms: int


@dataclass(frozen=True, slots=True)
class Gates:
    """What may hold a firing back, in the order of evaluation (docs/rules.md, Gates)."""

    enabled: bool = True
    expires_ms: int | None = None
    active: Hours | None = None
    unless: Condition | None = None
    dedup: Dedup | None = None
    cooldown_ms: int = 0
    limit: Limit | None = None
    quiet: Hours | None = None


@dataclass(frozen=True, slots=True)
class Emit:
    """The event a firing writes back: `_.kind` rule, `_.status` the rule's name. `fields` maps name to template."""

    fields: tuple[tuple[str, Template], ...] = ()


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One entry of `tests:`, checked for shape; `given` and `expect` keep the author's words (docs/rules.md 12)."""

    name: str
    given: tuple[dict[str, Any], ...]
    expect: Any
    until_ms: int | None = None
    start: str | None = None
    same_under: tuple[str, ...] = ()
    span: Span = NOWHERE
    expect_span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, complete and valid. `condition` is the whole of when, source, text, where, filter and blocks."""

    name: str
    condition: Condition
    span: Span
    description: str = ""
    severity: Severity = "info"
    tags: tuple[str, ...] = ()
    owner: str = ""
    partials: Partials = "ignore"
    classify: tuple[tuple[str, Condition], ...] = ()
    classify_else: str | None = None
    by: tuple[str, ...] = ()
    gates: Gates = field(default_factory=Gates)
    notify: tuple[str, ...] = ("default",)
    title: Template | None = None
    message: Template | None = None
    record: str | None = None
    emit: Emit | None = None
    variables: tuple[tuple[str, Any], ...] = ()
    tests: tuple[RuleTest, ...] = ()


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules, in file order. Shape: names are unique."""

    rules: tuple[Rule, ...]
