"""`engine test-rule` on a recording: pages, golden files, spans, near misses, watching, sending."""

from __future__ import annotations

import json
import re
import signal
from xml.etree import ElementTree

import pytest

from tests.cli.workspace import KICKOFF, Workspace, screen
from tests.servers.http_sink import Answer, HttpSink, always

RULE = """\
when: visual_index
contains: Slack
cooldown: 5m
tests:
  - {name: fires, given: [{at: 0s, screen: Slack}], expect: 1}
"""
REC = ("rules/slack.yaml", "--events", KICKOFF)


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    workspace.rule("slack", RULE)
    workspace.write("engine.yaml", "zone: UTC\n")
    return workspace


def test_the_page_of_a_rule(ready: Workspace) -> None:
    done = ready.call("test-rule", *REC)
    assert done.code == 0
    assert done.out.startswith("slack   rules/slack.yaml   45m20s, 98 events\n")
    [ticks, line] = done.out.splitlines()[2:4]
    assert re.fullmatch(r" {9}08:59 +09:11 +09:22 +09:33", ticks)
    assert re.fullmatch(r"  fires  [.Fs]{48}  3 F fired, 21 s held \(cooldown until 09:\d\d:\d\d\)", line)
    assert line.count("F") == 3 + 1
    assert "3 firings; held: 21 by cooldown" in done.out
    assert "  F 09:05:05\n      because  L" in done.out
    assert '"[Slack] channel #launch is open; a thread about the release date is visible"' in done.out
    assert "would send to console\n        | Title  slack\n        | Slack channel" in done.out
    assert re.search(r"inline tests  1 passed, 0 failed    \d\.\d\d s\n$", done.out)


def test_json_names_lines_that_exist(ready: Workspace) -> None:
    document = ready.call("test-rule", *REC, "--format", "json").json()
    [rule] = document["rules"]
    lines = KICKOFF.read_text(encoding="utf-8").splitlines()
    for firing in rule["firings"]:
        [event] = firing["events"]
        assert json.loads(lines[event["line"] - 1])["data"]["text"] == event["text"]
        [(start, end)] = event["spans"]
        assert event["text"][start:end] == "Slack"
        assert firing["rendered"]["destination"] == ["console"]
    assert (len(rule["firings"]), rule["suppressed"]) == (3, {"cooldown": 21})
    assert document["summary"]["passed"] == 1


def test_junit_has_a_case_a_test(ready: Workspace) -> None:
    suite = ElementTree.fromstring(ready.call("test-rule", *REC, "--format", "junit").out)[0]
    assert [case.get("name") for case in suite] == ["fires"]


def test_a_span_cuts_what_rules_see(ready: Workspace) -> None:
    def events(*arguments: str) -> tuple[int, int]:
        document = ready.call("test-rule", *REC, "--format", "json", *arguments).json()
        return document["summary"]["events"], document["summary"]["firings"]

    assert events() == (98, 3)
    early, late = events("--to", "09:10:00"), events("--from", "09:10:00")
    assert (early[0] + late[0], early[1]) == (98, 1)
    assert events("--from", "2026-03-02T09:10:00Z") == late
    assert events("--from", "10m4s") == late, "from the first event"
    assert events("--from", "09:00:00", "--to", "09:02:00")[1] == 0


def test_near_misses_say_what_is_missing(workspace: Workspace) -> None:
    workspace.rule("release", "when: visual_index\nword: releases\n")
    done = workspace.call("test-rule", "rules/release.yaml", "--events", KICKOFF, "--near", 2)
    assert done.code == 0
    assert "0 firings" in done.out
    assert re.search(r"near misses \(2 of \d+, closest first\)", done.out), done.out
    assert "release" in done.out.partition("near misses")[2]
    none = workspace.call("test-rule", "rules/release.yaml", "--events", KICKOFF, "--near", 0)
    assert "near misses" not in none.out


