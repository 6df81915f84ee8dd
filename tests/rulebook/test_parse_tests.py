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
        ("{at: 1s, ack: true}", {"at_ms": 1_000, "ack": None}),
        ("{at: 1s, ack: 'true'}", {"at_ms": 1_000, "ack": "true"}),
        ("{at: 1s, ack: 'display:1'}", {"at_ms": 1_000, "ack": "display:1"}),
        ("{at: 1s, snooze: 2h}", {"at_ms": 1_000, "snooze_ms": 7_200_000}),
        ("{mock: {summarize: a text}}", {"at_ms": 0, "mock": {"summarize": "a text"}}),
        ("{at: 5s, mock: {summarize: null}}", {"at_ms": 5_000, "mock": {"summarize": None}}),
        (
            "{route: {me: fail 429 x2, team: fail, desk: ok}}",
            {
                "at_ms": 0,
                "route": {
                    "me": {"status": 429, "times": 2},
                    "team": {"status": 503, "times": None},
                    "desk": {"status": None, "times": None},
                },
            },
        ),
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
        (
            "{resolves_at: 14m, escalates_at: [5m, 15m]}",
            {"resolves_at_ms": [840_000], "escalates_at_ms": [300_000, 900_000]},
        ),
        ("{resolves_at: never, fires: 1}", {"resolves_at_ms": [], "fires": 1}),
        ("{group: [a, 5, null]}", {"group": ["a", 5, None]}),
        ("{resolve: {contains: back}}", {"resolve": {"contains": ["back"]}}),
        (
            "{digest: {items: 3, at: 30m, contains: x}}",
            {"digest": [{"items": 3, "at_ms": 1_800_000, "contains": ["x"]}]},
        ),
        ("{digest: [{items: 1}, {items: 2}]}", {"digest": [{"items": 1}, {"items": 2}]}),
        ("{digest: never, fires: 1}", {"digest": [], "fires": 1}),
        ("{delivered: 2}", {"delivered": 2}),
        ("{delivered: {me: 1, 'record:x.jsonl': 3}}", {"delivered": {"me": 1, "record:x.jsonl": 3}}),
        ("{state: {open: true, armed: 2, collected: 0}}", {"state": {"open": True, "armed": 2, "collected": 0}}),
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
    assert first.expect_spans == (("fires", Span("rules/x.yaml", 4, 13, 5)),)
    assert second.expect_spans == (("fires", Span("rules/x.yaml", 10, 14, 5)),)
    assert (second.until_ms, second.start) == (2_400_000, "2026-03-02T18:00:00.000")
    assert second.same_under == ("shuffle", "restart")
    assert written_tests("  - {given: [{at: 0s, screen: x}], expect: 1, same_under: reload}\n")[0].same_under == (
        "reload",
    )


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ("rec.jsonl", ("rec.jsonl", None, None)),
        ("../a b/rec.jsonl#10:15:00-10:20:00", ("../a b/rec.jsonl", "10:15:00", "10:20:00")),
        ("rec.jsonl#90s-5m", ("rec.jsonl", "90s", "5m")),
        ("rec.jsonl#-5m", ("rec.jsonl", None, "5m")),
        ("rec.jsonl#10:15:00-", ("rec.jsonl", "10:15:00", None)),
        ("a#1/rec.jsonl", ("a#1/rec.jsonl", None, None)),
    ],
)
def test_a_recording_and_its_part(part: str, wanted: tuple[str, str | None, str | None]) -> None:
    entry = given_of(f"{{at: 1s, recording: '{part}'}}")
    found = entry["recording"]
    assert (found["file"], found["since"], found["until"]) == wanted
    assert found["span"].line == 3


FAULTS = [
    ("{at: 1s, ack: false}", "expect: 1", "wrong-form"),
    ("{at: 1s, ack: [a]}", "expect: 1", "wrong-form"),
    ("{at: 1s, snooze: soon}", "expect: 1", "bad-duration"),
    ("{at: 1s, mock: text}", "expect: 1", "wrong-form"),
    ("{at: 1s, mock: {sumarize: x}}", "expect: 1", "unknown-key"),
    ("{route: {me: broken}}", "expect: 1", "bad-answer"),
    ("{route: {me: ok 503}}", "expect: 1", "bad-answer"),
    ("{route: {me: fail 200}}", "expect: 1", "bad-answer"),
    ("{route: {me: fail x0}}", "expect: 1", "bad-answer"),
    ("{route: {'a b': fail}}", "expect: 1", "bad-name"),
    ("{at: 1s, recording: ''}", "expect: 1", "bad-recording"),
    ("{at: 1s, recording: 'a.jsonl#noon-1pm'}", "expect: 1", "bad-recording"),
    ("{at: 1s, recording: 'a.jsonl#10:20:00-10:15:00'}", "expect: 1", "bad-recording"),
    ("{at: 1s, recording: 'a.jsonl#-'}", "expect: 1", "bad-recording"),
    ("{at: 1s, recording: a.jsonl, dup: true}", "expect: 1", "no-effect"),
    ("{recording: a.jsonl}", "expect: 1", "missing-key"),
    ("{at: 1s, ack: true, late: 5s}", "expect: 1", "no-effect"),
    ("{at: 1s, session: active, stream: x}", "expect: 1", "no-effect"),
    ("{at: 1s, screen: x, final: false}", "expect: 1", "no-effect"),
    ("{at: 1s, screen: x}", "expect: {resolves_at: []}", "empty-list"),
    ("{at: 1s, screen: x}", "expect: {digest: []}", "empty-list"),
    ("{at: 1s, screen: x}", "expect: {digest: {item: 3}}", "unknown-key"),
    ("{at: 1s, screen: x}", "expect: {digest: 3}", "wrong-form"),
    ("{at: 1s, screen: x}", "expect: {delivered: {me: many}}", "wrong-form"),
    ("{at: 1s, screen: x}", "expect: {state: {opened: true}}", "unknown-key"),
    ("{at: 1s, screen: x}", "expect: {state: {}}", "empty-value"),
    ("{at: 1s, screen: x}", "expect: {state: {open: yes please}}", "wrong-form"),
    ("{at: 1s, screen: x}", "expect: {group: {a: 1}}", "wrong-form"),
    ("{at: 1s, screen: x}", "expect: {suppressed: {}}", "empty-value"),
]


@pytest.mark.parametrize(("entry", "expect", "code"), FAULTS)
def test_what_cannot_be_read_is_reported_once_with_a_place(entry: str, expect: str, code: str) -> None:
    text = f"when: any\ntests:\n  - given: [{entry}]\n    {expect}\n"
    (problem,) = parse_file("rules/x.yaml", text.encode()).problems
    assert problem.code == code and problem.hint and problem.span.line in (3, 4)
