"""Where the vendor's desktop recorder is, or why there is none on this machine."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from pathlib import Path

__all__ = ["missing_recorder", "recorder_path"]


def recorder_path() -> str | None:
    """Return the recorder's program file, or None; then `missing_recorder` says why."""
    path = _installed()
    return path if path and Path(path).is_file() and os.access(path, os.X_OK) else None


def missing_recorder() -> str:
    """Return in one sentence why `recorder_path` found none and what to do about it."""
    path = _installed()
    if path:
        what = (
            "may not be executed: allow it with chmod +x" if Path(path).is_file() else "is not there: install it again"
        )
        return f"the recorder {path} {what}"
    if sys.platform == "win32" and platform.machine().upper() not in ("AMD64", "X86_64"):
        return "VideoDB has a recorder for Windows on x86-64 only, and this machine is another"
    if sys.platform in ("win32", "darwin"):
        return "the recorder is not installed: pip install 'videodb[capture]>=0.5.1'"
    return (
        "VideoDB has no recorder for this system, only for macOS and Windows; here `capture listen`, `receive`, "
        "`import` and `replay` work, and `capture start --stream URL` for a camera or other stream"
    )


def _installed() -> str | None:
    """Ask the vendor's package, which is there on macOS and Windows only."""
    try:
        return str(importlib.import_module("videodb_capture_bin").get_binary_path())
    except Exception:  # noqa: BLE001  # a package for another machine may fail in any way
        return None
