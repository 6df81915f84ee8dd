"""The JSON Schema that editors read."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from engine.core.compile import compile_rulebook
from engine.model.rule import Rulebook
from engine.rulebook.keys import RULE_KEYS
from engine.rulebook.lint import Knowledge, lint_rules
from engine.rulebook.parse import parse_file
from engine.rulebook.schema import json_schema
from engine.rulebook.yaml_guard import load, plain
from tests.rulebook.examples import EXAMPLES
from tests.rulebook.patterns import PARTS, WINDOWS
from tests.rulebook.test_parse import CONDITIONS
from tests.rulebook.test_parse_faults import FAULTS
from tests.rulebook.time_faults import TIME_FAULTS

VALIDATOR = Draft7Validator(json_schema())


def document(text: str) -> Any:
    node = load(text, "x.yaml").node
    assert node is not None
    return plain(node)


def test_it_is_a_draft_07_schema_and_plain_json() -> None:
    Draft7Validator.check_schema(json_schema())
    assert json.loads(json.dumps(json_schema())) == json_schema()
    assert json_schema() is not json_schema()


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_valid(name: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(document(EXAMPLES[name]))] == []


@pytest.mark.parametrize("line", [line for line, _ in CONDITIONS])
def test_what_the_parser_takes_the_schema_takes(line: str) -> None:
    text = f"when: any\n{line}\n"
    assert parse_file("x.yaml", text.encode()).problems == ()
    assert [error.message for error in VALIDATOR.iter_errors(document(text))] == []


@pytest.mark.parametrize("text", [*(text for text, _ in WINDOWS), *(f"when: any\n{lines}\n" for lines, *_ in PARTS)])
def test_what_the_parser_takes_about_time_the_schema_takes(text: str) -> None:
    assert parse_file("x.yaml", text.encode()).problems == ()
    assert [error.message for error in VALIDATOR.iter_errors(document(text))] == []


examples = st.sampled_from([(key.name, example) for key in RULE_KEYS.values() for example in key.examples])


@settings(max_examples=200)
@given(st.lists(examples, max_size=5).map(dict))
def test_any_keys_together_are_refused_or_load_compile_and_fit_the_schema(keys: dict[str, Any]) -> None:
    content = yaml.safe_dump({"when": "transcript", **keys}, allow_unicode=True).encode()
    parsed = parse_file("rules/x.yaml", content)
    if any(problem.severity == "error" for problem in parsed.problems):
        assert all(problem.span.line and problem.hint for problem in parsed.problems)
        return
    assert len(compile_rulebook(Rulebook(parsed.rules)).rules) == 1
    assert all(remark.severity == "warning" for remark in lint_rules([parsed], Knowledge(now_ms=0)))
    assert [error.message for error in VALIDATOR.iter_errors(document(content.decode()))] == []


@pytest.mark.parametrize("key", RULE_KEYS.values(), ids=lambda key: key.name)
def test_the_examples_of_the_table_are_valid(key: Any) -> None:
    for example in key.examples:
        assert [error.message for error in VALIDATOR.iter_errors({key.name: example})] == []


@pytest.mark.parametrize(
    "text", [text for text, code, *_ in (*FAULTS, *TIME_FAULTS) if code in ("unknown-key", "not-available")]
)
def test_unknown_keys_are_refused(text: str) -> None:
    assert list(VALIDATOR.iter_errors(document(text)))


@pytest.mark.parametrize(
    "text",
    [
        "when: scren",
        "when: session.failled",
        "when: screen\ncontains: ''",
        "when: screen\ncontains: []",
        "when: screen\nseverity: warning",
        "when: screen\nenabled: yes",
        "when: screen\ncooldown: 5",
        "when: screen\ncooldown: 5 minutes",
        "when: screen\nany: {contains: x}",
        "when: screen\nnot: {notify: me}",
        "when: screen\nwhere: {n: {gte: '5'}}",
        "when: screen\ntests: [{given: [{at: 0s, screen: x}]}]",
        "when: screen\ntests: [{given: [{at: 0s, screen: x}], expect: {}}]",
        "rules: [{when: screen}]",
        "rules: []",
        "- when: screen",
    ],
)
def test_wrong_forms_are_refused(text: str) -> None:
    assert list(VALIDATOR.iter_errors(document(text)))


FORM = ("wrong-form", "bad-count", "bad-time", "bad-rate", "empty-list", "empty-value", "bad-name", "missing-key",
        "unknown-value", "out-of-range")  # fmt: skip
# Which keys go together, how many steps a rule has, and the numbers in a text.
BEYOND_FORM = (
    "count: 10001 within 10m\n", "expect: {max: 20/10m}\n", "expect: {min: 0/day}\n",
    "budget: 20/h}\ndigest: {or_at: 5}\n",
    "at_least: 3\n", "notify: a b}]\n", "b: {when: transcript}}\n", "absent: {when: screen}\n",
)  # fmt: skip


@pytest.mark.parametrize("text", [text for text, code, *_ in TIME_FAULTS if code in FORM])
def test_of_wrong_forms_about_time_those_are_refused_that_are_visible_in_one_key(text: str) -> None:
    assert bool(list(VALIDATOR.iter_errors(document(text)))) is not text.endswith(BEYOND_FORM)


def test_every_key_tells_its_meaning_to_the_editor() -> None:
    properties = json_schema()["definitions"]["rule"]["properties"]
    assert set(properties) == {*RULE_KEYS, "vars"}
    assert all(entry["description"].endswith(".") for entry in properties.values())


def test_snippets_are_rules_once_filled_in() -> None:
    for snippet in json_schema()["defaultSnippets"]:
        body = json.loads(json.dumps(snippet["body"]).replace("${1:", "").replace("${2:", "").replace('}"', '"'))
        assert [error.message for error in VALIDATOR.iter_errors(body)] == []
