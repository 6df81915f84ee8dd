"""Where packs lie: beside the file that uses one, in the folder above, and those that travel with the program."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engine.shipped import rules_folder

__all__ = ["FOLDER", "LEFT_OUT", "SUFFIXES", "pack_names", "pack_path", "packs_around"]

FOLDER = "packs"
SUFFIXES = (".yaml", ".yml")
# Hidden files, drafts, and the lock and backup files of editors.
LEFT_OUT = ("_", ".", "#", "~")


def pack_path(using: str, name: str) -> str | None:
    """Return the first file of that name in the folders of packs that a rule file looks in; None if there is none.

    Only plain names lead anywhere: no path, and nothing that a folder of rules leaves out.
    """
    if name.startswith(LEFT_OUT) or any(letter in name for letter in "/\\:\0"):
        return None
    found = (folder / f"{name}{suffix}" for folder in _folders(using) for suffix in SUFFIXES)
    return next((str(path) for path in found if path.is_file()), None)


def pack_names(using: str) -> tuple[str, ...]:
    """Return the names of all packs that a rule file can use, sorted."""
    return tuple(sorted({path.stem for folder in _folders(using) for path in _in(folder)}))


def packs_around(files: Iterable[str]) -> list[str]:
    """Return every pack that one of these rule files could use, so that an edit of one is noticed."""
    folders = dict.fromkeys(folder for around in dict.fromkeys(map(_folders, files)) for folder in around)
    return [str(path) for folder in folders for path in _in(folder)]


def _folders(using: str) -> tuple[Path, ...]:
    here = Path(using).parent
    above = here.parent if here.name not in ("", "..") else here / ".."
    return here / FOLDER, above / FOLDER, rules_folder() / FOLDER


def _in(folder: Path) -> list[Path]:
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return []
    return [path for path in found if path.suffix in SUFFIXES and not path.name.startswith(LEFT_OUT)]
