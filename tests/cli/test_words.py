"""What commands say: mistakes with their place and mend, and nothing a terminal would obey."""

from __future__ import annotations

import json
import os
import re
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.cli.workspace import KICKOFF, Workspace, screen

SLACK = "when: visual_index\ncontains: Slack\ncooldown: 5m\n"


def test_a_typo_in_a_rule(workspace: Workspace) -> None:
    workspace.rule("slack", "when: visual_index\ncontians: Slack\n")
    for command in (("check",), ("test",), ("run", "--once"), ("explain", "rules/slack.yaml")):
        result = workspace.call(*command)
        assert result.code == 2
        assert (
            'rules/slack.yaml:2:1  error   unknown key "contians"; did you mean "contains"?\n'
            "    2 | contians: Slack\n"
            "      | ^^^^^^^^ rename it to contains\n"
            "1 error in 1 file\n"
        ) in result.said, command


def test_a_typo_in_a_filter_points_into_it(workspace: Workspace) -> None:
    workspace.rule("mic", 'when: transcript\nfilter: data.text == "Slack"\n')
    result = workspace.call("check", "--strict")
    assert result.code == 2
    assert re.search(r"rules/mic\.yaml:2:22  \w+ ", result.out), result.out
    assert "'Slack'" in result.out


def test_a_misspelt_command_or_option(workspace: Workspace) -> None:
    assert "no command 'chek'; did you mean 'check'?" in workspace.call("chek").err
    assert "see `engine --help`" in workspace.call("zzz").err
    assert "--once" in workspace.call("run", "--onse").err
    assert "'soon' is not" in workspace.call("run", "--from", "soon").err


def test_files_that_are_not_there(workspace: Workspace) -> None:
    workspace.rule("slack", SLACK)
    result = workspace.call("test-rule", "rules/slack.yaml", "--events", "nope.jsonl")
    assert result.err == (
        "error: cannot read the recording nope.jsonl: No such file or directory; check the name and its mode\n"
    )
    result = workspace.call("backtest", "--events", "no*.jsonl")
    assert result.err == "error: no file matches 'no*.jsonl'; check the folder, and quote the pattern for the shell\n"
    assert "there is no such file or folder" in workspace.call("check", "rulez").said
    result = workspace.call("check", "--config", "nope.yaml")
    assert result.err == "error: nope.yaml: no such file; --config names the engine.yaml to use\n"


def test_a_folder_without_rules(workspace: Workspace) -> None:
    (workspace.root / "rules").mkdir()
    assert "no rules in rules; write one with `engine new NAME`" in workspace.call("run", "--once").err
    assert "no rule files in rules" in workspace.call("check").err


def test_a_bad_configuration(workspace: Workspace) -> None:
    workspace.rule("slack", SLACK)
    workspace.write("engine.yaml", "destinatons: {}\nzone: Mars/Olympus\n")
    result = workspace.call("run", "--once")
    assert result.code == 2
    assert 'engine.yaml:1:1  error   unknown key "destinatons"' in result.err
    assert "engine.yaml:2:7" in result.err


def test_an_unset_variable_is_named_and_nothing_else(workspace: Workspace) -> None:
    workspace.rule("slack", SLACK)
    workspace.write("engine.yaml", "destinations: {me: 'slack://T/${SLACK_TOKEN}/canary-in-path'}\n")
    result = workspace.call("check")
    assert result.code == 2
    assert "SLACK_TOKEN" in result.said
    assert "canary" not in result.said


def test_an_unknown_destination(workspace: Workspace) -> None:
    workspace.rule("slack", SLACK + "notify: teem\n")
    workspace.write("engine.yaml", "destinations: {team: 'json://127.0.0.1:9/'}\n")
    result = workspace.call("check")
    assert result.code == 2
    assert "rules/slack.yaml:4:9" in result.out
    assert "team" in result.out


def test_a_second_engine_names_the_first(workspace: Workspace) -> None:
    workspace.rule("slack", SLACK)
    workspace.journal.touch()
    with workspace.run() as engine:
        engine.says("reading")
        second = workspace.once()
        assert second.code == 4
        assert f"another `engine run` (pid {engine.process.pid} on " in second.err
        assert "stop it or give --state another folder" in second.err
        assert workspace.status()["running"]
        assert engine.stop() == 0


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="modes stop neither Windows nor the superuser")
def test_a_state_folder_that_may_not_be_written(workspace: Workspace) -> None:
    workspace.rule("slack", SLACK)
    workspace.journal.touch()
    workspace.state.mkdir(mode=0o500)
    result = workspace.once()
    assert result.code == 4
    assert str(workspace.state) in result.err


