"""The other forms of a report, `--out`, `--against`, `--fail-on`, and files of tests."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.cli.workspace import Workspace, screen

START = 1_772_442_000.0
RULE = """\
when: visual_index
contains: Slack
tests:
  - {name: fires, given: [{at: 0s, screen: Slack}], expect: 1, same_under: restart}
  - name: fails
    given: [{at: 0s, screen: "Slack <b>`x`</b> #1"}]
    expect: {fires: 1,
             title: other}
"""


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    workspace.rule("slack", RULE)
    for minute in range(3):
        workspace.append(screen(f"Slack {minute}", START + 60 * minute))
    return workspace


def test_a_failure_stands_at_its_own_demand(ready: Workspace) -> None:
    done = ready.call("test", "rules")
    assert done.code == 1
    assert (
        "  FAIL  slack: fails    rules/slack.yaml:8:14\n"
        '        expected  title equal to "other" (at 0s)\n'
        '        got       "slack"\n'
    ) in done.out
    assert "1 rule: 1 passed, 1 failed (3 variants: restart)" in done.out


def test_tap_has_a_plan_and_a_reason(ready: Workspace) -> None:
    lines = ready.call("test", "rules", "--format", "tap").out.splitlines()
    assert lines[:4] == ["TAP version 14", "1..2", "ok 1 - slack: fires", "not ok 2 - slack: fails"]
    assert lines[4:7] == ["  ---", "  at: 'rules/slack.yaml:8:14'", "  message: |"]
    assert lines[-1] == "  ..."
    assert all(line.startswith("      ") for line in lines[7:-1])


def test_junit_names_place_and_difference(ready: Workspace) -> None:
    [suite] = ElementTree.fromstring(ready.call("test", "rules", "--format", "junit").out)
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    [failure] = suite.iter("failure")
    assert failure.text is not None
    assert failure.text.splitlines()[0] == "rules/slack.yaml:8:14"
    assert 'expected  title equal to "other"' in failure.text


def test_junit_has_a_case_for_each_golden_firing(ready: Workspace) -> None:
    ready.rule("slack", "when: visual_index\ncontains: Slack\n")
    with_events = ("test-rule", "rules/slack.yaml", "--events", ready.journal)
    assert ready.call(*with_events, "--save-expect", "golden.json").code == 0
    ready.rule("slack", "when: visual_index\ncontains: [Slack 1, Slack 2]\n")
    ready.append(screen("Slack 2 again", START + 300))
    done = ready.call(*with_events, "--expect", "golden.json", "--format", "junit")
    assert done.code == 1
    [suite] = ElementTree.fromstring(done.out)
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("golden.json", "4", "2")
    told = [case.find("failure") for case in suite]
    assert [one is None for one in told] == [False, True, True, False]
    tap = ready.call(*with_events, "--expect", "golden.json", "--format", "tap").out
    assert "1..4" in tap and tap.count("\nok ") == 2 and tap.count("\nnot ok ") == 2


def test_markdown_shows_failures_and_quotes_what_was_captured(ready: Workspace) -> None:
    report = ready.call("test", "rules", "--format", "markdown").out
    assert report.startswith("### Tests: 1 passed, 1 failed (3 variants: restart)")
    assert "**FAIL** `slack`: `fails`\n\n```text\nrules/slack.yaml:8:14\n" in report
    assert report.count("```") % 2 == 0
    page = ready.call("test-rule", "rules/slack.yaml", "--events", ready.journal, "--format", "markdown").out
    assert "### `slack`: 3 messages\n\n```text\nF 09:00:00" in page


def test_captured_text_cannot_leave_its_fence(workspace: Workspace) -> None:
    workspace.rule("r", "when: visual_index\nmessage: '{{ _.text }}'\n")
    workspace.append(screen("a\n```\n@everybody <img>", START))
    page = workspace.call("test-rule", "rules/r.yaml", "--events", workspace.journal, "--format", "markdown").out
    fenced = page.split("```")
    assert len(fenced) == 3 and "@everybody" in fenced[1]


def test_a_report_goes_to_a_file_whole_and_without_colours(ready: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = ready.call("test-rule", "rules/slack.yaml", "--events", ready.journal, "--out", "report.txt")
    assert (done.code, done.out) == (1, "")
    text = Path("report.txt").read_text(encoding="utf-8")
    assert text.startswith("slack   rules/slack.yaml") and "\x1b" not in text
    assert ready.call("test", "rules", "--format", "junit", "--out", "results.xml").code == 1
    assert ElementTree.fromstring(Path("results.xml").read_text(encoding="utf-8")).tag == "testsuites"
    refused = ready.call("test", "rules", "--out", "no/such/folder/x")
    assert refused.code == 2 and "--out no/such/folder/x" in refused.err


def _git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


def test_two_versions_are_compared_with_evidence(ready: Workspace) -> None:
    ready.rule("slack", "when: visual_index\ncontains: [Slack 0, Slack 1]\n")
    ready.write("rules/new.yaml", "when: visual_index\nword: never said\n")
    _git(ready.root, "init", "-q", "-b", "main")
    _git(ready.root, "add", "rules/slack.yaml")
    _git(ready.root, "commit", "-q", "-m", "x")
    ready.rule("slack", "when: visual_index\ncontains: [Slack 1, Slack 2]\n")
    with_events = ("test-rule", "rules/slack.yaml", "rules/new.yaml", "--events", ready.journal)
    done = ready.call(*with_events, "--against", "main")
    assert done.code == 1, done.err
    assert "against main: 1 new, 1 gone" in done.out
    assert '\n- slack\n  F 09:00:00\n      because  L1 display:1  "[Slack 0]"' in done.out
    assert '\n+ slack\n  F 09:02:00\n      because  L3 display:1  "[Slack 2]"' in done.out
    markdown = ready.call(*with_events, "--against", "HEAD", "--format", "markdown").out
    assert markdown.startswith("### Against `HEAD`: 1 new, 1 gone")
    assert "**New: `slack`**" in markdown and "**Gone: `slack`**" in markdown
    _git(ready.root, "add", "rules")
    _git(ready.root, "commit", "-q", "-m", "y")
    assert ready.call(*with_events, "--against", "main").code == 0
    assert ready.call(*with_events, "--against", "main~1").code == 1
    for wrong in ("nowhere", "--all", "-p"):
        assert ready.call(*with_events, f"--against={wrong}").code == 2
    ready.write("rules/unborn.yaml", "when: visual_index\n")
    unborn = ready.call("test-rule", "rules/unborn.yaml", "--events", ready.journal, "--against", "main")
    assert (unborn.code, "existed then" in unborn.err) == (2, True)


def test_another_rule_is_compared_whatever_its_name(ready: Workspace) -> None:
    ready.write("draft.yaml", "when: visual_index\ncontains: Slack\ncooldown: 90s\n")
    done = ready.call("test-rule", "rules/slack.yaml", "--events", ready.journal, "--against", "draft.yaml")
    assert "against draft.yaml: 1 new, 0 gone" in done.out


@pytest.mark.parametrize(
    ("rule", "words", "complaint"),
    [
        ("when: visual_index\nword: unsaid\n", "no-fire", "no-fire: r told nothing"),
        ("when: visual_index\ncontains: AI\n", "lint", "lint: rules/r.yaml:2:"),
        ("when: visual_index\nfilter: \"starts_with(data.n, 'x') || has(_.text, 'Slack')\"\n", "lint,coercion",
         "coercion: r: 3 values of the wrong type"),
        ("when: visual_index\ndigest: {every: 1m}\nsummarize: {budget: 1}\nnotify: me\n", "budget",
         "budget: r: 3 summaries on 2026-03-02, and its budget is 1"),
        ("when: visual_index\nexpect: {max: 1/day}\nnotify: me\n", "budget", "budget: r was 1 time outside"),
    ],
)  # fmt: skip
def test_what_a_ci_should_refuse(ready: Workspace, rule: str, words: str, complaint: str) -> None:
    ready.rule("r", rule)
    with_events = ("test-rule", "rules/r.yaml", "--events", ready.journal)
    assert ready.call(*with_events).code == 0
    done = ready.call(*with_events, "--fail-on", words)
    assert done.code == 1 and complaint in done.err, done.err


def test_a_word_that_fails_nothing_is_refused(ready: Workspace) -> None:
    done = ready.call("test-rule", "rules/slack.yaml", "--fail-on", "no-fire,lints")
    assert done.code == 2 and "no-fire, lint, coercion, budget" in done.err


def test_options_that_need_a_recording_say_so(ready: Workspace) -> None:
    for option in ("--from=1s", "--session=x", "--expect=x", "--against=x", "--explain=1", "--send=x"):
        done = ready.call("test-rule", "rules/slack.yaml", option)
        assert done.code == 2 and "needs a recording" in done.err


SUITE = """\
rules: [../rules/slack.yaml, ../rules/echo.yaml]
tests:
  - name: one hears the other
    for rule: echo
    given: [{at: 0s, screen: Slack}]
    expect: {fires: 1, message: heard}
  - name: and is silent without it
    for rule: echo
    given: [{at: 0s, screen: other}]
    expect: never
