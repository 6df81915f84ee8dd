"""Reading one open log: writers of any size show nothing, and a giant line costs no memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.lines import split
from engine.model.event import BadLine, Chunk, Line
from engine.source.drain import Limits, Stop, drain, last_line
from engine.source.files import file_id, open_regular
from engine.source.fingerprint import blank
from engine.source.recording import Recording

pieces = st.one_of(
    st.binary(max_size=30),
    st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\0\0\0", b'{"a":1}\n', b"x" * 70, b"\xef\xbb\xbf"]),
)
sizes = st.tuples(st.sampled_from([8, 16, 64, 1000]), st.sampled_from([1, 7, 64, 500]), st.sampled_from([1, 64, 4096]))


def seen(data: list[bytes], limits: Limits) -> tuple[list[Line], list[BadLine]]:
    """Write the pieces one by one, read between any two, and take the end of the log at last."""
    lines: list[Line] = []
    bad: list[BadLine] = []

    def take(item: Chunk | BadLine | None) -> None:
        if isinstance(item, Chunk):
            lines.extend(split(item))
        elif item is not None:
            bad.append(item)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        path.touch()
        descriptor, status = open_regular(str(path))
        record, head = blank("log", file_id(status), uid="u"), b""
        for piece in [*data, b""]:
            with path.open("ab") as log:
                log.write(piece)
            stop = Stop.MORE
            while stop is Stop.MORE:
                helping = drain(descriptor, record, head, limits)
                assert helping.head is not None
                record, head, stop = helping.record, helping.head, helping.stop
                assert stop is not Stop.CHANGED
                for item in helping.items:
                    take(item)
        take(last_line(descriptor, record, head, limits, gone=True)[0])
        os.close(descriptor)
    return lines, bad


@settings(max_examples=300, deadline=None)
@given(st.lists(pieces, max_size=12), sizes)
def test_the_sizes_of_writes_and_reads_do_not_show(data: list[bytes], how: tuple[int, int, int]) -> None:
    limits = Limits(*how)
    whole = Limits(line=limits.line)
    assert seen(data, limits) == seen([b"".join(data)], whole)


@settings(max_examples=100, deadline=None)
@given(st.lists(pieces, max_size=12))
def test_every_byte_is_a_line_a_bad_line_or_nothing(data: list[bytes]) -> None:
    """The oracle: cut the whole log at its newlines."""
    log = b"".join(data).rstrip(b"\0")
    lines, bad = seen(data, Limits(line=64))
    body, _, rest = log.rpartition(b"\n")
    offset = 0
    expected_bad = []
    expected = []
    for text in body.split(b"\n") if log.count(b"\n") else []:
        offset += len(text) + 1
        if len(text.lstrip(b"\0")) > 64:
            expected_bad.append(offset)
            continue
        if offset == len(text) + 1:
            text = text.removeprefix(b"\xef\xbb\xbf")
        bare = text.removesuffix(b"\r").lstrip(b"\0")
        if bare and not bare.isspace():
            expected.append((offset, bare))
    kept = [(line.position.offset, line.text) for line in lines]
    assert kept[: len(expected)] == expected
    assert [line.position.offset for line in bad if line.reason == "too-long"][: len(expected_bad)] == expected_bad
    assert len(kept) - len(expected) + len(bad) - len(expected_bad) <= (1 if rest else 0)


def test_a_giant_line_costs_no_memory(tmp_path: Path) -> None:
    """64 MiB without a newline in 3 MiB: two reads of a line and the pieces of one."""
    path = tmp_path / "giant.jsonl"
    with path.open("wb") as file:
        file.write(b'{"n":1}\n')
        for _ in range(64):
            file.write(b"y" * (1 << 20))
        file.write(b'\n{"n":2}\n')
    program = textwrap.dedent(
        """
        import sys, tracemalloc
        from engine.source.recording import Recording
        from engine.source.tail import Tail
        tracemalloc.start()
        tail = Tail([sys.argv[1]])
        recording = Recording(sys.argv[1])
        for source in (tail, recording):
            items = []
            while more := source.read(0):
                items += more
            print([type(item).__name__ for item in items], items[1].length, items[1].position.offset)
        print(tracemalloc.get_traced_memory()[1])
        """
    )
    ran = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    one, two, peak = ran.stdout.splitlines()
    assert one == two == f"['Chunk', 'BadLine', 'Chunk'] {64 << 20} {(64 << 20) + 9}"
    assert int(peak) < 6 << 20


def test_a_recording_of_any_size_needs_the_same_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    path.write_bytes(b'{"n":1,"pad":"0123456789"}\n' * 400_000)
    with Recording(str(path)) as recording:
        most = max(len(item.lines) for item in recording if isinstance(item, Chunk))
    assert most <= 1 << 20