def test_a_state_that_is_a_file_or_open_to_others(workspace: Workspace) -> None:
    workspace.rule("slack", SLACK)
    workspace.journal.touch()
    workspace.write("file", "")
    result = workspace.call("run", "--once", "--events", workspace.journal, "--state", "file")
    assert (result.code, "file is not a folder; give --state another one" in result.err) == (4, True)
    workspace.state.mkdir()
    workspace.state.chmod(0o777)
    result = workspace.call("run", "--once", "--events", workspace.journal, "--state", workspace.state)
    assert result.code == 4
    assert f"run `chmod 700 {workspace.state}`" in result.err


def test_a_damaged_state_is_recovered_only_when_told(workspace: Workspace) -> None:
    workspace.rule("slack", SLACK)
    workspace.append(screen("Slack"))
    assert workspace.once().code == 0
    (workspace.state / "engine.db").write_bytes(b"nonsense" * 1000)
    refused = workspace.once()
    assert refused.code == 4
    assert f"`engine run --recover --state {workspace.state}` moves it aside" in refused.err
    workspace.append(screen("Slack again", 1_772_443_000))
    done = workspace.once("--recover")
    assert done.code == 0
    assert "the damaged file is kept as " in done.err
    assert "Slack again" in done.out
    assert [path.name for path in workspace.state.iterdir() if "damaged" in path.name or "engine.db." in path.name]


def test_check_in_three_forms(workspace: Workspace) -> None:
    workspace.rule("slack", "when: visual_index\ncontians: Slack\n")
    workspace.rule("zoom", "when: visual_index\ncontains: AI\n")
    document = json.loads(workspace.call("check", "--format", "json").out)
    assert document["summary"] == {"errors": 1, "warnings": 1}
    error = document["problems"][0]
    assert (error["file"], error["line"], error["code"]) == ("rules/slack.yaml", 2, "unknown-key")
    log = json.loads(workspace.call("check", "--format", "sarif").out)
    assert log["version"] == "2.1.0"
    assert {result["level"] for result in log["runs"][0]["results"]} == {"error", "warning"}
    text = workspace.call("check")
    assert "1 error, 1 warning in 2 files" in text.out


def test_strict_wants_tests(workspace: Workspace) -> None:
    workspace.rule("slack", SLACK)
    assert "1 rule in 1 file: no errors" in workspace.call("check").out
    result = workspace.call("check", "--strict")
    assert (result.code, "test" in result.out) == (2, True)


def test_notify_asks_the_senders(workspace: Workspace) -> None:
    workspace.rule("slack", SLACK)
    workspace.write("engine.yaml", "destinations: {good: 'json://127.0.0.1:9/', bad: 'slack://canary-token'}\n")
    assert workspace.call("check").code == 0
    result = workspace.call("check", "--notify")
    assert result.code == 2
    assert "destination bad: " in result.out
    assert "destination good" not in result.out
    assert "canary" not in result.said


def test_explain_a_rule_and_a_line(workspace: Workspace) -> None:
    workspace.rule("slack", SLACK + "by: _.stream\nquiet: 22:00-07:00\n")
    workspace.append(
        screen("Slack is open"), {"channel": "transcript", "data": {"text": "no"}, "unix_ts": 1_772_442_001}
    )
    meaning = workspace.call("explain", "rules/slack.yaml").out
    assert "filter: _.kind == 'visual_index' && has(_.text, 'Slack')" in meaning
    assert "gate: then silent for 5m for each _.stream" in meaning
    assert "gate: kept back 22:00-07:00" in meaning
    assert "then: tell default" in meaning
    first = workspace.call("explain", "rules/slack.yaml", "--events", workspace.journal, "--line", 1).out
    assert f"slack matches {workspace.journal}:1" in first
    assert '"Slack is open"' in first
    second = workspace.call("explain", "rules/slack.yaml", "--events", workspace.journal, "--line", 2).out
    assert f"slack does not match {workspace.journal}:2" in second
    assert "no   when visual_index    got transcript" in second


