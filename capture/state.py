"""What a run must not forget, in one small file that is replaced whole: who runs, which sessions, what they cost.

Written before a call that costs money, so that after a crash it is known what may be running. Holds no key, no client
token and no stream address. Invariant: a reader finds the file before or after a change, never within.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import orjson

from capture.publish import publish

__all__ = ["STATE_NAME", "Export", "Phase", "Pipeline", "RunState", "Session", "StateFile", "Stream"]

STATE_NAME = "state.json"
_VERSION = 1
_KEEP_SESSIONS = 20

Phase: TypeAlias = Literal["starting", "waiting", "live", "stopping", "exporting", "ended"]
"""`waiting`: everything runs and no event has come yet. `live`: one has."""

_T = TypeVar("_T")


@dataclass(slots=True)
class Stream:
    """A stream of a session. Shape: `name` is its channel's id where that is known (`mic:default`)."""

    id: str
    name: str
    source: str
    media: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Pipeline:
    """One pipeline by its idempotency key. `id` is an index's; `old` are the ones it replaced, newest last.

    Shape: `state` is starting, running, retrying, failed or stopped; `bound_to` the connection that `id` reports to;
    `attempt` is the name a start was last tried under: an index of that name may exist although we never heard.
    """

    stream_id: str
    kind: str
    name: str
    engine: str | None = None
    state: str = "starting"
    id: str | None = None
    bound_to: str | None = None
    attempt: str | None = None
    old: list[str] = field(default_factory=list)
    alerts: dict[str, str] = field(default_factory=dict)
    error: str | None = None


@dataclass(slots=True)
class Export:
    """The video of a session. Shape: `status` is none (nothing stored), wanted, exported or failed."""

    status: str = "none"
    video_id: str | None = None
    player_url: str | None = None


@dataclass(slots=True)
class Session:
    """A capture session, or with `kind` stream one that is a stream from an address. `over`: nothing is left to do.

    `said` are the statuses that stand in the journal. `origin` recognises a stream's address without telling it.
    """

    id: str
    kind: str = "desktop"
    collection: str = "default"
    status: str = "created"
    end_user_id: str = ""
    created_ms: int = 0
    origin: str = ""
    over: bool = False
    said: list[str] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    export: Export = field(default_factory=Export)


@dataclass(slots=True)
class RunState:
    """One run of `capture start` and the sessions it began or took over, newest last.

    Shape: `control` is where to reach it: `{"unix": path}` or `{"port": n, "token": t}`.
    """

    run: str
    pid: int
    started_ms: int
    journal: str
    phase: Phase = "starting"
    generation: int = 0
    connection_id: str | None = None
    control: dict[str, Any] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)

    @property
    def session(self) -> Session | None:
        """The session that is being captured, or was last."""
        return self.sessions[-1] if self.sessions else None

    @property
    def unfinished(self) -> list[Session]:
        """The sessions that something is still to be done for, oldest first."""
        return [session for session in self.sessions if not session.over]


class StateFile:
    """`state.json` in a folder. Only the holder of the journal's lock may `save`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / STATE_NAME

    def load(self) -> RunState | None:
        """Return the last state saved, or None when there is none.

        One that makes no sense is none either, nor is one that another user planted in a shared folder.
        """
        try:
            if self.path.is_symlink() or not _is_ours(self.path):
                return None
            raw = orjson.loads(self.path.read_bytes())
            if raw.get("version") != _VERSION:
                return None
            sessions = [_session(each) for each in raw.get("sessions", [])]
            state = _build(RunState, raw)
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            return None
        state.sessions = sessions
        return state

    def save(self, state: RunState) -> None:
        """Replace the file. Finished sessions but the newest are dropped.

        Errors: OSError.
        """
        state.sessions = [s for s in state.sessions[:-1] if not s.over][-_KEEP_SESSIONS:] + state.sessions[-1:]
        text = orjson.dumps({"version": _VERSION, **asdict(state)}, option=orjson.OPT_INDENT_2).decode()
        publish(self.path, text + "\n")


def _is_ours(path: Path) -> bool:
    return sys.platform == "win32" or path.stat().st_uid == os.geteuid()


def _session(raw: dict[str, Any]) -> Session:
    session = _build(Session, raw)
    session.streams = [_build(Stream, each) for each in raw.get("streams", [])]
    session.pipelines = {key: _build(Pipeline, each) for key, each in raw.get("pipelines", {}).items()}
    session.export = _build(Export, raw.get("export", {}))
    return session


def _build(kind: type[_T], raw: dict[str, Any]) -> _T:
    """Make a record of the fields it knows; a field of a later version is left out."""
    known = {each.name for each in fields(kind)}  # type: ignore[arg-type]  # all of them are dataclasses
    return kind(**{name: value for name, value in raw.items() if name in known})
