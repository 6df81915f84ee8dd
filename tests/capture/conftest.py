"""Fixtures for tests that run `capture start`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture.simulator import Simulator, recorder_path_entry
from tests.capture.desk import Child, environment


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A simulator, with the stand-in recorder on the path of this process."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.syspath_prepend(recorder_path_entry())
    with Simulator() as simulator:
        yield simulator
    sys.modules.pop("videodb_capture_bin", None)


@pytest.fixture
def child(cloud: Simulator, tmp_path: Path) -> Iterator[Child]:
    """`capture` as a child process in a folder of its own."""
    (tmp_path / "capture.yaml").write_text("")
    made = Child(cloud, tmp_path, environment(cloud))
    yield made
    made.close()
