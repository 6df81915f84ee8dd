"""Cut a chunk into lines: on the newline byte and nothing else, whatever the chunk's size.

One carriage return before the newline, a byte order mark at the start of the log and NUL bytes at the start of a
line are taken off. A blank line yields nothing, but the lines after it keep their number and place.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.model.event import Chunk, Line, Position

__all__ = ["leading_nuls", "split"]

_OPEN, _CLOSE = b"{}"
_BOM = b"\xef\xbb\xbf"


def split(chunk: Chunk) -> Iterator[Line]:
    """Yield every line that is not blank; `position.offset` is just after its newline.

    Shape: the last line of a finished log may lack its newline and then ends where the log ends.
    """
    log, path, offset, number, data = chunk
    # `tuple.__new__` skips the named constructors: 2.1 instead of 1.6 million lines a CPU second.
    new = tuple.__new__
    if offset == 0 and data.startswith(_BOM):
        offset, data = len(_BOM), data[len(_BOM) :]
    pieces = data.split(b"\n")
    last = pieces.pop()
    for text in pieces:
        offset += len(text) + 1
        # Nearly every line is a bare object; only the others can need cleaning.
        if text and text[0] == _OPEN and text[-1] == _CLOSE:
            yield new(Line, (new(Position, (log, offset)), path, number, text))
        elif bare := _bare(text):
            yield Line(Position(log, offset), path, number, bare)
        number += 1
    if bare := _bare(last):
        yield Line(Position(log, offset + len(last)), path, number, bare)


def leading_nuls(chunk: Chunk) -> int:
    """Count the NUL bytes that `split` takes off the lines of this chunk.

    A crash or a truncation under a writer leaves such runs, and the next good object shares their line.
    """
    if b"\0" not in chunk.lines:
        return 0
    lines = chunk.lines.removeprefix(_BOM if chunk.offset == 0 else b"").split(b"\n")
    return sum(len(line) - len(line.lstrip(b"\0")) for line in lines)


def _bare(text: bytes) -> bytes:
    """Return the line without its carriage return and NULs; empty if nothing but white space is left."""
    text = text.removesuffix(b"\r").lstrip(b"\0")
    return b"" if text.isspace() else text
