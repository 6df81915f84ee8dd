"""`engine run` in time: when to read, when to reload, when to stop, and the courier beside it.

Invariant: everything is read once before the first wait and after every wake-up, so no wait can lose a line.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.core.compile import Program
from engine.core.evaluator import Evaluator
from engine.model.errors import Problem, StoreError
from engine.run.clock import now_ms
from engine.run.library import Library
from engine.run.live import Helping, Pipeline
from engine.run.wake import SLOW_STEP_MS, Bell, Watcher
from engine.source.rules_dir import signature
from engine.source.tail import Tail

__all__ = ["Helper", "Routes", "Voice", "follow", "read_once"]

TICK_S = 0.25
# While lines keep coming the file is looked at every 3 ms (one fstat, about 1 us): p50 from append to commit is
# then below 3 ms, where waiting for the watcher alone would make it 8.
ACTIVE_S = 0.003
ACTIVE_FOR_S = 2.0
REDISCOVER_S = 5.0
RELOAD_S = 0.5
# An editor may empty a file before it writes it: what changed is read once it stayed the same for this long.
SETTLE_S = 0.1
REFUSED_S = 1.0

Routes = Callable[[Program], dict[str, tuple[str, ...]]]
"""The destinations behind each name that the rules of a program use."""


class Helper(Protocol):
    """The courier as the loop sees it."""

    def wake(self) -> None:
        """Tell it that the outbox has new rows."""
        ...

    def tend(self, steady_ms: int) -> None:
        """Start it, or start it again if it died. Units: milliseconds of a clock that never jumps."""
        ...

    def stop(self) -> object:
        """End it in order; what is under way may finish first."""
        ...


class Voice(Protocol):
    """Whom the loop tells what happened."""

    def helping(self, helping: Helping) -> None:
        """A round was committed."""
        ...

    def reloaded(self, rules: int, problems: tuple[Problem, ...], mended: bool) -> None:
        """The rule files were read again; `mended` says that errors told before are gone."""
        ...

    def note(self, text: str) -> None:
        """Something that is as it should be, and good to know."""
        ...

    def warn(self, text: str) -> None:
        """Something an operator should see to."""
        ...


@dataclass(slots=True)
class _Stop:
    asked: bool = False


@contextmanager
def _signals(bell: Bell, stop: _Stop, reload: Callable[[], None]) -> Iterator[None]:
    """Ask for a stop at the first SIGINT or SIGTERM; leave at once at the second. SIGHUP reads the rules again."""

    def on_stop(number: int, _: object) -> None:
        if stop.asked:
            os._exit(128 + number)  # safe: what was not committed is read again, what was not settled is sent again
        stop.asked = True
        bell.ring()

    def on_reload(_number: int, _: object) -> None:
        reload()
        bell.ring()

    wanted: dict[signal.Signals, Callable[[int, object], None]] = {signal.SIGINT: on_stop, signal.SIGTERM: on_stop}
    if hasattr(signal, "SIGHUP"):
        wanted[signal.SIGHUP] = on_reload
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Reloader:
    """Reads the rules again when their files changed, and swaps the program between two rounds."""

    def __init__(self, library: Library, evaluator: Evaluator, routes: Routes, voice: Voice) -> None:
        self.due = False
        self._library = library
        self._evaluator = evaluator
        self._routes = routes
        self._voice = voice
        self._signature = library.seen  # an edit between the first load and the first look is one, too
        self._told: tuple[str, ...] = ()
        self._changed = False
        self._next_look = 0.0

    def ask(self) -> None:
        self.due = True

    def step(self, now: float, moved: bool) -> None:
        if not (self.due or moved or now >= self._next_look):
            return
        started = time.monotonic()
        current = signature(self._library.paths)
        if current != self._signature:
            self._signature, self._changed = current, True
            self._next_look = now + SETTLE_S
        else:
            # Looking at 10,000 files costs tens of milliseconds: never spend more than 0.5 % of the time on it.
            self._next_look = now + max(RELOAD_S, 200 * (time.monotonic() - started))
            if self._changed or self.due:
                self._changed = self.due = False
                self._load()

    def _load(self) -> None:
        loaded = self._library.load()
        if loaded.program is not None:
            self._evaluator.adopt(loaded.program, self._routes(loaded.program))
        errors = tuple(f"{one.span} {one.message}" for one in loaded.problems if one.severity == "error")
        if loaded.program is not None or errors != self._told:
            self._voice.reloaded(len(self._evaluator.program.rules), loaded.problems, bool(self._told) and not errors)
        if errors and errors != self._told:
            self._evaluator.tell("rule_error", {"text": errors[0], "errors": len(errors)}, now_ms())
        self._told = errors


def read_once(pipeline: Pipeline, source: Tail, voice: Voice) -> None:
    """Take in everything there is, unterminated last lines included, and release what was due by now."""
    source.rediscover(now_ms())
    pipeline.drain(voice.helping)
    source.finish(now_ms())
    pipeline.drain(voice.helping)
    _tell(source, voice)


def follow(pipeline: Pipeline, source: Tail, library: Library, routes: Routes, voice: Voice, helper: Helper) -> None:
    """Tail until told to stop. On return everything read is committed and the helper has ended.

    Errors: `StoreError` when the last round could not be saved; the next start reads it again.
    """
    bell, stop = Bell(), _Stop()
    reloader = _Reloader(library, pipeline.evaluator, routes, voice)
    # Only folders meant for rules are watched with all that is below: a single file may lie in somebody's home.
    deep = all(Path(path).is_dir() for path in library.paths)
    rules = Watcher(_folders(library.paths), bell, recursive=deep, step_ms=SLOW_STEP_MS).start()
    logs = _Logs(source, bell)
    turn = _Turn(pipeline, voice, helper)
    with _signals(bell, stop, reloader.ask):
        try:
            while not stop.asked:
                now = time.monotonic()
                logs.look(now)
                _tell(source, voice)
                moved = rules.moved.is_set()
                rules.moved.clear()
                reloader.step(now, moved)
                helper.tend(round(now * 1000))
                if turn.take(now):
                    continue
                bell.wait(turn.pause(now))
            if pipeline.is_behind:
                pipeline.round()
        finally:
            rules.stop()
            logs.stop()
            helper.stop()


class _Turn:
    """One round after the other, and how long to rest in between."""

    def __init__(self, pipeline: Pipeline, voice: Voice, helper: Helper) -> None:
        self._pipeline = pipeline
        self._voice = voice
        self._helper = helper
        self._active_until = 0.0
        self._refusal = ""

    def take(self, now: float) -> bool:
        """Take a round. Returns whether the next one should follow at once."""
        try:
            helping = self._pipeline.round()
        except StoreError as error:
            if str(error) != self._refusal:
                self._refusal = str(error)
                self._voice.warn(f"{error}. Reading stops until it can be saved; the journal keeps what comes")
            return False
        if self._refusal:
            self._refusal = ""
            self._voice.warn("saving works again; nothing was missed")
        self._voice.helping(helping)
        if helping.rows:
            self._helper.wake()
        if helping.read:
            self._active_until = now + ACTIVE_FOR_S
        return helping.read

    def pause(self, now: float) -> float:
        """Return how long to wait when nothing rings. Units: seconds."""
        if self._pipeline.is_behind:
            return REFUSED_S
        pause = ACTIVE_S if now < self._active_until else TICK_S
        wake_at_ms = self._pipeline.evaluator.wake_at_ms
        return pause if wake_at_ms is None else max(0.0, min(pause, (wake_at_ms - now_ms()) / 1000))


class _Logs:
    """Looks for new, moved and vanished logs when their folders stir, and every few seconds without a reason."""

    def __init__(self, source: Tail, bell: Bell) -> None:
        self._source = source
        self._bell = bell
        self._watcher = Watcher(source.directories(), bell).start()
        self._swept = 0.0

    def look(self, now: float) -> None:
        if not self._watcher.moved.is_set() and now - self._swept < REDISCOVER_S:
            return
        self._watcher.moved.clear()
        self._source.rediscover(now_ms())
        self._swept = now
        # A log may have moved to another folder, or a folder may have been made anew.
        directories = self._source.directories()
        if directories != self._watcher.directories:
            self._watcher.stop()
            self._watcher = Watcher(directories, self._bell).start()

    def stop(self) -> None:
        self._watcher.stop()


def _tell(source: Tail, voice: Voice) -> None:
    for notice in source.notices():
        (voice.note if notice.code == "start" else voice.warn)(notice.text)


def _folders(paths: Sequence[str]) -> list[str]:
    folders = [path if path.is_dir() else path.parent for path in map(Path, paths)]
    return [str(folder) for folder in dict.fromkeys(folders) if folder.is_dir()]
