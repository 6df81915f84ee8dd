"""What every source promises, asked of a tail and of a recording of the same finished file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.lines import split
from engine.model.event import BadLine, Chunk, Gap
from engine.run.ports import Source
from engine.source.recording import Recording
from engine.source.tail import Tail

NOW_MS = 1_790_000_000_000


def tail(path: str) -> Source:
    source = Tail([path])
    source.finish(NOW_MS)
    return source


MAKERS: dict[str, Callable[[str], Source]] = {"tail": tail, "recording": Recording}
each = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)

lines = st.lists(
    st.sampled_from(
        [b'{"a":1}', b"", b"{}\r", b"\xef\xbb\xbf{}", b"\0\0{}", b"no json", b'{"pad":"' + b"x" * 90 + b'"}']
    )
)
ends = st.sampled_from([b"", b'{"last":1}', b'{"half', b"\0\0"])


def everything(source: Source) -> list[Chunk | BadLine | Gap]:
    items: list[Chunk | BadLine | Gap] = []
    while helping := source.read(NOW_MS):
        items += helping
    assert not source.read(NOW_MS), "empty means the end"
    source.close()
    return items


@each
def test_chunks_are_whole_lines_that_follow_each_other(tmp_path: Path, make: Callable[[str], Source]) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(b'{"n":%d}\n' % number for number in range(300_000)) + b'{"last":1}')
    items = everything(make(str(path)))
    chunks = [item for item in items if isinstance(item, Chunk)]
    assert chunks == items
    assert b"".join(chunk.lines for chunk in chunks) == path.read_bytes()
    offset, line_no = 0, 1
    for chunk in chunks:
        assert (chunk.offset, chunk.line_no, chunk.path, chunk.log) == (offset, line_no, str(path), chunks[0].log)
        assert chunk.lines.endswith(b"\n") or chunk is chunks[-1]
        offset += len(chunk.lines)
        line_no += chunk.lines.count(b"\n")
    assert len(chunks) > 4


@each
def test_closing_twice_does_no_harm(tmp_path: Path, make: Callable[[str], Source]) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"{}\n")
    source = make(str(path))
    source.read(NOW_MS)
    source.close()
    source.close()


@settings(max_examples=100, deadline=None)
@given(lines, ends)
def test_both_give_the_same_lines_and_places(
    tmp_path_factory: pytest.TempPathFactory, given: list[bytes], end: bytes
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    path.write_bytes(b"".join(line + b"\n" for line in given) + end)
    answers = [
        [line for item in everything(make(str(path))) if isinstance(item, Chunk) for line in split(item)]
        for make in MAKERS.values()
    ]
    assert answers[0] == answers[1]
