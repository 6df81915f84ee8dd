"""`docs/capture.md` is true: its commands run against the simulator, its settings load, its exit codes are right."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from capture.cli.cloud import CloudExit
from capture.cli.exits import Exit
from capture.cli.start import StartExit
from capture.config import parse_settings
from capture.settings import Settings
from capture.simulator import Simulator
from tests.capture.desk import environment
from tests.docs.pages import Block, blocks, text_of

PAGE = "docs/capture.md"
COMMANDS = [block for block in blocks(PAGE, "sh") if block.mark == "tested"]
SETTINGS = [block for block in blocks(PAGE, "yml") if block.mark == "capture.yaml"]


def place(block: Block) -> str:
    return f"line {block.line}"


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell, and the recorder's script itself")
@pytest.mark.parametrize("block", COMMANDS, ids=place)
def test_its_commands_run(cloud: Simulator, tmp_path: Path, block: Block) -> None:
    """Each ends its capture in order: at the end nothing runs and nothing is billed."""
    bin_folder = str(Path(sys.executable).parent)
    env = environment(cloud, VIDEODB_EVENTS_DIR=str(tmp_path / "events"))
    env["PATH"] = f"{bin_folder}:{env['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text], cwd=tmp_path, env=env, capture_output=True, text=True,
        timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    left = cloud.snapshot()
    assert left["recorder_pid"] is None
    assert not any(each["running"] for each in left["pipelines"])
    assert {each["status"] for each in left["sessions"]} <= {"stopped", "exported"}


@pytest.mark.featured_apps
@pytest.mark.parametrize("block", SETTINGS, ids=place)
def test_its_settings_load(block: Block) -> None:
    assert parse_settings(block.text, PAGE).pipelines != Settings().pipelines


def test_it_shows_every_key_and_every_exit_code() -> None:
    text = text_of(PAGE)
    assert len(COMMANDS) >= 7 and len(SETTINGS) >= 4
    for name in Settings.__dataclass_fields__:
        assert f"`{name}" in text or f"`{name}.<" in text
    shown = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert shown == {int(code) for code in (*Exit, *CloudExit, *StartExit)}
