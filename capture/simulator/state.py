"""What the simulated cloud knows: sessions, streams, pipelines, alerts, tokens, videos. Plain records, no rules."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

__all__ = ["Alert", "Kind", "Pipeline", "Session", "Stream", "World", "source_of"]

Kind: TypeAlias = Literal["transcript", "audio", "visual", "understanding", "index"]
"""What a pipeline makes. `understanding` and `index` are the second API generation; both follow the screen."""


@dataclass(slots=True)
class Session:
    """One capture session. Shape: `status` walks created starting active stopping stopped exported, or failed."""

    id: str
    collection_id: str
    end_user_id: str
    callback_url: str
    ws_id: str
    metadata: dict[str, Any]
    created_at: int
    status: str = "created"
    channels: list[dict[str, Any]] = field(default_factory=list)
    stream_ids: list[str] = field(default_factory=list)
    polls_since_active: int = 0
    export_status: str | None = None
    export_polls: int = 0
    export_ws_ids: list[str] = field(default_factory=list)
    video_id: str | None = None

    @property
    def stored(self) -> bool:
        """Whether a channel is kept, without which there is never an export."""
        return any(channel.get("store") for channel in self.channels)

    @property
    def primary_video(self) -> str | None:
        """The id of the channel that is exported: the primary one, else the first video, else the first."""
        ranked = sorted(self.channels, key=lambda c: (not c.get("is_primary"), c.get("type") != "video"))
        return str(ranked[0].get("channel_id")) if ranked else None


@dataclass(slots=True)
class Stream:
    """One audio or video stream. Shape: `name` is the channel's id (`mic:default`) or what the caller named it."""

    id: str
    name: str
    collection_id: str
    media_types: list[str]
    created_at: int
    session_id: str | None = None
    status: str = "connected"
    store: bool = False
    url: str = ""
    sample_rate: int = 30
    paused: bool = False


@dataclass(slots=True)
class Alert:
    """A wish to be told when an event is seen by a pipeline."""

    id: str
    event_id: str
    callback_url: str
    ws_id: str
    enabled: bool = True


@dataclass(slots=True)
class Pipeline:
    """Something that runs on a stream and is billed. `starts` counts how often it was set running.

    Units: records are in epoch seconds, as polling returns them.
    """

    id: str
    kind: Kind
    stream_id: str
    ws_id: str = ""
    name: str | None = None
    prompt: str | None = None
    running: bool = True
    starts: int = 1
    request: dict[str, Any] = field(default_factory=dict)
    records: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    source_id: str | None = None


@dataclass(slots=True)
class World:
    """Everything the cloud knows. `tokens` maps a client token to its end, in epoch seconds."""

    sessions: dict[str, Session] = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=dict)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    events: dict[str, dict[str, str]] = field(default_factory=dict)
    tokens: dict[str, float] = field(default_factory=dict)
    videos: dict[str, dict[str, Any]] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    asleep: bool = False
    _issued: Counter[str] = field(default_factory=Counter)

    def next_id(self, prefix: str) -> str:
        """Return an id nobody has yet, counting up by prefix: `cap-0001`."""
        self._issued[prefix] += 1
        return f"{prefix}-{self._issued[prefix]:04d}"

    def on_stream(self, stream_id: str, *kinds: Kind) -> list[Pipeline]:
        """Return the pipelines of these kinds on a stream, oldest first."""
        return [p for p in self.pipelines.values() if p.stream_id == stream_id and p.kind in kinds]


def source_of(channel_id: str) -> str:
    """Return mic, system_audio, screen or camera for a channel id such as `display:1`."""
    source = channel_id.split(":", 1)[0].lower()
    return "screen" if source == "display" else source
