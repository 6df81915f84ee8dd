"""A user's folder and the `engine` command in it: as processes, and as calls where a process proves nothing more."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import pytest

from engine.cli.main import run

ROOT = Path(__file__).resolve().parents[2]
RECORDINGS = sorted((ROOT / "tests" / "data" / "recordings").glob("*.jsonl"))
KICKOFF = next(path for path in RECORDINGS if path.stem == "product-kickoff")


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err

    def json(self) -> Any:
        return json.loads(self.out)


class Running:
    """An engine at work in a process group of its own; its output goes to files. Use it in `with`."""

    def __init__(self, argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._out, self._err = folder / "out.txt", folder / "err.txt"
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self.process = subprocess.Popen(
                argv, cwd=folder, env=environment, stdout=out, stderr=err, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip

    @property
    def out(self) -> str:
        return self._out.read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        return self._err.read_text(encoding="utf-8")

    def says(self, text: str, timeout: float = 15.0, count: int = 1) -> None:
        """Return once stderr holds the text so often."""
        until(lambda: self.err.count(text) >= count or self._is_over(), timeout, lambda: f"unsaid: {text}\n{self.err}")
        assert self.err.count(text) >= count, self.err

    def prints(self, text: str, timeout: float = 15.0) -> None:
        """Return once stdout holds the text."""
        until(lambda: text in self.out, timeout, lambda: f"not printed: {text!r}\n{self.out}\n{self.err}")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self, timeout: float = 15.0) -> int:
        """Ask for an end in order; return the exit code."""
        self.send(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self) -> None:
        """End everything it started, too."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _is_over(self) -> bool:
        return self.process.poll() is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


class Workspace:
    """A folder with rules, configuration, journal and state, far from the user's own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.journal = root / "events.jsonl"
        self.state = root / "state"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(root / "home"),
            "XDG_STATE_HOME": str(root / "home" / "state"),
            "XDG_CONFIG_HOME": str(root / "home" / "config"),
            "PYTHONPATH": str(ROOT),
            "NO_COLOR": "1",
            "TZ": "UTC",
        }

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def rule(self, name: str, text: str) -> Path:
        return self.write(f"rules/{name}.yaml", text)

    def shipped_rules(self) -> None:
        shutil.copytree(ROOT / "rules", self.root / "rules")

    def append(self, *events: dict[str, Any] | bytes) -> None:
        with self.journal.open("ab") as journal:
            for event in events:
                journal.write(event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n")

    def engine(self, *arguments: object, timeout: float = 60.0) -> Result:
        """Run a command line as a process."""
        argv = [sys.executable, "-m", "engine", *map(str, arguments)]
        done = subprocess.run(
            argv, cwd=self.root, env=self.environment, capture_output=True, timeout=timeout, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def call(self, *arguments: object) -> Result:
        """Run a command line in this process: the same words and exit code without the start of an interpreter."""
        out, err = StringIO(), StringIO()
        log = logging.getLogger("engine")
        handlers, level, propagates = list(log.handlers), log.level, log.propagate
        try:
            with redirect_stdout(out), redirect_stderr(err):
                code = run([str(argument) for argument in arguments])
        finally:
            log.handlers[:], log.level, log.propagate = handlers, level, propagates
        return Result(int(code), out.getvalue(), err.getvalue())

    def start(self, *arguments: object) -> Running:
        """Start a command line that goes on by itself."""
        if sys.platform == "win32":
            pytest.skip("it is told to stop by signals of POSIX")
        argv = [sys.executable, "-m", "engine", *map(str, arguments)]
        return Running(argv, self.root, self.environment)

    def run(self, *arguments: object) -> Running:
        """Start `engine run` on the journal and the state of this folder, from the journal's first line."""
        return self.start("run", "--events", self.journal, "--state", self.state, "--from", "start", *arguments)

    def once(self, *arguments: object) -> Result:
        """`engine run --once` on the journal and the state of this folder."""
        return self.engine(
            "run", "--once", "--events", self.journal, "--state", self.state, "--from", "start", *arguments
        )

    def status(self) -> Any:
        return self.call("status", "--state", self.state, "--json").json()


def until(condition: Callable[[], bool], timeout: float = 15.0, words: Callable[[], str] = str) -> None:
    """Return when the condition holds. Errors: `AssertionError` with the words."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, words() or "it did not happen"
        time.sleep(0.01)


def screen(text: str, at: float = 1_772_442_000.0, **more: Any) -> dict[str, Any]:
    """An event that shows text on the screen. Units: `at` epoch seconds of its arrival."""
    return {
        "unix_ts": at, "channel": "visual_index", "rtstream_id": "rts-d", "rtstream_name": "display:1",
        "data": {"text": text}, **more,
    }  # fmt: skip
