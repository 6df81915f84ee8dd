from __future__ import annotations

import io
import os
import pty
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TextIO

import pytest

from engine.model.config import CONSOLE
from engine.model.delivery import Permanent, Sent, Temporary
from engine.sink.console import ConsoleSender
from tests.servers.hostile import HOSTILE
from tests.sink.deliveries import delivery


def test_a_message_is_one_readable_block() -> None:
    stream = io.StringIO()
    sent = ConsoleSender(stream).send(delivery("first\n\n  second", title="Slack is open", severity="warn"))
    assert sent == Sent()
    heading, *body = stream.getvalue().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d  warn      slack-open  Slack is open", heading)
    assert body == ["    first", "      second"]


def test_a_title_that_only_repeats_the_rule_is_not_shown_twice() -> None:
    stream = io.StringIO()
    ConsoleSender(stream).send(delivery("x", title="slack-open"))
    assert stream.getvalue().splitlines()[0].endswith("info      slack-open")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_captured_text_cannot_steer_the_terminal(text: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert ConsoleSender(stream).send(delivery(text, title=text)) == Sent()
    stream.seek(0)
    shown = stream.read()
    assert all(character == "\n" or character.isprintable() for character in shown)
    assert len(shown.splitlines()) <= 42


def test_a_destination_may_keep_the_text_back() -> None:
    stream = io.StringIO()
    ConsoleSender(stream, replace(CONSOLE, text="none")).send(delivery("secret"))
    assert "secret" not in stream.getvalue()


@contextmanager
def terminal() -> Iterator[tuple[TextIO, int]]:
    master, slave = pty.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        try:
            yield stream, master
        finally:
            os.close(master)


def test_colours_only_on_a_terminal_that_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    with terminal() as (stream, master):
        ConsoleSender(stream).send(delivery(severity="error"))
        assert b"\x1b[31merror\x1b[0m" in os.read(master, 4096)
    monkeypatch.setenv("NO_COLOR", "1")
    with terminal() as (stream, master):
        ConsoleSender(stream).send(delivery(severity="error"))
        assert b"\x1b" not in os.read(master, 4096)


def test_a_reader_that_left_is_not_waited_for() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        sender = ConsoleSender(stream)
        assert sender.send(delivery()) == Permanent("console: nobody reads the output any more", pause=True)
    closed = io.StringIO()
    sender = ConsoleSender(closed)
    closed.close()
    assert sender.send(delivery()) == Permanent("console: the output is closed", pause=True)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")  # noqa: PTH110
def test_a_full_disk_is_temporary() -> None:
    stream = open("/dev/full", "w", encoding="utf-8")  # noqa: PTH123, SIM115
    assert ConsoleSender(stream).send(delivery()) == Temporary("console: No space left on device")
    with pytest.raises(OSError):
        stream.close()
