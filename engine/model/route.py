"""Where messages go: destinations as `engine.yaml` declares them."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Destination"]


@dataclass(frozen=True, slots=True)
class Destination:
    """A named place to send to. `url` is an apprise URL with its secrets filled in: never print it.

    `kind` is the URL's scheme, `console` or `record`. Units: `per_min` sends a minute at most (0: the service's
    own default), `max_age_ms` turns older messages into the dead letter. `text` says how much captured text may
    leave: full, excerpt (so many characters) or none (the title only).
    """

    name: str
    kind: str
    url: str = field(default="", repr=False)
    per_min: int = 0
    max_age_ms: int = 86_400_000
    text: str = "full"
    excerpt: int = 200
    ordered: bool = True
