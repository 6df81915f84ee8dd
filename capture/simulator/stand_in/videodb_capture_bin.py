"""Stands in for the vendor's package of this name while its folder is first on the path; nothing is installed."""

from __future__ import annotations

import sys
from pathlib import Path


def get_binary_path() -> str:
    """Return the stand-in recorder."""
    return str(Path(__file__).with_name("recorder.cmd" if sys.platform == "win32" else "recorder.py"))
