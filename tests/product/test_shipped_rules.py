"""The rules that travel with the product: valid, tested, and silent until they are asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.cli.loading import load_rules
from engine.core.compile import compile_rulebook
from engine.model.rule import Rulebook
from engine.rulebook.lint import Knowledge, lint_rules
from engine.rulebook.pack import read_pack
from engine.rulebook.parse import parse_rules
from engine.rulebook.parse_reader import Reader
from engine.rulebook.parse_tests import VARIANTS
from engine.rulebook.yaml_guard import Mapping, load
from engine.run.rule_tests import run_tests
from engine.source.rules_dir import find_pack, read_rules

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


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_who_uses_a_pack_decides_whom_all_of_its_rules_tell(path: Path) -> None:
    document = load(path.read_bytes(), path.name).node
    assert isinstance(document, Mapping)
    pack = read_pack(Reader(path.name, ()), document)
    assert pack is not None
    routes = [each.name for each in pack.inputs if each.type == "route"]
    values = ", ".join(f"{name}: to-{name}" for name in routes)
    parsed = parse_rules([("rules/x.yaml", f"use: {path.stem}\nwith: {{{values}}}\n".encode())], None, find_pack)
    assert not parsed.problems and not lint_rules(parsed.files, Knowledge(strict=True))
    told = {name for rule in parsed.rulebook.rules for name in rule.notify}
    told |= {
        name
        for rule in parsed.rulebook.rules
        for step in (rule.incident.steps if rule.incident is not None else ())
        for name in step.notify
    }
    assert told == {f"to-{name}" for name in routes}


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_each_firing_test_fails_when_its_rule_is_silent(path: Path) -> None:
    rulebook = load_rules((str(path),)).rules
    silent = Rulebook(tuple(replace(rule, gates=replace(rule.gates, enabled=False)) for rule in rulebook))
    results = list(run_tests(compile_rulebook(silent), silent.rules))
    silences: tuple[dict[str, object], ...] = ({"fires": 0}, {"digest": []})
    assert [result.test.name for result in results if result.passed and result.test.expect not in silences] == []


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_a_pack_says_the_same_under_every_disturbance(path: Path) -> None:
    rules = [
        replace(rule, tests=tuple(replace(test, same_under=VARIANTS) for test in rule.tests))
        for rule in load_rules((str(path),)).rules
    ]
    results = list(run_tests(compile_rulebook(Rulebook(tuple(rules))), rules))
    assert [(result.test.name, result.mismatches) for result in results if not result.passed] == []
    assert sum(result.variants for result in results) > 50


def test_a_pack_speaks_only_when_it_is_named() -> None:
    names = {path for path, _ in read_rules([str(RULES)]).files}
    assert names and not any("packs" in Path(name).parts for name in names)
    assert {path for path, _ in read_rules([str(RULES / "packs")]).files} == {str(path) for path in PACKS}
    assert [path for path, _ in read_rules([str(PACKS[0])]).files] == [str(PACKS[0])]


@pytest.mark.parametrize("path", [*RULES.glob("*.yaml"), *PACKS], ids=lambda path: path.stem)
def test_an_editor_finds_the_schema(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert (path.parent / first.removeprefix("# yaml-language-server: $schema=")).resolve() == RULES / "schema.json"
