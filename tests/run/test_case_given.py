"""`given` as arrivals: parts of recordings moved in time, and what cannot be used of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.core.compile import compile_rulebook
from engine.core.moment import iso_ms, iso_text
from engine.model.errors import RulebookError
from engine.rulebook.parse import parse_rules
from engine.run.case_given import arrivals_of, restamped, start_of
from engine.run.rule_tests import TestResult, run_tests

TestResult.__test__ = False  # type: ignore[attr-defined]

TEN = iso_ms("2026-03-02T10:00:00Z") or 0


def _line(after_s: float, text: str, **more: Any) -> bytes:
    at_ms = TEN + round(after_s * 1000)
    return orjson.dumps({
        "ts": iso_text(at_ms), "unix_ts": at_ms / 1000, "channel": "transcript", "rtstream_id": "rts-mic",
        "rtstream_name": "mic:default", "data": {"text": text, "start": at_ms - 900, "end": at_ms - 200, **more},
    })  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [_line(0, "one"), b"not json", _line(60, "two"), _line(120.5, "three"), _line(600, "four")]
    (tmp_path / "rec.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    (tmp_path / "empty.jsonl").write_bytes(b"\n")
    return tmp_path


def _run(folder: Path, given: str, expect: str = "1", rule: str = "when: transcript") -> TestResult:
    text = f"name: r\n{rule}\nmessage: '{{{{ _.text }}}}'\ntests:\n  - given: [{given}]\n    expect: {expect}\n"
    parsed = parse_rules([(str(folder / "r.yaml"), text.encode())], None)
    assert not parsed.problems, parsed.problems
    (result,) = run_tests(compile_rulebook(parsed.rulebook), parsed.rulebook.rules)
    return result


@pytest.mark.parametrize(
    ("part", "expect"),
    [
        ("rec.jsonl", "{fires_at: [5m, 6m, 7m500ms, 15m]}"),
        ("rec.jsonl#10:01:00-10:02:00", "{fires_at: [5m], message: two}"),
        ("rec.jsonl#10:00:30-10:03:00", "{fires_at: [5m30s, 6m30s500ms]}"),
        ("rec.jsonl#1m-3m", "{fires_at: [5m, 6m500ms]}"),
        ("rec.jsonl#-1m", "{fires_at: [5m], message: one}"),
        ("rec.jsonl#10m-", "{fires_at: [5m], message: four}"),
    ],
)
def test_a_part_of_a_recording_happens_at_its_own_time(folder: Path, part: str, expect: str) -> None:
    result = _run(folder, f'{{at: 5m, recording: "{part}"}}', expect)
    assert result.passed, result.mismatches


def test_all_times_of_an_event_are_moved_by_the_same(folder: Path) -> None:
    (folder / "rec.jsonl").write_bytes(_line(0, "a", timestamp=(TEN - 5_000) / 1000, n=TEN) + b"\n")
    result = _run(folder, "{at: 1m, recording: rec.jsonl}")
    (firing,) = result.outcome.fired
    body, start = firing.match.events[0].body, start_of(result.test)
    assert body["unix_ts"] == (start + 60_000) / 1000
    assert body["ts"] == iso_text(start + 60_000)
    assert (body["data"]["start"], body["data"]["end"]) == (start + 59_100, start + 59_800)
    assert body["data"]["timestamp"] == (start + 55_000) / 1000
    assert body["data"]["n"] == TEN, "a number that is no time of the event is left alone"
    assert firing.match.events[0].line_no == 1
    assert firing.match.events[0].path == str(folder / "rec.jsonl")


@pytest.mark.parametrize(
    ("part", "code", "said"),
    [
        ("gone.jsonl", "no-recording", "cannot read the recording"),
        ("empty.jsonl", "empty-recording", "no event in empty.jsonl"),
        ("rec.jsonl#11:00:00-12:00:00", "empty-recording", "no event of rec.jsonl lies in this part"),
        (".", "no-recording", ""),
    ],
)
def test_a_recording_that_cannot_be_used_is_named_with_its_place(folder: Path, part: str, code: str, said: str) -> None:
    with pytest.raises(RulebookError) as refused:
        _run(folder, f'{{at: 5m, recording: "{part}"}}')
    (problem,) = refused.value.problems
    assert problem.code == code
    assert said in problem.message
    assert (problem.span.line, problem.span.column) == (5, 33)


def test_entries_come_in_the_order_of_their_time(folder: Path) -> None:
    given = "{at: 9s, transcript: c}, {route: {me: fail}}, {at: 1s, transcript: b, late: 20s, dup: true}"
    result = _run(folder, given, "{fires_at: [9s, 21s]}")
    assert result.passed, result.mismatches
    arrivals = arrivals_of(result.test)
    start = start_of(result.test)
    assert [(arrival.at_ms - start, arrival.act, arrival.late_ms) for arrival in arrivals] == [
        (0, "route", 0), (9_000, "", 0), (21_000, "", 20_000), (21_000, "", 20_000),
    ]  # fmt: skip


def test_a_line_that_comes_later_has_the_stamps_of_then(folder: Path) -> None:
    result = _run(folder, "{at: 9s, transcript: c}")
    (arrival,) = arrivals_of(result.test)
    later = restamped(arrival, arrival.at_ms + 4_000)
    assert later.body is not None and arrival.body is not None
    assert later.body["unix_ts"] == arrival.body["unix_ts"] + 4
    assert later.body["data"] == arrival.body["data"]
    assert later.late_ms == 4_000
