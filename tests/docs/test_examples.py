"""Every rule and every engine.yaml in the documentation loads, and its tests pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.core.compile import compile_rulebook
from engine.rulebook.config import load_config
from engine.rulebook.lint import Knowledge, lint_rules
from engine.rulebook.parse import parse_rules
from engine.run.rule_tests import run_tests
from engine.source.rules_dir import find_pack
from tests.docs.pages import ROOT, Block, blocks, pages

EXAMPLES = [block for page in pages() for block in blocks(page.relative_to(ROOT).as_posix(), "yaml")]
RULES = [block for block in EXAMPLES if not block.text.startswith("# engine.yaml")]
CONFIGS = [block for block in EXAMPLES if block.text.startswith("# engine.yaml")]
ENVIRONMENT = {
    "SLACK_URL": "https://hooks.slack.com/services/T0/B0/x",
    "MAIL_PASSWORD": "a b",
    "NTFY_TOPIC": "long-one",
}


def _place(block: Block) -> str:
    return f"{block.page}:{block.line}"


@pytest.mark.parametrize("block", RULES, ids=_place)
def test_a_rule_in_the_documentation_loads_without_a_warning(block: Block) -> None:
    parsed = parse_rules([("example.yaml", block.text.encode())], None, find_pack)
    assert parsed.rulebook.rules
    assert not parsed.problems
    assert not lint_rules(parsed.files, Knowledge())


@pytest.mark.parametrize("block", [block for block in RULES if "tests:" in block.text], ids=_place)
def test_its_tests_pass(block: Block) -> None:
    rulebook = parse_rules([("example.yaml", block.text.encode())], None, find_pack).rulebook
    results = list(run_tests(compile_rulebook(rulebook), rulebook.rules))
    assert results
    assert [(result.test.name, result.mismatches) for result in results if not result.passed] == []


@pytest.mark.parametrize("block", CONFIGS, ids=_place)
def test_an_engine_yaml_in_the_documentation_loads(block: Block) -> None:
    assert len(load_config(block.text.encode(), "engine.yaml", ENVIRONMENT).destinations) > 1


def test_there_are_many_examples_and_most_prove_themselves() -> None:
    proven = [block for block in RULES if "tests:" in block.text]
    assert len(RULES) >= 15
    assert len(proven) >= len(RULES) - 2


@pytest.mark.parametrize("path", sorted((ROOT / "rules").glob("*.yaml")), ids=lambda path: path.name)
def test_a_shipped_rule_has_tests_that_pass(path: Path) -> None:
    parsed = parse_rules([(path.name, path.read_bytes())], None)
    results = list(run_tests(compile_rulebook(parsed.rulebook), parsed.rulebook.rules))
    assert results
    assert not parsed.problems
    assert [(result.test.name, result.mismatches) for result in results if not result.passed] == []
