"""The pages of the documentation: their fenced blocks, and the mark that stands before a block."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

__all__ = ["ROOT", "Block", "blocks", "pages", "prose", "text_of"]

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^(`{3,})(\w*)\s*$")
_MARK = re.compile(r"^<!-- (.*) -->$")


class Block(NamedTuple):
    """A fenced block. `mark` is the comment on the line before it; `line` is that of the fence, from 1."""

    page: str
    line: int
    language: str
    mark: str
    text: str


def pages() -> list[Path]:
    """Return every page of the documentation."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@cache
def text_of(page: str) -> str:
    """Return a page by its path in the repository."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, *languages: str) -> list[Block]:
    """Return the fenced blocks of a page, all or those of some languages."""
    return [block for block in _blocks(page) if not languages or block.language in languages]


def _blocks(page: str) -> Iterator[Block]:
    lines = text_of(page).splitlines()
    number = 0
    while number < len(lines):
        opened = _FENCE.match(lines[number])
        if opened:
            start = number
            number += 1
            while lines[number].rstrip() != opened[1]:
                number += 1
            mark = _MARK.match(lines[start - 1]) if start else None
            yield Block(page, start + 1, opened[2], mark[1] if mark else "", "\n".join(lines[start + 1 : number]))
        number += 1


def prose(page: str) -> str:
    """Return a page without its fenced blocks."""
    return re.sub(r"^(`{3,}).*?^\1\s*$", "", text_of(page), flags=re.DOTALL | re.MULTILINE)
