"""From what the user named to paths: plain names stand for themselves, globs for what they cover now."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

__all__ = ["covered", "directories", "expand", "is_glob"]

_MAGIC = re.compile(r"[*?\[]")
_NOT_LOGS = (".gz", ".zst", ".tmp")


def is_glob(pattern: str) -> bool:
    """Say whether a name stands for several files. An existing file with such letters in its name does not."""
    return _MAGIC.search(pattern) is not None and not Path(pattern).exists()


def expand(patterns: Sequence[str]) -> list[str]:
    """Return the paths named, each once, in the order of the patterns; a glob's own matches are sorted.

    Plain names are returned whether or not the file exists. Globs leave out hidden and packed files.
    """
    paths: dict[str, None] = {}
    for pattern in patterns:
        paths |= dict.fromkeys(_matches(pattern) if is_glob(pattern) else [pattern])
    return list(paths)


def _matches(pattern: str) -> list[str]:
    base, rest = _split(pattern)
    hidden = Path(pattern).name.startswith(".")
    return sorted(
        str(path)
        for path in base.glob(rest)
        if not path.name.endswith(_NOT_LOGS) and (hidden or not path.name.startswith(".")) and not path.is_dir()
    )


def _split(pattern: str) -> tuple[Path, str]:
    """Return the folder before the first part that is a glob, and the rest."""
    parts = Path(pattern).parts
    first = next(index for index, part in enumerate(parts) if _MAGIC.search(part))
    return Path(*parts[:first]), str(Path(*parts[first:]))


def covered(path: str, patterns: Sequence[str]) -> bool:
    """Say whether the patterns name this path, existing or not."""
    return any(path == pattern or fnmatch(path, str(Path(pattern))) for pattern in patterns)


def directories(patterns: Sequence[str], paths: Iterable[str]) -> tuple[str, ...]:
    """Return the folders in which something can happen to these paths, links' targets included; all exist."""
    names = [Path(path) for path in paths]
    names += [_split(pattern)[0] / "x" if is_glob(pattern) else Path(pattern) for pattern in patterns]
    folders = {folder for name in names for folder in (name.absolute().parent, name.resolve().parent)}
    return tuple(sorted({str(_existing(folder)) for folder in folders}))


def _existing(folder: Path) -> Path:
    # The nearest folder above shows when a missing one is made.
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder
