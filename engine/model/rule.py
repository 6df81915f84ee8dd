"""Rules as written, after parsing: settings only, no state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from engine.model.condition import Condition
from engine.model.errors import NOWHERE, Span
from engine.model.window import Timer, Window

__all__ = [
    "Dedup", "Digest", "Emit", "Escalation", "Expect", "Gates", "Hours", "Incident", "Limit", "Partials", "Rule",
    "RuleTest", "Rulebook", "Severity", "Summarize", "Template",
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
class Digest:
    """Firings are collected and told together: at the `timers`, when `or_at` wait, and `at_session_end`.

    Fewer than `minimum` go on waiting; with `send_empty` a timer tells that there was nothing.
    """

    timers: tuple[Timer, ...] = ()
    at_session_end: bool = False
    or_at: int | None = None
    minimum: int = 1
    send_empty: bool = False


@dataclass(frozen=True, slots=True)
class Summarize:
    """Have the collected text summed up. `fallback` says how without a model; `budget` is summaries a local day."""

    prompt: str = ""
    max_chars: int = 1_500
    fallback: Literal["bullets", "terms", "counts", "none"] = "bullets"
    budget: int = 20


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who else is told of an incident that is still open `after_ms` after it began, and again each `repeat_ms`.

    Shape: at most `most` messages, the first included.
    """

    after_ms: int
    notify: tuple[str, ...]
    repeat_ms: int | None = None
    most: int = 1


@dataclass(frozen=True, slots=True)
class Incident:
    """A firing stays open until one of `until`: the word `acked` (`until_acked`), or an event of that condition.

    `resolve` is told when it closes by itself. Shape: `steps` in order of time.
    """

    steps: tuple[Escalation, ...] = ()
    until: Condition | None = None
    until_acked: bool = False
    resolve: Template | None = None


@dataclass(frozen=True, slots=True)
class Expect:
    """How often a rule should speak in each local period; outside these bounds it reports itself."""

    per_ms: int
    at_least: int | None = None
    at_most: int | None = None


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
    expect_spans: tuple[tuple[str, Span], ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, complete and valid. `condition` is the whole of when, source, text, where, filter and blocks.

    With `together` or `sequence` it holds for an event of any step, with `absent` for what should not be missing; a
    timer's never holds. `lateness_ms` None means the engine's own. `pack` is the file that `use` took it from.
    """

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
    window: Window | None = None
    lateness_ms: int | None = None
    by: tuple[str, ...] = ()
    gates: Gates = field(default_factory=Gates)
    notify: tuple[str, ...] = ("default",)
    title: Template | None = None
    message: Template | None = None
    record: str | None = None
    emit: Emit | None = None
    digest: Digest | None = None
    summarize: Summarize | None = None
    incident: Incident | None = None
    expect: Expect | None = None
    variables: tuple[tuple[str, Any], ...] = ()
    tests: tuple[RuleTest, ...] = ()
    pack: str = ""

    @property
    def told(self) -> tuple[str, ...]:
        """Every name the rule may tell, those of its escalation included, each once."""
        steps = self.incident.steps if self.incident is not None else ()
        return tuple(dict.fromkeys((*self.notify, *(name for step in steps for name in step.notify))))


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules, in file order. Shape: names are unique."""

    rules: tuple[Rule, ...]
