"""Where a rule file that uses a pack gets it from: an answer to a question, so that reading rules touches no disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

__all__ = ["FindPack", "NoPack", "PackFile"]


class PackFile(NamedTuple):
    """A pack that was found. `file` is its path, for messages."""

    file: str
    content: bytes


class NoPack(NamedTuple):
    """Why there is none: `reason` if there is one that cannot be read, else empty. `known` are the packs there are."""

    reason: str = ""
    known: tuple[str, ...] = ()


FindPack: TypeAlias = Callable[[str, str], PackFile | NoPack]
"""(file that uses it, name of the pack) -> the pack."""
