"""Files that travel with the program: the demo's recording, and the shipped rules in an installed package."""

from __future__ import annotations

from pathlib import Path

__all__ = ["demo_recording", "rules_folder"]


def demo_recording() -> Path:
    """Return the bundled recording."""
    return Path(__file__).with_name("demo.jsonl")


def rules_folder() -> Path:
    """Return the shipped rules and packs: beside this file in an installed package, else those of the source tree."""
    installed = Path(__file__).with_name("rules")
    return installed if installed.is_dir() else Path(__file__).parents[2] / "rules"
