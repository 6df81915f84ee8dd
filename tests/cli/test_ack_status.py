"""`engine ack`, `snooze` and `status RULE`: beside an engine at work, and while none runs."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from engine.cli.snooze import until_instant
from engine.run.clock import zone_offset
from tests.cli.workspace import Workspace, screen, until

DOWN = """
when: visual_index
contains: down
by: _.stream
message: "{{ _.text }}"
escalate: [{after: 1h, notify: console}]
"""
SLACK = "when: visual_index\ncontains: Slack\ncooldown: 1h\n"
ERRORS = "when: visual_index\ncontains: error\ncount: 3 within 10m\nby: _.stream\n"


@pytest.fixture
def desk(workspace: Workspace) -> Workspace:
    workspace.rule("recorder-down", DOWN)
    workspace.rule("slack", SLACK)
    workspace.rule("errors", ERRORS)
    return workspace


def now(text: str, **more: Any) -> dict[str, Any]:
    return screen(text, round(time.time(), 3), **more)


def state(workspace: Workspace, *words: object, code: int = 0) -> str:
    result = workspace.call(*words, "--state", workspace.state)
    assert result.code == code, result.said
    return result.said


def open_now(workspace: Workspace) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workspace.call("ack", "--json", "--state", workspace.state).json()["open"]
    return found


def test_a_running_engine_does_what_it_is_asked_at_once(desk: Workspace) -> None:
    with desk.run() as engine:
        engine.says("reading")
        desk.append(now("down"), now("down too", rtstream_name="display:2"))
        engine.says("fired   recorder-down", count=2)
        assert [one["group"] for one in open_now(desk)] == ["display:1", "display:2"]
        assert "recorder-down  group display:1  open since " in state(desk, "ack")
        assert "[2 incidents open]" in state(desk, "status")
        said = state(desk, "ack", "recorder-down", "--group", "display:2")
        assert "recorder-down: acknowledging 1 open incident; nobody else is called for it\n" in said
        assert f"the running engine (pid {engine.process.pid} on " in said
        until(lambda: len(open_now(desk)) == 1, 5)
        state(desk, "ack", "recorder-down")
        until(lambda: not open_now(desk), 5)
        assert state(desk, "ack", code=3) == "no incident is open\n"
        assert "acknowledged; 1 open" in state(desk, "status", "recorder-down")
        assert engine.stop() == 0


def test_a_snooze_holds_what_the_running_engine_would_send(desk: Workspace) -> None:
    with desk.run() as engine:
        engine.says("reading")
        said = state(desk, "snooze", "slack", "2h")
        assert re.search(r"slack: snoozed until [0-9-]* ?\d\d:\d\d:\d\d \(2h\)\n", said)
        until(lambda: "snoozed until" in state(desk, "status", "slack"), 5)
        desk.append(now("Slack"), now("the recorder is down"))
        engine.says("fired   recorder-down")
        assert "fired   slack" not in engine.err
        assert "1 held by snoozed" in state(desk, "status")
        assert "snoozed for 1h59m" in state(desk, "status")
        assert engine.stop() == 0


def test_without_an_engine_the_next_one_does_it_first(desk: Workspace) -> None:
    desk.append(now("down"))
    assert desk.once().code == 0
    assert len(open_now(desk)) == 1
    assert "no engine runs now; the next `engine run` does it before anything else" in state(
        desk, "ack", "recorder-down"
    )
    assert len(open_now(desk)) == 1, "nobody but an engine changes its states"
    assert desk.once().code == 0
    assert open_now(desk) == []


def test_a_killed_engine_loses_no_request_and_does_none_twice(desk: Workspace) -> None:
    with desk.run() as engine:
        engine.says("reading")
        desk.append(now("down"))
        engine.says("fired   recorder-down")
        engine.kill()
    state(desk, "ack", "recorder-down")
    state(desk, "snooze", "slack", "1h")
    with desk.run() as engine:
        engine.says("reading", count=1)
        until(lambda: not open_now(desk), 10)
        engine.kill()
    assert desk.once().code == 0
    shown = desk.call("status", "recorder-down", "--json", "--state", desk.state).json()
    assert [one["kind"] for one in shown["decisions"]].count("ack") == 1
    assert "[snoozed for " in state(desk, "status")


def test_nothing_open_is_no_error_but_nothing_is_asked(desk: Workspace) -> None:
    desk.append(now("a quiet desk"))
    assert desk.once().code == 0
    assert "no incident is open; nothing to acknowledge" in state(desk, "ack", "recorder-down", code=3)
    assert "it has no escalate, until or resolve, so it never opens one" in state(desk, "ack", "slack", code=3)


MISTAKES: list[tuple[tuple[str, ...], str]] = [
    (("ack", "recorder-dwn"), "no rule 'recorder-dwn'; did you mean 'recorder-down'?"),
    (("snooze", "slak", "2h"), "no rule 'slak'; did you mean 'slack'?"),
    (("status", "zzzzzz"), "no rule 'zzzzzz'; `engine status` lists the rules that have fired"),
    (("ack", "recorder-down", "--group", "display:7"), "for the group 'display:7'; did you mean 'display:1'?"),
    (("ack", "--group", "display:1"), "--group goes with a rule"),
    (("ack", "slack", "--json"), "it does not go with a rule"),
    (("snooze", "slack"), "say for how long (2h), until when (until 14:00), or --off"),
    (("snooze", "slack", "2h", "--off"), "say for how long"),
    (("snooze", "slack", "2 hours"), "snooze: \"2 hours\" is not a duration; write 2h"),
    (("snooze", "slack", "0s"), "--off takes a snooze back"),
    (("snooze", "slack", "until", "25:00"), 'snooze: "25:00" is not a time of day'),
    (("status", "--rules", "rules"), "--rules goes with a rule"),
]  # fmt: skip


def test_a_mistake_is_told_and_nothing_is_asked(desk: Workspace) -> None:
    desk.append(now("down"))
    assert desk.once().code == 0
    for words, said in MISTAKES:
        assert said in state(desk, *words, code=2)
    desk.append(now("a quiet desk"))
    assert desk.once().code == 0
    assert len(open_now(desk)) == 1


def test_a_broken_rule_file_is_in_nobodys_way(desk: Workspace) -> None:
    desk.append(now("Slack"))
    assert desk.once().code == 0
    desk.rule("broken", "when: [\n")
    assert "slack: snoozed until" in state(desk, "snooze", "slack", "2h")
    assert "fired -> console" in state(desk, "status", "slack")
    assert "broken.yaml cannot be read; see `engine check`" in state(desk, "snooze", "slak", "2h", code=2)


def test_a_rule_that_only_the_state_knows_can_be_named(desk: Workspace) -> None:
    desk.append(now("down"))
    assert desk.once().code == 0
    (desk.root / "rules" / "recorder-down.yaml").unlink()
    assert "acknowledging 1 open incident" in state(desk, "ack", "recorder-down")
    assert "it is in no rule file any more" in state(desk, "status", "recorder-down")


def test_status_of_a_rule_says_why_it_is_quiet(desk: Workspace) -> None:
    desk.append(now("Slack one"), now("Slack two"), now("an error"), now("error again"))
    assert desk.once().code == 0
    slack = state(desk, "status", "slack")
    assert "counts     1 firing, 1 held by cooldown\n" in slack
    assert "held by cooldown until " in slack
    assert f'{desk.journal}:1  "Slack one"' in slack
    assert "verdict    last firing " in slack
    errors = state(desk, "status", "errors")
    assert "looks for  3 events within 10m, for each _.stream apart\n" in errors
    assert "2 of 3 within 10m since " in errors
    assert "verdict    it has not fired yet; now: " in errors


def test_status_of_a_rule_as_json(desk: Workspace) -> None:
    desk.append(now("Slack one"), now("Slack two"))
    assert desk.once().code == 0
    shown = desk.call("status", "slack", "--json", "--state", desk.state).json()
    assert list(shown) == [
        "version", "rule", "file", "running", "saved", "state", "counts", "coercions", "decisions", "verdict",
    ]  # fmt: skip
    assert shown["counts"] == {"cooldown": 1, "fired": 1}
    held, fired = shown["decisions"]
    assert (held["kind"], held["reason"], fired["reason"], fired["told"]) == ("fired", "cooldown", None, ["console"])
    assert fired["evidence"] == [{"place": f"{desk.journal}:1", "text": "Slack one"}]


def test_an_edited_pattern_is_told_apart_from_what_the_engine_saved(desk: Workspace) -> None:
    desk.append(now("an error"))
    assert desk.once().code == 0
    desk.rule("errors", ERRORS.replace("3 within", "4 within"))
    assert "the rule file was edited since the engine saved this" in state(desk, "status", "errors")


HOUR = 3_600_000
DAY = 24 * HOUR
NOON = 1_772_452_800_000  # 2026-03-02T12:00:00Z, 13:00 in Berlin


@pytest.mark.parametrize(
    ("when", "zone", "after_ms"),
    [
        (("2h",), "UTC", 2 * HOUR),
        (("for", "90m"), "UTC", 3 * HOUR // 2),
        (("until", "14:00"), "UTC", 2 * HOUR),
        (("until", "14:00"), "Europe/Berlin", HOUR),
        (("until", "12:00"), "UTC", DAY),
        (("until", "00:30"), "UTC", 12 * HOUR + HOUR // 2),
    ],
)
def test_when_a_snooze_ends(when: tuple[str, ...], zone: str, after_ms: int) -> None:
    assert until_instant(when, NOON, zone_offset(zone)) == NOON + after_ms
