"""The rules that travel with the product: valid, tested, and silent until they are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.loading import load_rules
from engine.rulebook.lint import Knowledge, lint_rules
from engine.rulebook.parse import parse_rules
from engine.run.rule_tests import run_tests
from engine.source.rules_dir import read_rules

RULES = Path(__file__).parents[2] / "rules"
PACKS = sorted((RULES / "packs").glob("*.yaml"))


@pytest.mark.parametrize("folder", [RULES, RULES / "packs"], ids=["rules", "packs"])
def test_they_are_beyond_doubt_and_pass_their_tests(folder: Path) -> None:
    parsed = parse_rules(read_rules([str(folder)]).files, None)
    assert not parsed.problems
    assert not lint_rules(parsed.files, Knowledge(strict=True))
    rules = load_rules((str(folder),))
    results = list(run_tests(rules.program, rules.rules))
    assert {result.rule.name for result in results} == {rule.name for rule in parsed.rulebook.rules}
    assert [result.test.name for result in results if not result.passed] == []


@pytest.mark.parametrize("folder", [RULES, RULES / "packs"], ids=["rules", "packs"])
def test_each_rule_is_shown_an_event_it_must_not_fire_on(folder: Path) -> None:
    rules = load_rules((str(folder),))
    silent: dict[str, bool] = {}
    for result in run_tests(rules.program, rules.rules):
        events = sum("engine" not in entry for entry in result.test.given)
        silent[result.rule.name] = silent.get(result.rule.name, False) or len(result.outcome.told) < events
    assert [name for name, is_shown in silent.items() if not is_shown] == []


def test_a_pack_speaks_only_when_it_is_named() -> None:
    names = {path for path, _ in read_rules([str(RULES)]).files}
    assert names and not any("packs" in Path(name).parts for name in names)
    assert {path for path, _ in read_rules([str(RULES / "packs")]).files} == {str(path) for path in PACKS}
    assert [path for path, _ in read_rules([str(PACKS[0])]).files] == [str(PACKS[0])]


@pytest.mark.parametrize("path", [*RULES.glob("*.yaml"), *PACKS], ids=lambda path: path.stem)
def test_an_editor_finds_the_schema(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert (path.parent / first.removeprefix("# yaml-language-server: $schema=")).resolve() == RULES / "schema.json"
