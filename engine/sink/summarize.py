"""Which model sums up, as `engine.yaml` says. Made when the first summary is asked for, not before.

A model is one method, `ask(prompt) -> Reply`: one call, no retry, no exception for the world's failures, and no secret
and no word of a server in what it returns as a reason.
"""

from __future__ import annotations

from typing import Protocol

from engine.model.config import Summaries
from engine.model.summary import Prompt, Reply

__all__ = ["Model", "model_of"]


class Model(Protocol):
    """Something that writes prose. `name` is what a message tells its reader."""

    name: str

    def ask(self, prompt: Prompt) -> Reply:
        """Ask once. Blocks for about the configured time, longer when a server drips bytes: the caller has a clock."""
        ...


def model_of(settings: Summaries) -> Model | None:
    """Return the model that the settings name, None for none. Nothing is sent."""
    match settings.use:
        case "openai":
            from engine.sink.summarize_openai import OpenAiModel

            return OpenAiModel(settings.url, settings.key, settings.model, settings.timeout_ms)
        case "videodb":
            from engine.sink.summarize_videodb import VideoDbModel

            return VideoDbModel(settings.url, settings.key, settings.model)
        case _:
            return None
