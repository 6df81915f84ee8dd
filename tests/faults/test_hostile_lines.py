"""Lines nobody should write, in a journal under a running engine: none harms the line after it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.cli.workspace import Workspace, screen, until
from tests.servers.hostile import HOSTILE
from tests.servers.http_sink import HttpSink

RULE = "when: visual_index\ncontains: sentinel\nmessage: '{{ _.text }}'\nnotify: hook\n"
NEEDLE = b'{"channel": "visual_index", "data": {"text": "x"}}'


_CONTROLS = {chr(code) for code in (*range(9), *range(11, 32), *range(0x7F, 0xA0))}
# What turns the direction of the words around it.
_TURNING = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def _event(text: str) -> bytes:
    return b'{"channel": "visual_index", "data": {"text": %s}}' % text.encode()


# What a line is, and the reason for which it is kept; None: it is an event like any other.
LINES: tuple[tuple[str, bytes, str | None], ...] = (
    ("words", b"hello", "not-json"),
    ("half an object", b'{"channel": "visual_index"', "not-json"),
    ("two objects", NEEDLE + NEEDLE, "not-json"),
    ("a list", b"[1, 2]", "not-object"),
    ("a number", b"42", "not-object"),
    ("null", b"null", "not-object"),
    ("an empty object", b"{}", None),
    ("binary", bytes(range(11, 256)), "not-utf8"),
    ("latin-1", _event('"caf"').replace(b"caf", b"caf\xe9"), "not-utf8"),
    ("UTF-16", NEEDLE.decode().encode("utf-16-le"), "not-json"),
    ("an encoded surrogate", _event('"x"').replace(b'"x"', b'"\xed\xa0\x80"'), "not-utf8"),
    ("a lone surrogate escape", _event('"\\ud800 lone"'), None),
    ("NaN", _event("NaN"), "not-json"),
    ("Infinity", _event("-Infinity"), "not-json"),
    ("a float too large", _event("1e999"), "not-json"),
    ("a number of 5000 digits", _event("9" * 5000), "not-json"),
    ("2 to the 64", b'{"channel": "visual_index", "unix_ts": 18446744073709551616}', None),
    ("deep lists", _event("[" * 200 + "]" * 200), "too-deep"),
    ("too deep for any parser", _event("[" * 100_000 + "]" * 100_000), "too-deep"),
    ("only brackets", b"[" * 300_000, "too-deep"),
    ("many values", b'{"data": [%s]}' % b",".join([b"1"] * 30_000), "too-large"),
    ("duplicate keys", b'{"channel": "transcript", "channel": "visual_index", "data": {"text": "x"}}', None),
    ("a text that is none", _event('{"a": 1}'), None),
    ("data that is none", b'{"channel": "visual_index", "data": "text"}', None),
    ("a year 0", b'{"channel": "visual_index", "ts": "0000-00-00T99:99:99+99:99", "data": {"text": "x"}}', None),
    ("an endless time", b'{"channel": "visual_index", "unix_ts": 1e300, "data": {"text": "x", "start": -1e300}}', None),
    ("names that are none", b'{"channel": ["visual_index"], "rtstream_id": {}, "event": 1}', None),
    ("NULs before an object", b"\0" * 5000 + NEEDLE, None),
    ("only NULs", b"\0" * 5000, None),
    ("a carriage return", NEEDLE + b"\r", None),
    ("other line ends", _event('"a\u2028b\u2029c\u0085d"'), None),
    ("blank", b"   ", None),
    ("a giant line", b'{"channel": "visual_index", "data": {"text": "' + b"x" * 3_000_000 + b'"}}', "too-long"),
    ("escapes of a terminal", b"\x1b[2J\x1b]0;owned\x07 not json", "not-json"),
)  # fmt: skip


def test_every_line_after_a_hostile_one_is_delivered(workspace: Workspace) -> None:
    workspace.rule("sentinel", RULE)
    workspace.journal.touch()
    with HttpSink() as sink:
        workspace.write("engine.yaml", f"destinations: {{hook: 'json://{sink.host}/'}}\n")
        with workspace.run() as engine:
            engine.says("reading")
            for number, (_, line, _) in enumerate(LINES):
                workspace.append(line + b"\n", screen(f"sentinel {number}", at=1_772_442_000 + number))
            seen = sink.wait_for(len(LINES), 30)
            assert [one.json()["message"] for one in seen] == [f"sentinel {number}" for number in range(len(LINES))]
            bad = [(name, reason) for name, _, reason in LINES if reason is not None]
            until(lambda: workspace.status()["counters"].get("lines.bad", 0) == len(bad))
            assert engine.stop() == 0
    status = workspace.status()
    kept = {(line["line"] - 1) // 2: line for line in status["bad_lines"]}
    numbers = [number for number, (_, _, reason) in enumerate(LINES) if reason is not None]
    assert sorted(kept) == numbers
    for number, line in kept.items():
        name, text, reason = LINES[number]
        assert line["reason"].startswith(str(reason)), (name, line["reason"])
        assert line["length"] == len(text), name
        assert len(line["head"].encode("utf-8", "replace")) <= 3 * 256
    shown = workspace.call("status", "--state", workspace.state)
    assert f"bad lines  {len(bad)}, the newest:" in shown.out
    assert "events.jsonl:67  not-json" in shown.out
    assert not set(shown.out + engine.err) & _CONTROLS
    assert "skipped a line: too-long" in engine.err
    assert engine.err.count("skipped a line: not-json") == 1


def test_hostile_words_reach_a_sink_and_no_terminal(workspace: Workspace) -> None:
    workspace.rule("all", "when: [visual_index, any]\nmessage: '{{ _.text }}'\n")
    for number, text in enumerate(HOSTILE):
        safe = text.encode("utf-8", "replace").decode()
        workspace.append(screen(safe, 1_772_442_000 + number, rtstream_name=safe[:200], capture_session_id=safe[:99]))
    done = workspace.once()
    assert done.code == 0, done.err
    outputs = [done.said]
    for arguments in (
        ("test-rule", "rules/all.yaml", "--events", workspace.journal, "--all"),
        ("test-rule", "rules/all.yaml", "--events", workspace.journal, "--format", "json"),
        ("backtest", "--events", workspace.journal),
        ("explain", "rules/all.yaml", "--events", workspace.journal, "--line", 12),
        ("outbox", "list", "--state", workspace.state),
        ("outbox", "list", "--state", workspace.state, "--json"),
        ("outbox", "show", 12, "--state", workspace.state),
        ("status", "--state", workspace.state),
        ("run", "--dry-run", "--events", workspace.journal),
    ):
        result = workspace.engine(*arguments)
        assert result.code == 0, result.err
        assert result.out
        outputs.append(result.said)
    unsafe = _CONTROLS | _TURNING
    for output in outputs:
        assert not set(output) & unsafe, [hex(ord(char)) for char in set(output) & unsafe]


def test_a_giant_line_without_an_end_costs_no_memory(workspace: Workspace) -> None:
    """300 MB of one line, then its end, then an event."""
    workspace.rule("sentinel", RULE.replace("notify: hook\n", ""))
    with workspace.journal.open("wb") as journal:
        journal.write(b'{"channel": "')
        journal.truncate(300_000_000)  # a hole: NULs that take no room on the disk
    with workspace.run() as engine:
        engine.says("reading")
        time.sleep(0.3)
        workspace.append(b'"}\n', screen("sentinel"))
        engine.prints("sentinel", 30)
        peak = _peak_mib(engine.process.pid)
        assert engine.stop() == 0
    assert peak < 150, peak
    [bad] = workspace.status()["bad_lines"]
    assert (bad["line"], bad["length"]) == (1, 300_000_002)
    assert bad["reason"].startswith("too-long")


def _peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0.0
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
@pytest.mark.parametrize("once", [(), ("--once",), ("--dry-run",)])
def test_a_pipe_is_refused_in_words(workspace: Workspace, once: tuple[str, ...]) -> None:
    workspace.rule("sentinel", RULE.replace("notify: hook\n", ""))
    os.mkfifo(workspace.journal)
    done = workspace.engine("run", *once, "--events", workspace.journal, "--state", workspace.state, timeout=10)
    assert (done.code, done.out) == (4, "")
    assert "events.jsonl is a pipe, socket or device, not a regular file" in done.err


def test_a_folder_is_refused_in_words(workspace: Workspace) -> None:
    workspace.rule("sentinel", RULE.replace("notify: hook\n", ""))
    workspace.journal.mkdir()
    done = workspace.engine("run", "--events", workspace.journal, "--state", workspace.state, timeout=10)
    assert done.code == 4
    assert "is a directory" in done.err


def test_a_million_empty_lines_do_not_end_a_run(workspace: Workspace) -> None:
    """A helping without one event is not the end of the journal."""
    workspace.rule("sentinel", RULE.replace("notify: hook\n", ""))
    workspace.append(b"\n" * 3_000_000, screen("sentinel"))
    done = workspace.once()
    assert done.code == 0
    assert "sentinel" in done.out
    assert "1 line, 1 firing" in done.err
    assert workspace.status()["logs"][0]["line"] == 3_000_001
