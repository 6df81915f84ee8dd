"""Every document of the vendor's that docs/capture.md has a section for is proved by tests that carry its name."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ROWS = [marker.partition(":")[0] for marker in SETTINGS["tool"]["pytest"]["ini_options"]["markers"]]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_a_section_and_tests(row: str) -> None:
    marked = [
        path for path in (ROOT / "tests").rglob("test_*.py") if f"@pytest.mark.{row}\n" in path.read_text("utf-8")
    ]
    assert marked
    page = (ROOT / "docs" / "capture.md").read_text(encoding="utf-8")
    headings = [heading.lower().replace(" ", "_") for heading in re.findall(r"^### (.+)$", page, re.MULTILINE)]
    assert any(heading.startswith(row) for heading in headings)