@pytest.mark.parametrize("when", ["screen", "speech", "alert"])
@pytest.mark.parametrize("word", [None, "two words", 'it\'s "quoted": #1 {{ x }}', "...", "Ünïcödé", "-", "5", "null"])
def test_a_new_rule_passes_its_own_test(workspace: Workspace, when: str, word: str | None) -> None:
    more = () if word is None else ("--word", word)
    made = workspace.call("new", "my-rule", "--when", when, *more)
    if made.code == 2:  # a word that cannot be found is refused before a file is written
        assert not (workspace.root / "rules").exists() or not list((workspace.root / "rules").iterdir())
        return
    assert "rules/my-rule.yaml written; try it:" in made.out
    tested = workspace.call("test", "rules/my-rule.yaml")
    assert (tested.code, "2 passed, 0 failed" in tested.out) == (0, True), tested.said
    assert workspace.call("check").code == 0


def test_new_never_overwrites(workspace: Workspace) -> None:
    path = workspace.rule("mine", "precious")
    result = workspace.call("new", "mine")
    assert result.code == 2
    assert result.err == "error: rules/mine.yaml exists already; choose another name, or edit it\n"
    assert path.read_text() == "precious"
    assert "write bad-name" in workspace.call("new", "Bad/Name").err


def test_the_schema_is_json_schema(workspace: Workspace) -> None:
    import jsonschema

    schema = workspace.call("schema").json()
    jsonschema.Draft7Validator.check_schema(schema)
    assert workspace.call("schema", "--out", "rules.json").err == "rules.json written\n"
    assert json.loads((workspace.root / "rules.json").read_text()) == schema


def test_colours_only_where_they_are_wanted(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.rule("slack", "when: visual_index\ncontians: Slack\n")
    commands: tuple[tuple[Any, ...], ...] = (("check",), ("test-rule", "rules/slack.yaml"), ("run", "--once"))
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not any("\x1b" in workspace.call(*command).said for command in commands), "NO_COLOR wins"
    monkeypatch.delenv("NO_COLOR")
    assert all("\x1b[31m" in workspace.call(*command).said for command in commands)
    monkeypatch.delenv("FORCE_COLOR")
    assert not any("\x1b" in workspace.call(*command).said for command in commands), "nobody is watching"


def test_backtest_in_numbers(workspace: Workspace) -> None:
    workspace.shipped_rules()
    workspace.write("engine.yaml", "zone: UTC\n")
    text = workspace.call("backtest", "--events", KICKOFF).out
    assert "1 recording, 45m20s, 98 events, 0 bad lines" in text
    assert re.search(r"slack-on-screen +3 +3  2026-03-02 09:00 \(3\) +21 cooldown", text), text
    document = workspace.call("backtest", "--events", KICKOFF, "--format", "json").json()
    [slack] = [rule for rule in document["rules"] if rule["rule"] == "slack-on-screen"]
    assert len(slack["firings"]) == 3
    assert slack["suppressed"] == {"cooldown": 21}
    assert document["summary"]["events"] == 98


def test_a_backtest_of_several_days_begins_with_the_first(workspace: Workspace) -> None:
    workspace.rule("slack", SLACK)
    one = workspace.root / "b.jsonl"
    for name, day in (("a", 1_772_528_400), ("b", 1_772_442_000)):
        (workspace.root / f"{name}.jsonl").write_text(json.dumps(screen("Slack", day)) + "\n")
    assert one.exists()
    document = workspace.call("backtest", "--events", "?.jsonl", "--format", "json").json()
    assert document["summary"]["from"] < document["summary"]["to"]


def test_test_results_in_three_forms(workspace: Workspace) -> None:
    workspace.rule(
        "slack",
        SLACK
        + "tests:\n"
        + "  - {name: good, given: [{at: 0s, screen: Slack}], expect: 1}\n"
        + "  - {name: wrong, given: [{at: 0s, screen: Slack}], expect: never}\n",
    )
    text = workspace.call("test")
    assert text.code == 1
    assert "FAIL  slack: wrong    rules/slack.yaml:6:" in text.out
    assert "expected  never\n" in text.out
    assert 'got       1 firing: at 0s on "Slack"' in text.out
    assert "1 passed, 1 failed" in text.out
    assert "pass  slack: good" in workspace.call("test", "-v").out
    summary = workspace.call("test", "--format", "json").json()["summary"]
    assert summary == {"tests": 2, "passed": 1, "failed": 1}
    suite = ElementTree.fromstring(workspace.call("test", "--format", "junit").out)[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    [failure] = suite.iter("failure")
    assert "expected  never" in str(failure.text)
