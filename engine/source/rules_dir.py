"""Find rule files and packs and read their bytes; say cheaply whether any of them changed. Knows no YAML."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.model.errors import Problem, Span
from engine.model.pack import NoPack, PackFile
from engine.source.files import NotRegularError, open_regular, read_at
from engine.source.packs import FOLDER, LEFT_OUT, SUFFIXES, pack_names, pack_path, packs_around

__all__ = ["MOST_BYTES", "RuleFiles", "find_pack", "read_rules", "signature"]

MOST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class RuleFiles:
    """The rule files found, as (path, bytes) in the order of the paths given, and what could not be read."""

    files: tuple[tuple[str, bytes], ...]
    problems: tuple[Problem, ...]


def read_rules(paths: Sequence[str]) -> RuleFiles:
    """Read the rule files at these paths: files as named, folders with all that is in them.

    In folders only `*.yaml` and `*.yml` count, sorted by path; names that begin with `_` or `.` are left out, and so
    are folders below that are called `packs`.
    """
    files: list[tuple[str, bytes]] = []
    problems: list[Problem] = []
    for path in _rule_files(paths, problems):
        answer = _read(path)
        if isinstance(answer, Problem):
            problems.append(answer)
        else:
            files.append((path, answer))
    return RuleFiles(tuple(files), tuple(problems))


def find_pack(using: str, name: str) -> PackFile | NoPack:
    """Read the pack that a rule file means by a name: one beside it, in the folder above, or a shipped one."""
    path = pack_path(using, name)
    if path is None:
        return NoPack(known=pack_names(using))
    answer = _read(path)
    return NoPack(f"{path}: {answer.message}") if isinstance(answer, Problem) else PackFile(path, answer)


def signature(paths: Sequence[str]) -> Hashable:
    """Return a value that differs once a rule file was added, removed, replaced or written. Reads no content.

    Packs that the files could use count too, so that an edit of one is noticed.
    """
    files = _rule_files(paths, [])
    return tuple((path, _stamp(path)) for path in (*files, *packs_around(files)))


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _rule_files(paths: Sequence[str], problems: list[Problem]) -> list[str]:
    found: dict[str, None] = {}
    for path in paths:
        found |= dict.fromkeys(_in_folder(path, problems) if Path(path).is_dir() else [path])
    return list(found)


def _in_folder(folder: str, problems: list[Problem]) -> list[str]:
    def refused(error: OSError) -> None:
        name = str(error.filename)
        problems.append(_problem(name, "unreadable", "the folder cannot be listed", "check its owner and mode"))

    found: list[str] = []
    # Links to folders are not followed: two of them can make a circle.
    for here, folders, names in os.walk(folder, onerror=refused):
        # A pack speaks only when it is used, or its own file or folder is named.
        folders[:] = [name for name in folders if not name.startswith(LEFT_OUT) and name != FOLDER]
        chosen = [name for name in names if name.endswith(SUFFIXES) and not name.startswith(LEFT_OUT)]
        found += [str(Path(here, name)) for name in chosen]
    return sorted(found)


def _read(path: str) -> bytes | Problem:
    try:
        descriptor, _ = open_regular(path)
    except FileNotFoundError:
        return _problem(
            path, "no-such-path", "there is no such file or folder", "check the name; `engine new` makes one"
        )
    except NotRegularError as error:
        return _problem(path, "not-a-file", str(error), "name a file or a folder of rules")
    except OSError as error:
        reason = error.strerror or "unknown error"
        return _problem(path, "unreadable", f"the file cannot be read: {reason}", "check its owner and mode")
    try:
        data = read_at(descriptor, MOST_BYTES + 1, 0)
    finally:
        os.close(descriptor)
    if len(data) > MOST_BYTES:
        return _problem(path, "too-big", "the file is larger than 256 kB", "split it into several files")
    return data


def _problem(path: str, code: str, message: str, hint: str) -> Problem:
    return Problem(Span(path), code, message, hint)
