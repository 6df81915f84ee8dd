"""Where the stand-in for the vendor's recorder lies."""

from __future__ import annotations

from pathlib import Path

__all__ = ["recorder_path_entry"]


def recorder_path_entry() -> str:
    """Return the folder to put first on `sys.path` or `PYTHONPATH`, so that the SDK finds the stand-in recorder.

    Nothing is installed: without the entry the vendor's own recorder, if there is one, is found as ever.
    """
    return str(Path(__file__).parent / "stand_in")
