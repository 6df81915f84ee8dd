"""What `engine.yaml` says: destinations, paths, privacy and limits. Everything has a value without any file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from engine.model.route import Destination

__all__ = ["CONSOLE", "LIMITS", "Config", "Limits", "Privacy", "Summaries", "Voice"]

CONSOLE = Destination("console", "console")


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds memory and disk. `pending` is rows a destination, `groups` is groups a rule.

    Units: `max_line_bytes` bytes of one journal line; `lateness_ms` how late an event may come and still be in order.
    """

    max_line_bytes: int = 1_048_576
    pending: int = 10_000
    groups: int = 10_000
    lateness_ms: int = 10_000


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Privacy:
    """How much captured text is kept and for how long. Units: `excerpt` characters; durations in milliseconds."""

    excerpt: int = 200
    keep_sent_ms: int = 7 * 86_400_000
    keep_dead_ms: int = 30 * 86_400_000


Voice: TypeAlias = Literal["offline", "videodb", "openai"]
"""Who sums up: nobody but the engine itself, VideoDB, or a service that speaks OpenAI's protocol."""


@dataclass(frozen=True, slots=True)
class Summaries:
    """Who sums up what a rule with `summarize` collects. Never a service that engine.yaml was not told of for this.

    Shape: `url` is empty for VideoDB's own address; `budget` is calls a local day, all rules together.
    """

    use: Voice = "offline"
    url: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    model: str = ""
    timeout_ms: int = 30_000
    budget: int = 200


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration, complete and valid.

    Shape: `destinations` always has `console`; `groups` maps a name to the destinations behind it, groups in groups
    already resolved; `default` holds destination names, never empty. Paths stand as written, `~` and `*` included;
    None and an empty `journals` leave the choice to the program. `secrets` are all values that no text we write may
    show; neither they nor URLs appear in `repr`.
    """

    destinations: dict[str, Destination] = field(default_factory=lambda: {"console": CONSOLE})
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    default: tuple[str, ...] = ("console",)
    journals: tuple[str, ...] = ()
    rules: tuple[str, ...] = ("./rules",)
    state: str | None = None
    output: str | None = None
    zone: str = "local"
    limits: Limits = field(default_factory=Limits)
    privacy: Privacy = field(default_factory=Privacy)
    summaries: Summaries = field(default_factory=Summaries)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    def names(self) -> frozenset[str]:
        """Return every name that `notify:` may use."""
        return frozenset(self.destinations) | frozenset(self.groups) | {"default"}

    def targets(self, name: str) -> tuple[str, ...] | None:
        """Return the destinations that a name in `notify:` stands for, or None for an unknown name."""
        if name == "default":
            return self.default
        if name in self.groups:
            return self.groups[name]
        return (name,) if name in self.destinations else None
