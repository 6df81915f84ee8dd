"""A capture in the background: a process of its own that outlives the terminal, watched until it runs or fails.

Secrets go to it by the environment, since a command line can be read by everybody on the machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from capture.paths import open_private, private_dir
from capture.state import StateFile

__all__ = ["LOG_NAME", "DetachedError", "Started", "detached", "without_secrets"]

LOG_NAME = "capture.log"
_LOOK_S = 0.1
_READY_S = 600.0
_SECRETS = {"--token": "CAPTURE_TOKEN", "--stream": "CAPTURE_STREAM"}


class DetachedError(Exception):
    """It ended before it ran. Shape: the message is what it said last, `code` its exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Started(NamedTuple):
    """A capture that runs in the background."""

    pid: int
    log: Path
    said: str


def without_secrets(arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the arguments for the background process, and the variables that carry what was taken out."""
    kept: list[str] = []
    taken: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if name in _SECRETS:
            taken[_SECRETS[name]] = value if equals else next(rest, "")
        elif argument != "--detach":
            kept.append(argument)
    return kept, taken


def detached(folder: Path, arguments: Sequence[str]) -> Started:
    """Start `capture` with these arguments in the background and wait until it runs. Errors: DetachedError, OSError."""
    kept, taken = without_secrets(arguments)
    private_dir(folder)
    log = folder / LOG_NAME
    fd = open_private(log)
    began = os.lseek(fd, 0, os.SEEK_END)
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "capture", *kept], stdin=subprocess.DEVNULL, stdout=fd, stderr=fd,
            env={**os.environ, **taken}, **_alone(),
        )  # fmt: skip
    finally:
        os.close(fd)
    _until_ready(child, folder)
    said = log.read_bytes()[began:].decode("utf-8", "replace").strip()
    code = child.poll()
    if code is not None:
        raise DetachedError(said.splitlines()[-1].removeprefix("Error: ") if said else "it ended at once", code)
    child.returncode = 0  # it is to outlive us: nobody waits for it
    return Started(child.pid, log, said)


def _until_ready(child: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + _READY_S
    file = StateFile(folder)
    while child.poll() is None and time.monotonic() < until:
        state = file.load()
        if state is not None and state.pid == child.pid and state.phase in ("waiting", "live"):
            return
        time.sleep(_LOOK_S)


def _alone() -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
