"""The folder in which a command is tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A folder, entered, with an environment that leads nowhere else."""
    one = Workspace(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("FORCE_COLOR", "VIDEODB_EVENTS_DIR", "ENGINE_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in one.environment.items():
        monkeypatch.setenv(name, value)
    return one
