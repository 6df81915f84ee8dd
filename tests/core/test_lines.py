"""Cutting chunks into lines: the examples of the page, and that the size of a chunk does not show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.lines import leading_nuls, split
from engine.model.event import Chunk, Line, Position

BOM = b"\xef\xbb\xbf"


def cut(data: bytes, offset: int = 0) -> list[tuple[int, int, bytes]]:
    return [(line.position.offset, line.line_no, line.text) for line in split(Chunk("u:0", "p", offset, 1, data))]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n", []),
        (b'{"a":1}\n', [(8, 1, b'{"a":1}')]),
        (b'{"a":1}\r\n', [(9, 1, b'{"a":1}')]),
        (b"x\r\r\n", [(4, 1, b"x\r")]),
        (b"a\n\n \t\r\nb\n", [(2, 1, b"a"), (9, 4, b"b")]),
        (b"a\rb\xe2\x80\xa8c\x0bd\n", [(10, 1, b"a\rb\xe2\x80\xa8c\x0bd")]),
        (BOM + b'{"a":1}\n', [(11, 1, b'{"a":1}')]),
        (BOM + b"\n" + BOM + b"x\n", [(9, 2, BOM + b"x")]),
        (BOM, []),
        (BOM + b"{}", [(5, 1, b"{}")]),
        (b"\0\0\0{}\n\0\n{}", [(6, 1, b"{}"), (10, 3, b"{}")]),
        (b"a\0b\0\n", [(5, 1, b"a\0b\0")]),
        (b"{}\nlast", [(3, 1, b"{}"), (7, 2, b"last")]),
    ],
)
def test_lines_and_places(data: bytes, expected: list[tuple[int, int, bytes]]) -> None:
    assert cut(data) == expected


def test_a_mark_inside_the_log_is_text() -> None:
    assert cut(BOM + b"x\n", offset=100) == [(105, 1, BOM + b"x")]


def test_lines_are_lines() -> None:
    (line,) = split(Chunk("u:3", "events.jsonl", 50, 7, b"{}\n"))
    assert type(line) is Line and type(line.position) is Position
    assert line == Line(Position("u:3", 53), "events.jsonl", 7, b"{}")


@given(
    st.lists(st.binary(max_size=12) | st.sampled_from([b"\0\0{}", b"\r", b"{}\r", b"", b" ", BOM + b"x"]), max_size=8)
)
def test_the_size_of_a_chunk_does_not_show(texts: list[bytes]) -> None:
    lines = [text.replace(b"\n", b"") + b"\n" for text in texts]
    whole = list(split(Chunk("u:0", "p", 0, 1, b"".join(lines))))
    apart: list[Line] = []
    offset, nuls = 0, 0
    for number, line in enumerate(lines, 1):
        chunk = Chunk("u:0", "p", offset, number, line)
        apart += split(chunk)
        nuls += leading_nuls(chunk)
        offset += len(line)
    assert whole == apart
    assert leading_nuls(Chunk("u:0", "p", 0, 1, b"".join(lines))) == nuls


@given(st.binary(max_size=60))
def test_every_line_ends_where_it_says(data: bytes) -> None:
    for end, number, text in cut(data):
        before = data[:end].removesuffix(b"\n")
        assert data[end - 1 : end] == b"\n" or end == len(data)
        assert before.removesuffix(b"\r").endswith(text)
        assert before.count(b"\n") == number - 1


@pytest.mark.parametrize(("data", "nuls"), [(b"{}\n", 0), (b"\0\0{}\n\0\n\0", 4), (b"a\0\n", 0), (BOM + b"\0{}\n", 1)])
def test_nuls_are_counted(data: bytes, nuls: int) -> None:
    assert leading_nuls(Chunk("u:0", "p", 0, 1, data)) == nuls
