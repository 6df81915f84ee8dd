"""Promises of SECURITY.md that no single room can keep: hostile lines and texts through decoder, rules and messages."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.compile import compile_rulebook
from engine.core.evaluator import Evaluator
from engine.core.lines import split
from engine.model.event import Chunk
from engine.model.notification import Notification
from engine.rulebook.parse import parse_rules
from engine.run.clock import zone_offset
from tests.house.sources import ROOT
from tests.servers.hostile import HOSTILE

START_S = 1_772_442_000
RULES = b"""
rules:
  - {name: quoted, when: screen, message: "{{ _.text }}", title: "{{ _.text }}", notify: here}
  - {name: sifted, when: screen, filter: "has(data.text, 'channel') || count_words(_.text) > `1`", by: _.text}
  - {name: searched, when: screen, regex: '(?P<word>[^ ]+) *$', message: "{{ word }}", cooldown: 5m}
  - {name: sentinel, when: transcript, word: sentinel, notify: there}
"""
EVIL_LINES: tuple[bytes, ...] = (
    b"", b"\0\0\0", b"\xff\xfe{}", b"{", b"[]", b"null", b'"text"', b"12", b"{}", b'{"channel": null}',
    b'{"channel": {"a": 1}, "data": []}', b'{"channel": "transcript", "data": {"text": {"a": [1]}}}',
    b'{"channel": "transcript", "data": {"text": ["a", 1]}, "unix_ts": "soon"}',
    b'{"channel": "visual_index", "data": {"text": "x", "start": 1e400, "end": -1}}',
    b'{"channel": "visual_index", "data": {"text": "\\ud800"}, "ts": "2026-13-45T99:99:99"}',
    b'{"unix_ts": NaN}', b'{"a": 1e999}', b'{"a": ' + b"9" * 5_000 + b"}",
    b'{"channel": "capture_session", "status": 5, "data": {"rtstreams": [null, 3, {"rtstream_id": []}]}}',
    b"[" * 5_000, b'{"a":' * 5_000, b"{" + b'"a":1,' * 5_000 + b'"b":2}', b'{"data": [' + b"1," * 30_000 + b"1]}",
    b'{"channel": "alert", "data": {"label": ["a"], "confidence": {}}}',
)  # fmt: skip
# What a process does when it runs code, opens files, starts programs or talks to the network.
WATCHED = ("compile", "exec", "import", "open", "os.", "shutil.", "socket.", "sqlite3.", "subprocess.", "urllib.")

_heard: list[str] | None = None


def _listen(event: str, _: object) -> None:
    if _heard is not None and event.startswith(WATCHED):
        _heard.append(event)


sys.addaudithook(_listen)


@contextmanager
def audited() -> Iterator[list[str]]:
    """Collect what this process asks of the machine within the block."""
    global _heard
    found: list[str] = []
    _heard = found
    try:
        yield found
    finally:
        _heard = None


def evaluator(rules: bytes) -> Evaluator:
    parsed = parse_rules([("rules.yaml", rules)], None)
    assert not parsed.problems
    program = compile_rulebook(parsed.rulebook)
    return Evaluator(program, {"here": ("console",), "there": ("desk",)}, zone_offset("UTC"))


def play(engine: Evaluator, lines: list[bytes]) -> list[Notification]:
    for line in split(Chunk("log", "log", 0, 1, b"\n".join(lines) + b"\n")):
        engine.on_line(line, START_S * 1000)
    return engine.take().notifications


def seen(number: int, text: str, channel: str = "visual_index") -> bytes:
    body = {"channel": channel, "rtstream_name": "s", "unix_ts": START_S + number, "data": {"text": text}}
    return json.dumps(body).encode()


def sentinels(lines: list[bytes]) -> list[bytes]:
    """Put a line that must be noticed after each."""
    marked = [(line, seen(number, f"sentinel {number}", "transcript")) for number, line in enumerate(lines)]
    return [line for pair in marked for line in pair]


def test_no_line_hides_the_next() -> None:
    notes = play(evaluator(RULES), sentinels(list(EVIL_LINES)))
    assert [note.body for note in notes if note.rule == "sentinel"] == [f"sentinel {n}" for n in range(len(EVIL_LINES))]


@settings(deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(EVIL_LINES)), max_size=8))
def test_no_bytes_hide_the_next_line(lines: list[bytes]) -> None:
    whole = [line.replace(b"\n", b" ") for line in lines]
    notes = play(evaluator(RULES), sentinels(whole))
    assert [note.body for note in notes if note.rule == "sentinel"] == [f"sentinel {n}" for n in range(len(whole))]


def test_captured_text_is_quoted_and_never_evaluated() -> None:
    engine = evaluator(RULES)
    play(engine, [seen(0, "warm up <!here> {{ 1 }}"), seen(1, "é")])
    lines = [seen(10 + number, text) for number, text in enumerate(HOSTILE)]
    with audited() as asked:
        notes = play(engine, lines)
    quoted = [note.body for note in notes if note.rule == "quoted"]
    readable = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in HOSTILE]
    assert quoted == [text[:4_000] for text in readable]
    assert asked == []


def test_captured_text_chooses_no_destination() -> None:
    notes = play(evaluator(RULES), [seen(number, text) for number, text in enumerate((*HOSTILE, "here there desk"))])
    assert {note.rule: note.destination for note in notes if note.rule != "sentinel"} == {
        "quoted": "console", "sifted": "default", "searched": "default",
    }  # fmt: skip


def test_the_audit_would_hear_something() -> None:
    with audited() as asked, (ROOT / "README.md").open():
        pass
    assert asked


def test_the_evil_lines_are_told_apart_in_the_report() -> None:
    engine = evaluator(RULES)
    for line in split(Chunk("log", "log", 0, 1, b"\n".join(EVIL_LINES) + b"\n")):
        engine.on_line(line, START_S * 1000)
    output = engine.take()
    reasons = {bad.reason.partition(":")[0] for bad in output.bad_lines}
    assert reasons == {"not-json", "not-utf8", "not-object", "too-deep", "too-large"}
    assert all(len(bad.head) <= 256 for bad in output.bad_lines)
    places = [bad.position.offset for bad in output.bad_lines]
    assert all(before < after for before, after in pairwise(places))
