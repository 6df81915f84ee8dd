"""A log in a folder and an engine that follows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.source.follower import Follower, Log


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "events.jsonl")


@pytest.fixture
def follower(log: Log) -> Iterator[Follower]:
    follower = Follower([str(log.path)])
    yield follower
    follower.close()
