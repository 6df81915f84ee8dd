"""`capture start` for tests: as a child process, or within the test's own, against a simulator with its recorder."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from capture.access import Access
from capture.account import Account, connect
from capture.journal import Journal
from capture.paths import JOURNAL_NAME
from capture.run import Run, now_ms
from capture.settings import Batch, PipelineSpec, Settings
from capture.simulator import Simulator, recorder_path_entry
from capture.start import Ending, capture
from capture.state import RunState, StateFile
from capture.stream_session import Address
from capture.timing import Timing, timing_from

PATIENCE_S = 20.0
FAST = ",".join(
    (
        "heartbeat_s=0.2", "poll_near_s=0.05", "poll_far_s=0.3", "grace_s=0.1", "rebind_after_s=0.02",
        "rebind_every_s=0.05", "refill_s=0.2", "drain_s=1", "export_first_s=0.03", "export_most_s=0.1",
        "backoff_first_s=0.02", "backoff_most_s=0.1", "retry_first_s=0.02", "retry_most_s=0.1", "retry_s=5",
        "active_s=5", "greeting_s=5", "stop_call_s=1", "command_s=1.5", "call_s=3",
    )
)  # fmt: skip
PIPELINES = {
    "mic": (PipelineSpec("transcript", "transcript"),),
    "screen": (PipelineSpec("visual", "visual", "What is on screen?", batch=Batch("time", 3, 3)),),
}
SETTINGS = Settings(channels=("mic:default", "display:1"), store=("all",), pipelines=PIPELINES)
YAML = """\
channels: [mic:default, "display:1"]
store: true
pipelines:
  mic: {transcript: true}
  screen: {visual: {prompt: "What is on screen?", batch_config: {type: time, value: 3, frame_count: 3}}}
"""


def fast() -> Timing:
    return timing_from({"CAPTURE_TIMING": FAST})


def until(holds: Callable[[], Any], what: str = "it", within_s: float = PATIENCE_S) -> Any:
    deadline = time.monotonic() + within_s
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {within_s:g} s")
        time.sleep(0.01)
    return found


async def soon(holds: Callable[[], Any], what: str = "it", within_s: float = PATIENCE_S) -> Any:
    deadline = time.monotonic() + within_s
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {within_s:g} s")
        await asyncio.sleep(0.01)
    return found


def moment() -> dict[str, int]:
    """A span of 5 ms from now, so that no two events cover each other."""
    return {"start": now_ms(), "end": now_ms() + 5}


def lines_of(folder: Path) -> list[dict[str, Any]]:
    """Every whole line of the journal."""
    path = folder / JOURNAL_NAME
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def events_of(folder: Path, event: str) -> list[dict[str, Any]]:
    return [line for line in lines_of(folder) if line.get("event") == event]


def texts_of(folder: Path, channel: str) -> list[str]:
    bodies = [line["data"] for line in lines_of(folder) if line.get("channel") == channel]
    return [data["text"] for data in bodies if isinstance(data, dict)]


def statuses_of(folder: Path, session_id: str) -> list[str]:
    """The session's lifecycle as the journal tells it."""
    return [
        line["event"].removeprefix("capture_session.")
        for line in lines_of(folder)
        if str(line.get("event")).startswith("capture_session.") and line.get("capture_session_id") == session_id
    ]


def environment(sim: Simulator, *, recorder: bool = True, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIDEODB_EVENTS_DIR")}
    path = {"PYTHONPATH": recorder_path_entry()} if recorder else {}
    own = {
        "VIDEO_DB_API": sim.base_url, "VIDEO_DB_API_KEY": sim.api_key, "NO_PROXY": "127.0.0.1",
        "CAPTURE_TIMING": FAST,
    }  # fmt: skip
    return {**kept, **path, **own, **more}


@dataclass
class Child:
    """`capture` as a process of its own, in a folder of its own."""

    sim: Simulator
    folder: Path
    environment: dict[str, str]
    process: subprocess.Popen[str] | None = None
    umask: int = -1
    cwd: Path | None = None
    said: list[str] = field(default_factory=list)
    siblings: list[Child] = field(default_factory=list)

    def start(self, *arguments: str, stdout: int = subprocess.PIPE, file_limit: int | None = None) -> Child:
        limit = ["prlimit", f"--fsize={file_limit}"] if file_limit else []
        self.process = subprocess.Popen(
            [*limit, sys.executable, "-m", "capture", "start", str(self.folder), *arguments], env=self.environment,
            cwd=self.cwd or self.folder, stdout=stdout, stderr=subprocess.STDOUT, text=True,
            stdin=subprocess.DEVNULL, umask=self.umask,
        )  # fmt: skip
        return self

    def another(self, **more: str) -> Child:
        """One more in the same folder, closed with this one."""
        made = Child(self.sim, self.folder, {**self.environment, **more})
        self.siblings.append(made)
        return made

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "capture", command, *arguments], env=self.environment, cwd=self.folder,
            capture_output=True, text=True, timeout=PATIENCE_S, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    @property
    def state(self) -> RunState | None:
        return StateFile(self.folder).load()

    def reaches(self, *phases: str) -> Child:
        def there() -> bool:
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"it ended with {self.process.returncode}: {self.output()}")
            state = self.state
            return state is not None and state.pid == self.pid and state.phase in phases

        until(there, f"phase {phases}")
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def ends(self) -> int:
        """Wait for the end and return the exit code."""
        assert self.process is not None
        try:
            text = self.process.communicate(timeout=PATIENCE_S)[0] or ""
        except subprocess.TimeoutExpired:
            self.process.kill()
            text, _ = self.process.communicate()
            raise AssertionError(f"it does not end; it said: {text}") from None
        self.said.append(text)
        return self.process.returncode

    def output(self) -> str:
        if self.process is not None and self.process.stdout is not None and not self.process.stdout.closed:
            self.said.append(self.process.communicate(timeout=PATIENCE_S)[0])
        return "".join(self.said)

    def close(self) -> None:
        for sibling in self.siblings:
            sibling.close()
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process.stdout is not None and not self.process.stdout.closed:
            self.process.communicate()


def new_run(folder: Path, settings: Settings = SETTINGS, timing: Timing | None = None) -> Run:
    """A run as the command line makes it. Its journal is the caller's to close."""
    file = StateFile(folder)
    before = file.load()
    journal = Journal.open(folder / JOURNAL_NAME, run="run-test")
    state = RunState("run-test", os.getpid(), now_ms(), str(journal.path))
    state.sessions = before.unfinished if before else []
    return Run(journal, file, state, settings, timing or fast())


@contextmanager
def rights(sim: Simulator) -> Iterator[Access]:
    who = Account(sim.api_key, sim.base_url)
    connection = connect(who)
    try:
        yield Access(who, connection)
    finally:
        connection.session.close()


@contextmanager
def opened(
    sim: Simulator, folder: Path, settings: Settings = SETTINGS, timing: Timing | None = None
) -> Iterator[tuple[Run, Access]]:
    """A run and its rights, closed afterwards."""
    run = new_run(folder, settings, timing)
    try:
        with rights(sim) as access:
            yield run, access
    finally:
        run.journal.close()


async def performed(run: Run, access: Access, address: Address | None = None) -> Ending | None:
    """Capture until the end; return how it ended if not simply as asked."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await capture(run, access, address)
    except Ending as ending:
        return ending
    return None
