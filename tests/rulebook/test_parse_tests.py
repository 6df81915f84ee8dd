"""`tests:` as the tester gets them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.model.errors import Span
from engine.model.rule import RuleTest
from engine.rulebook.parse import parse_file


def written_tests(text: str) -> tuple[RuleTest, ...]:
    parsed = parse_file("rules/x.yaml", f"when: any\ntests:\n{text}".encode())
    assert parsed.problems == ()
    return parsed.rules[0].tests


def given_of(entry: str) -> dict[str, Any]:
    (test,) = written_tests(f"  - {{given: [{entry}], expect: 1}}\n")
    (only,) = test.given
    return only


def expect_of(expect: str) -> Any:
    (test,) = written_tests(f"  - {{given: [{{at: 0s, screen: x}}], expect: {expect}}}\n")
    return test.expect


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ("{at: 0s, screen: a}", {"at_ms": 0, "kind": "visual_index", "channel": "visual_index", "text": "a"}),
        ("{at: 0s, visual_index: a}", {"at_ms": 0, "kind": "visual_index", "channel": "visual_index", "text": "a"}),
        ("{at: 0s, scene_index: a}", {"at_ms": 0, "kind": "visual_index", "channel": "scene_index", "text": "a"}),
        ("{at: 1m30s, transcript: 5}", {"at_ms": 90_000, "kind": "transcript", "channel": "transcript", "text": "5"}),
        ("{at: 0s, audio: a}", {"at_ms": 0, "kind": "audio_index", "channel": "audio_index", "text": "a"}),
        ("{at: 0s, audio_index: a}", {"at_ms": 0, "kind": "audio_index", "channel": "audio_index", "text": "a"}),
        ("{at: 0s, alert: a}", {"at_ms": 0, "kind": "alert", "channel": "alert", "label": "a"}),
        (
            "{at: 0s, session: failed}",
            {"at_ms": 0, "kind": "session", "channel": "capture_session", "status": "failed"},
        ),
        ("{at: 1s, raw: {a: {b: [1, x]}}}", {"at_ms": 1_000, "raw": {"a": {"b": [1, "x"]}}}),
        (
            "{at: 1s, raw: {a: 1}, late: 2s, dup: true}",
            {"at_ms": 1_000, "raw": {"a": 1}, "late_ms": 2_000, "dup": True},
        ),
        ("{at: 1s, engine: reload}", {"at_ms": 1_000, "engine": "reload"}),
        (
            "{at: 1s, end: 5s, transcript: a, final: false, stream: 'mic:1', data: {n: 1}, late: 20s, dup: false}",
            {
                "at_ms": 1_000,
                "end_ms": 5_000,
                "kind": "transcript",
                "channel": "transcript",
                "text": "a",
                "final": False,
                "stream": "mic:1",
                "data": {"n": 1},
                "late_ms": 20_000,
                "dup": False,
            },
        ),
    ],
)
def test_given(entry: str, wanted: dict[str, Any]) -> None:
    assert given_of(entry) == wanted


@pytest.mark.parametrize(
    ("expect", "wanted"),
    [
        ("never", {"fires": 0}),
        ("2", {"fires": 2}),
        ("{fires: 0}", {"fires": 0}),
        ("{fires_at: [0s, 6m]}", {"fires_at_ms": [0, 360_000]}),
        ("{fires_at: 5s}", {"fires_at_ms": [5_000]}),
        ("{suppressed: {cooldown: 1, dedup: 0}}", {"suppressed": {"cooldown": 1, "dedup": 0}}),
        ("{group: 'display:1'}", {"group": "display:1"}),
        ("{group: null}", {"group": None}),
        ("{severity: warn, routes: me}", {"severity": "warn", "routes": ["me"]}),
        ("{message: hello}", {"message": {"equals": "hello"}}),
        ("{title: {equals: ''}}", {"title": {"equals": ""}}),
        (
            "{message: {contains: [a, 5], matches: 'b+'}}",
            {"message": {"contains": ["a", "5"], "matches": "b+"}},
        ),
        ("{deferred: 1, retracted: 2}", {"deferred": 1, "retracted": 2}),
    ],
)
def test_expect(expect: str, wanted: Any) -> None:
    assert expect_of(expect) == wanted


def test_a_test_has_a_name_places_and_options() -> None:
    first, second = written_tests("""\
  - given: [{at: 0s, screen: x}]
    expect: never
  - name: later
    given: [{at: 0s, screen: x}]
    until: 40m
    start: 2026-03-02 18:00
    same_under: [shuffle, restart]
    expect: {fires: 1}
""")
    assert (first.name, second.name) == ("test 1", "later")
    assert (first.span, first.expect_span) == (Span("rules/x.yaml", 3, 5, 1), Span("rules/x.yaml", 4, 13, 5))
    assert second.expect_span == Span("rules/x.yaml", 10, 13, 1)
    assert (second.until_ms, second.start) == (2_400_000, "2026-03-02T18:00:00.000")
    assert second.same_under == ("shuffle", "restart")
    assert written_tests("  - {given: [{at: 0s, screen: x}], expect: 1, same_under: reload}\n")[0].same_under == (
        "reload",
    )
