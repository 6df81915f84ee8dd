"""The README is run: what it tells a newcomer to type works in this order and prints what it shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import blocks, text_of

SET_UP = "python3 -m venv .venv && .venv/bin/python -m pip install -q -e '.[test]' && "
MARKS = re.compile(r"demo|test|run|by hand: .+")


def test_the_two_commands_do_all_set_up_and_stand_where_ci_takes_them_from() -> None:
    marked = {block.mark: block.text for block in blocks("README.md", "sh")}
    assert marked["demo"] == SET_UP + ".venv/bin/engine demo"
    assert marked["test"] == SET_UP + ".venv/bin/python -m pytest -q -n 2"
    # The line of `.ci/run`, in Python.
    taken = text_of("README.md").split("<!-- test -->\n", 1)[1].split("\n```\n", 1)[0].splitlines()
    assert taken == ["```sh", marked["test"]]


def test_every_shell_block_says_whether_it_is_run() -> None:
    assert not [block.line for block in blocks("README.md", "sh") if not MARKS.fullmatch(block.mark)]


@pytest.mark.skipif(os.name != "posix" or shutil.which("bash") is None, reason="the README's shell is a POSIX one")
def test_the_walk_through_works_and_prints_what_it_shows(tmp_path: Path) -> None:
    walk = [block for block in blocks("README.md") if block.mark in ("run", "output")]
    script = [f"echo '== {number}'\n{block.text}" for number, block in enumerate(walk) if block.mark == "run"]
    shown = {number - 1: block.text for number, block in enumerate(walk) if block.mark == "output"}
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(script)],
        cwd=tmp_path, env=_environment(tmp_path), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr + run.stdout
    said = re.split(r"^== (\d+)\n", run.stdout, flags=re.MULTILINE)[1:]
    printed = dict(zip(map(int, said[::2]), said[1::2], strict=True))
    assert shown
    assert {number: wanted for number, wanted in shown.items() if wanted not in printed[number]} == {}


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment with our commands first, a home of its own, and a zone in which the output was shown."""
    kept = {name: value for name, value in os.environ.items() if name not in ("VIDEODB_EVENTS_DIR", "FORCE_COLOR")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    homes = dict.fromkeys(("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"), str(folder))
    return {**kept, **homes, "PATH": path, "TZ": "UTC", "NO_COLOR": "1"}
