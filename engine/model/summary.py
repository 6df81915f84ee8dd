"""What a language model is asked, and what became of asking it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

__all__ = ["Answer", "Prompt", "Refused", "Reply", "Spend", "Spoken"]


class Prompt(NamedTuple):
    """What a model gets. `material` is captured text between two fences: data, whatever it says."""

    instructions: str
    material: str


class Answer(NamedTuple):
    """What became of one request, the same for all its destinations.

    Shape: `text` is the summary by `by`, checked and cleaned; None when there is none, for `reason`.
    """

    text: str | None
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Spoken:
    """The model's own words, not yet checked: text, or what its JSON held."""

    content: object


@dataclass(frozen=True, slots=True)
class Refused:
    """No answer, and why. `for_good` says that asking again soon is useless: no right, no money, no such model."""

    reason: str
    for_good: bool = False


Reply: TypeAlias = Spoken | Refused


class Spend(NamedTuple):
    """One of the budgets a call counts on: at most `most` calls under `name` on `day`."""

    day: str
    name: str
    most: int