def test_a_golden_file_finds_what_an_edit_changed(ready: Workspace) -> None:
    saved = ready.call("test-rule", *REC, "--save-expect", "golden.json")
    assert (saved.code, "3 firings saved in golden.json" in saved.err) == (0, True)
    same = ready.call("test-rule", *REC, "--expect", "golden.json")
    assert (same.code, "golden file: 3 firings expected, 0 differences" in same.out) == (0, True)
    ready.rule("slack", RULE.replace("cooldown: 5m", "cooldown: 15m"))
    other = ready.call("test-rule", *REC, "--expect", "golden.json")
    assert other.code == 1
    gone = [line for line in other.out.splitlines() if line.startswith("  - ")]
    assert len(gone) == 1
    assert re.match(r"  - 2026-03-02T09:\d\d:\d\d\.\d{3}Z  slack  L\d+$", gone[0])
    ready.rule("slack", RULE.replace("cooldown: 5m\n", ""))
    more = ready.call("test-rule", *REC, "--expect", "golden.json")
    assert (more.code, sum(line.startswith("  + ") for line in more.out.splitlines())) == (1, 21)


def test_the_firings_beyond_ten_are_counted_or_shown(workspace: Workspace) -> None:
    workspace.rule("slack", RULE.replace("cooldown: 5m\n", ""))
    page = workspace.call("test-rule", *REC).out
    assert page.count("because") == 10
    assert "... and 14 firings more (--all shows them)" in page
    assert workspace.call("test-rule", *REC, "--all").out.count("because") == 24


def test_bad_lines_are_named_and_limited(ready: Workspace) -> None:
    ready.append(b"nonsense\n", screen("Slack"))
    done = ready.call("test-rule", "rules/slack.yaml", "--events", ready.journal)
    assert done.code == 0
    assert f"1 bad line, the first at {ready.journal}:1: not-json" in done.err
    strict = ready.call("test-rule", "rules/slack.yaml", "--events", ready.journal, "--max-bad", 0)
    assert strict.code == 4
    assert "1 bad line, more than --max-bad 0" in strict.err


def test_send_really_sends_only_there(workspace: Workspace) -> None:
    with HttpSink() as sink, HttpSink() as other:
        workspace.rule("slack", RULE + "notify: team\n")
        workspace.write(
            "engine.yaml",
            f"destinations: {{me: 'json://{sink.host}/', team: 'json://{other.host}/'}}\nzone: UTC\n",
        )
        done = workspace.call("test-rule", *REC, "--send", "me")
        assert done.code == 0, done.err
        assert "3 messages sent to me" in done.err
        assert [seen.json()["title"] for seen in sink.seen] == ["slack"] * 3
        assert other.seen == []
        sink.decide = always(Answer(500))
        refused = workspace.call("test-rule", *REC, "--send", "me")
        assert refused.code == 1
        assert "me: json: HTTP 500" in refused.err or "500" in refused.err
        unknown = workspace.call("test-rule", *REC, "--send", "you")
        assert unknown.code == 2
        assert "engine.yaml declares" in unknown.err
        assert "127.0.0.1" not in done.said + refused.said + unknown.said


def test_watch_does_it_again_on_every_save(ready: Workspace) -> None:
    with ready.start("test-rule", *REC, "--watch") as watching:
        watching.says("exit 0; waiting for a change, Ctrl-C to stop")
        watching.prints("3 firings; held: 21 by cooldown")
        ready.rule("slack", RULE.replace("cooldown: 5m", "cooldown: 15m"))
        watching.prints("2 firings; held: 22 by cooldown")
        ready.rule("slack", RULE.replace("contains", "contians"))
        watching.says("exit 2; waiting for a change")
        watching.says('unknown key "contians"')
        ready.rule("slack", RULE)
        watching.says("exit 0", count=3)
        watching.send(signal.SIGINT)
        assert watching.process.wait(5) == 130
        assert "Traceback" not in watching.err
