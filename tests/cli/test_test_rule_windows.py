"""`engine test-rule` on rules over time: steps, measures, digests, and what one session or one line shows."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.cli.workspace import KICKOFF, ROOT, Result, Workspace, screen

SCHEMA = json.loads((ROOT / "docs" / "test-report.schema.json").read_text(encoding="utf-8"))
START = 1_772_442_000.0

RULES = """\
rules:
  - name: both
    together:
      slack: {when: visual_index, contains: Slack}
      editor: {when: visual_index, contains: editor}
    within: 2m
    tests: [{given: [{at: 0s, screen: Slack}, {at: 1m, screen: editor}], expect: 1}]
  - {name: often, when: visual_index, contains: Slack, count: 3 within 10m, notify: me}
  - {name: notes, when: visual_index, digest: {every: 10m}, notify: me}
"""


@pytest.fixture
def ready(workspace: Workspace) -> Workspace:
    workspace.rule("r", RULES)
    workspace.write("engine.yaml", "zone: UTC\n")
    for minute, text in ((0, "Slack one"), (1, "the editor"), (2, "Slack two"), (4, "Slack three"), (11, "lunch")):
        workspace.append(screen(text, START + 60 * minute))
    return workspace


def _page(ready: Workspace, *more: object) -> Result:
    return ready.call("test-rule", "rules/r.yaml", "--events", ready.journal, *more)


def test_a_firing_is_told_step_by_step_with_its_measure(ready: Workspace) -> None:
    page = _page(ready).out.partition("often   ")[0]
    assert re.search(r"^  slack   [.|#]{48}  3 events$", page, re.MULTILINE)
    assert re.search(r"^  editor  [.|#]{48}  1 event$", page, re.MULTILINE)
    assert re.search(r"^  fires   [.F]{48}  \d F fired$", page, re.MULTILINE)
    assert (
        "  F 09:01:00  gap 1m <= 2m\n"
        '      because  editor  L2 09:01:00 display:1  "the [editor]"\n'
        '               slack   L1 09:00:00 display:1  "[Slack] one"\n'
    ) in page


def test_a_count_shows_what_it_counted(ready: Workspace) -> None:
    page = _page(ready).out.partition("often   ")[2].partition("notes   ")[0]
    assert "  F 09:04:00  3 within 10m\n      because  L4 09:04:00 display:1" in page
    assert "  1 firing\n" in page


def test_a_digest_shows_its_items(ready: Workspace) -> None:
    page = _page(ready).out.partition("notes   ")[2]
    assert "  D 09:10:00  digest of 4\n      collected from L1 to L4\n      would send to console\n" in page
    assert "Slack three" in page
    assert re.search(r"^  2 digests$", page, re.MULTILINE), "what waits at the end is told, too"


def test_the_json_report_keeps_its_schema(ready: Workspace) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    validator = Draft202012Validator(SCHEMA)
    ready.rule("plain", "when: visual_index\ncontains: [Slack, edit]\ncooldown: 90s\nquiet: 09:03-09:04\n")
    ready.write("old.yaml", RULES.replace("3 within", "2 within"))
    everything = ("--format", "json", "--against", "old.yaml", "--near", 5)
    document = _page(ready, *everything).json()
    validator.validate(document)
    both, often, notes = document["rules"]
    [editor, slack] = sorted(both["firings"][0]["events"], key=lambda event: event["step"])
    assert (editor["step"], editor["line"], slack["step"], slack["line"]) == ("editor", 2, "slack", 1)
    assert both["firings"][0]["why"] == "gap 1m <= 2m"
    assert [firing["kind"] for firing in notes["firings"]] == ["digest", "digest"]
    assert notes["firings"][0]["items"] == 4
    assert [firing["rule"] for firing in document["against"]["gone"]] == ["often"]
    assert often["source"] == [str(ready.journal)]
    validator.validate(
        ready.call("test-rule", "rules/plain.yaml", "--events", ready.journal, "--format", "json").json()
    )
    validator.validate(ready.call("test", "rules/r.yaml", "--format", "json").json())
    validator.validate(ready.call("backtest", "rules", "--events", ready.journal, "--format", "json").json())


def test_a_golden_file_knows_kinds_and_their_order(ready: Workspace) -> None:
    assert _page(ready, "--save-expect", "golden.json").code == 0
    golden = json.loads(Path("golden.json").read_bytes())
    assert golden["version"] == 2
    assert [(one["rule"], one["kind"], one["lines"]) for one in golden["firings"]] == [
        ("both", "fired", [1, 2]), ("often", "fired", [1, 3, 4]), ("notes", "digest", [1, 2, 3, 4]),
        ("notes", "digest", [5]),
    ]  # fmt: skip
    assert _page(ready, "--expect", "golden.json").code == 0
    ready.rule("r", RULES.replace("every: 10m", "every: 5m"))
    changed = _page(ready, "--expect", "golden.json")
    assert changed.code == 1
    assert re.search(r"^  - \S+  notes digest  L1, L2, L3, L4$", changed.out, re.MULTILINE)
    assert re.search(r"^  \+ 2026-03-02T09:05:00.000Z  notes digest  L1, L2, L3, L4$", changed.out, re.MULTILINE)


def test_a_golden_file_of_the_first_version_still_counts(ready: Workspace) -> None:
    ready.rule("r", "when: visual_index\ncontains: lunch\n")
    _page(ready, "--save-expect", "golden.json")
    golden = json.loads(Path("golden.json").read_bytes())
    for one in golden["firings"]:
        del one["kind"]
    ready.write("golden.json", json.dumps({**golden, "version": 1}))
    assert _page(ready, "--expect", "golden.json").code == 0
    ready.write("golden.json", '{"firings": [{"rule": "r"}]}')
    assert _page(ready, "--expect", "golden.json").code == 2


def test_one_session_alone(workspace: Workspace) -> None:
    workspace.rule("r", "when: visual_index\n")
    for number in range(4):
        session = "cap-a" if number % 2 else "cap-b"
        workspace.append(screen(f"{number}", START + number, capture_session_id=session))
    done = workspace.call(
        "test-rule", "rules/r.yaml", "--events", workspace.journal, "--session", "cap-a", "--format", "json"
    )
    document = done.json()
    assert [event["text"] for one in document["rules"][0]["firings"] for event in one["events"]] == ["1", "3"]
    assert document["summary"]["events"] == 2
    other = workspace.call("test-rule", "rules/r.yaml", "--events", workspace.journal, "--session", "cap-c")
    assert other.code == 3


def test_timers_outside_the_part_that_was_asked_for_are_silent(ready: Workspace) -> None:
    ready.rule("r", "every: 5m\nmessage: stand up\n")

    def times(*more: str) -> list[str]:
        document = _page(ready, "--format", "json", *more).json()
        return [one["at"][11:16] for one in document["rules"][0]["firings"]]

    assert times() == ["09:05", "09:10"]
    assert times("--from", "09:06:00") == ["09:10"]
    assert times("--to", "09:06:00") == ["09:05"] or times("--to", "09:06:00") == []


def test_one_event_in_depth(ready: Workspace) -> None:
    for named in ("2", "L2", f"{ready.journal}:2"):
        done = _page(ready, "--explain", named)
        assert done.code == 0 and "the editor" in done.out, done.err
    document = _page(ready, "--format", "json").json()
    [event] = [one for one in document["rules"][0]["firings"][0]["events"] if one["line"] == 2]
    assert "the editor" in _page(ready, "--explain", event["id"]).out
    assert _page(ready, "--explain", "fffffffffffff").code == 4
    assert _page(ready, "--explain", "2", "--events", KICKOFF).code == 2
