"""Packs as a user meets them: a file that says `use:`, from a checkout and from an installed package."""

from __future__ import annotations

import shutil
import subprocess
import sys

from tests.cli.workspace import KICKOFF, ROOT, Workspace

USES = "rules:\n  - {use: export, with: {notify: me}}\n  - {use: words, name: mine}\n"
WORDS = """\
inputs: {what: {type: list, default: [slack]}}
rules:
  - name: seen
    when: screen
    word: $what
    tests:
      - {given: [{at: 0s, screen: Slack}], expect: 1}
"""


def test_check_and_explain_say_which_pack_a_rule_is_from(workspace: Workspace) -> None:
    workspace.rule("packs/words", WORDS)
    workspace.rule("mine", USES)
    checked = workspace.call("check", "--strict")
    assert (checked.code, checked.err) == (0, "")
    assert "1 rule from rules/packs/words.yaml\n4 rules in 1 file: no errors" in checked.out
    assert "3 rules from " in checked.out
    explained = workspace.call("explain", "rules/mine.yaml").out
    assert "mine-seen   rules/mine.yaml:3:6, from rules/packs/words.yaml" in explained
    assert "then: tell me" in explained


def test_a_pack_runs_by_itself_with_its_tests(workspace: Workspace) -> None:
    path = workspace.rule("packs/words", WORDS)
    assert workspace.call("check", "--strict", path).code == 0
    tested = workspace.call("test", path)
    assert (tested.code, "1 passed" in tested.out) == (0, True)
    assert "words-seen" in workspace.call("backtest", path, "--events", KICKOFF).out


def test_who_uses_a_pack_tests_it_in_a_file_of_tests(workspace: Workspace) -> None:
    workspace.rule("packs/words", WORDS)
    workspace.rule("mine", "use: words\nwith: {what: zoom}\n")
    tests = workspace.write(
        "tests/mine.yaml",
        "rule: ../rules/mine.yaml\ntests: [{given: [{at: 0s, screen: Zoom}, {at: 9s, screen: Slack}], expect: 1}]\n",
    )
    tested = workspace.call("test", tests)
    assert (tested.code, "1 passed" in tested.out) == (0, True), tested.said


def test_errors_point_into_the_file_that_uses_the_pack(workspace: Workspace) -> None:
    workspace.rule("mine", "use: expert\n")
    said = workspace.call("check").out
    assert 'rules/mine.yaml:1:6  error   use: there is no pack "expert"; did you mean "export"?' in said
    assert "there is export, focus, meeting, pair or watchdog" in said
    workspace.rule("mine", "use: export\nwith: {late: soon}\n")
    assert "rules/mine.yaml:2:14  error   late: " in workspace.call("check").out


def test_an_installed_package_brings_its_packs(workspace: Workspace) -> None:
    """As in a wheel: the rules lie beside `engine/shipped`, and there is no source tree around it."""
    site = workspace.root / "site"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "engine", site / "engine", ignore=ignored)
    shutil.copytree(ROOT / "rules", site / "engine" / "shipped" / "rules", ignore=ignored)
    workspace.rule("mine", "use: export\n")
    done = subprocess.run(
        [sys.executable, "-m", "engine", "explain", "rules/mine.yaml"], cwd=workspace.root, check=False,
        env={**workspace.environment, "PYTHONPATH": str(site)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"export-ready   rules/mine.yaml:1:1, from {site / 'engine/shipped/rules/packs/export.yaml'}" in done.stdout
