"""What `capture start` is to do, as values: the settings that `capture.yaml` and the command line fill in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

__all__ = ["DEFAULT_PIPELINES", "Alert", "Batch", "Kind", "Limits", "PipelineSpec", "Settings"]

Kind: TypeAlias = Literal["transcript", "audio", "visual"]
"""What a pipeline makes: speech as text, summaries of speech, descriptions of pictures."""


@dataclass(frozen=True, slots=True)
class Batch:
    """How a stream is cut into pieces. Units: `value` is words, sentences or seconds; `frames` only for pictures."""

    type: Literal["word", "sentence", "time"]
    value: int
    frames: int | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """An event for the cloud to look out for on an index. An event of the same label is used again."""

    label: str
    event: str
    callback_url: str = ""


@dataclass(frozen=True, slots=True)
class PipelineSpec:
    """One thing to run on a stream. `fields` asks for an answer in JSON: pairs of key and what it should hold."""

    kind: Kind
    name: str
    prompt: str | None = None
    model: str | None = None
    batch: Batch | None = None
    fields: tuple[tuple[str, str], ...] = ()
    engine: str | None = None
    alerts: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Units: hours. `rotate_hours` ends a session and begins the next, since a client token lives 24 h at most."""

    max_hours: float | None = None
    rotate_hours: float = 20.0


DEFAULT_PIPELINES: Mapping[str, tuple[PipelineSpec, ...]] = {
    "mic": (
        PipelineSpec("transcript", "transcript"),
        PipelineSpec("audio", "audio", "Summarize what is being discussed", batch=Batch("time", 30)),
    ),
    "system_audio": (
        PipelineSpec("transcript", "transcript"),
        PipelineSpec("audio", "audio", "Summarize what is being discussed", batch=Batch("time", 30)),
    ),
    "screen": (
        PipelineSpec("visual", "visual", "In one sentence, describe what is on screen", batch=Batch("time", 10, 5)),
    ),
}
"""What runs where `capture.yaml` does not say: what the vendor's guides start."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. `channels` and `store` are channel ids, globs, `all` or `primary`."""

    end_user_id: str = "desktop"
    collection: str = "default"
    channels: tuple[str, ...] = ("mic:default", "system_audio:default", "primary")
    primary: str | None = None
    store: tuple[str, ...] = ()
    callback_url: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = Limits()
    pipelines: Mapping[str, tuple[PipelineSpec, ...]] = field(default_factory=lambda: DEFAULT_PIPELINES)