"""


def test_rules_are_tested_together_in_a_file_of_tests(ready: Workspace) -> None:
    ready.rule("echo", "when: rule.slack\nmessage: heard\n")
    ready.write("t/together.yaml", SUITE)
    done = ready.call("test", "t/together.yaml", "-v")
    assert done.code == 0, done.said
    assert "pass  echo: one hears the other" in done.out and "1 rule: 2 passed" in done.out
    assert ready.call("test-rule", "t/together.yaml").code == 0
    replayed = ready.call("test-rule", "t/together.yaml", "--events", ready.journal, "--format", "json").json()
    assert [rule["rule"] for rule in replayed["rules"]] == ["slack", "echo"]
    everything = ready.call("test", "t", "rules")
    assert everything.code == 1 and "2 rules: 3 passed, 1 failed" in everything.out
    assert ready.call("check", "t/together.yaml", "rules").code == 0


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (("../rules/echo.yaml", "../rules/eco.yaml"), "t/x.yaml:1:30  error   there is no file or folder"),
        (("for rule: echo", "for rule: ecko"), 't/x.yaml:4:15  error   there is no rule "ecko" here'),
        (("    for rule: echo\n", ""), "t/x.yaml:3:5  error   the test does not say which of 2 rules"),
        (("expect: never", "expect: {deferred: 0}"), "t/x.yaml:10:13  error   the test cannot fail"),
        (("given: [{at: 0s, screen: other}]", "given: [{at: 0s, recording: gone.jsonl}]"),
         "t/x.yaml:9:33  error   recording: cannot read the recording"),
    ],
)  # fmt: skip
def test_a_fault_in_a_file_of_tests_has_its_place(ready: Workspace, edit: tuple[str, str], told: str) -> None:
    ready.rule("echo", "when: rule.slack\nmessage: heard\n")
    ready.write("t/x.yaml", SUITE.replace(*edit))
    done = ready.call("test", "t/x.yaml")
    assert done.code == 2 and told in done.err, done.err
