"""`--against REV` for rules of a pack: the pack as it was then."""

from __future__ import annotations

import subprocess

from tests.cli.workspace import KICKOFF, Workspace

PACK = "inputs: {{what: {{type: text, default: {0}}}}}\nrules: [{{name: seen, when: screen, word: $what}}]\n"


def test_rules_of_a_pack_are_compared_with_the_pack_of_then(workspace: Workspace) -> None:
    def git(*arguments: str) -> None:
        named = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *named, *arguments], cwd=workspace.root, check=True, capture_output=True)

    workspace.rule("packs/words", PACK.format("slack"))
    workspace.rule("mine", "use: words\n")
    git("init", "-q")
    git("add", "rules")
    git("commit", "-qm", "then")
    same = workspace.call("test-rule", "rules/mine.yaml", "--events", KICKOFF, "--against", "HEAD")
    workspace.rule("packs/words", PACK.format("zoom"))
    other = workspace.call("test-rule", "rules/mine.yaml", "--events", KICKOFF, "--against", "HEAD")
    assert same.code == 0, same.said
    assert other.out != same.out and "new" in other.out
