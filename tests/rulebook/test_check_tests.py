"""Tests that could never fail are found, and no others."""

from __future__ import annotations

import pytest

from engine.rulebook.check_tests import check_tests
from engine.rulebook.parse import parse_file


def _weak(rule: str, given: str, expect: str) -> list[str]:
    text = f"{rule}\ntests:\n  - given: [{given}]\n    expect: {expect}\n"
    parsed = parse_file("rules/x.yaml", text.encode())
    assert not [problem for problem in parsed.problems if problem.severity == "error"], parsed.problems
    (one,) = parsed.rules
    found = check_tests(one, one.tests, parsed.lines)
    assert all(problem.code == "test-cannot-fail" and problem.span.line and problem.hint for problem in found)
    return [problem.message for problem in found]


SCREEN = "when: visual_index\ncontains: Slack"
SEEN = "{at: 0s, screen: Slack}"
SAID = "{at: 0s, transcript: Slack}"
TWO = "together: {a: {when: screen, contains: x}, b: {when: transcript, contains: y}}\nwithin: 2m"
SILENCE = "absent: {when: transcript, contains: x}\nfor: 10m\nwhile: session.active"


@pytest.mark.parametrize(
    ("rule", "given", "expect"),
    [
        (SCREEN, SAID, "never"),
        (SCREEN, SAID, "{fires: 0, suppressed: {cooldown: 0}}"),
        (SCREEN, "{at: 0s, session: active}", "never"),
        (SCREEN, "{at: 0s, raw: {channel: alert, data: {label: x}}}", "never"),
        (SCREEN, "{at: 0s, engine: restart}", "never"),
        (TWO, "{at: 0s, alert: x}", "never"),
        (SILENCE, "{at: 0s, screen: x}", "never"),
        (SCREEN, SEEN, "{suppressed: {cooldown: 0}}"),
        (SCREEN, SEEN, "{suppressed: {limit: 0, dedup: 0}}"),
        (SCREEN, SEEN, "{deferred: 0}"),
        (SCREEN, SEEN, "{retracted: 0}"),
        (SCREEN, SEEN, "{digest: never}"),
        (SCREEN, SEEN, "{resolves_at: never, escalates_at: never}"),
        (SCREEN, SEEN, "{delivered: {you: 0}}"),
        (SCREEN, SEEN, "{state: {open: false, armed: 0}}"),
    ],
)
def test_a_test_that_cannot_fail_is_refused(rule: str, given: str, expect: str) -> None:
    (message,) = _weak(rule, given, expect)
    assert message.startswith("the test cannot fail: ")


@pytest.mark.parametrize(
    ("rule", "given", "expect"),
    [
        (SCREEN, SEEN, "never"),
        (SCREEN, "{at: 0s, screen: other}", "never"),
        (SCREEN, SAID, "1"),
        (SCREEN, SAID, "{fires: 0, message: x}"),
        (SCREEN, "{at: 0s, recording: rec.jsonl}", "never"),
        ("when: visual_index", SAID, "never"),  # every event of its kind makes it fire: only others can show silence
        ("when: any\ncontains: x", SAID, "never"),
        ("when: rule.other\nwhere: {n: 1}", SAID, "never"),
        (TWO, SAID, "never"),
        (SILENCE, "{at: 0s, session: active}", "never"),
        ("every: 30m\nmessage: stand up", SAID, "never"),
        (f"{SCREEN}\ncooldown: 5m", SEEN, "{suppressed: {cooldown: 0}}"),
        (SCREEN, SEEN, "{suppressed: {cooldown: 1}}"),
        (SCREEN, SEEN, "{deferred: 0, fires: 1}"),
        (f"{SCREEN}\nquiet: 22:00-07:00", SEEN, "{deferred: 0}"),
        (f"{SCREEN}\nnotify: me", SEEN, "{delivered: {me: 0, you: 0}}"),
        (TWO, SAID, "{state: {armed: false}}"),
        (SCREEN, SEEN, "{severity: info}"),
    ],
)
def test_a_test_that_can_fail_is_let_be(rule: str, given: str, expect: str) -> None:
    assert _weak(rule, given, expect) == []
