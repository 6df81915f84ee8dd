"""The JSON Schema that editors read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft7Validator

from engine.rulebook.keys import RULE_KEYS
from engine.rulebook.parse import parse_file
from engine.rulebook.schema import json_schema
from engine.rulebook.yaml_guard import load, plain
from tests.rulebook.examples import EXAMPLES
from tests.rulebook.test_parse import CONDITIONS
from tests.rulebook.test_parse_faults import FAULTS

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


@pytest.mark.parametrize("key", RULE_KEYS.values(), ids=lambda key: key.name)
def test_the_examples_of_the_table_are_valid(key: Any) -> None:
    for example in key.examples:
        assert [error.message for error in VALIDATOR.iter_errors({key.name: example})] == []


@pytest.mark.parametrize("text", [text for text, code, *_ in FAULTS if code in ("unknown-key", "not-available")])
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


def test_every_key_tells_its_meaning_to_the_editor() -> None:
    properties = json_schema()["definitions"]["rule"]["properties"]
    assert set(properties) == {*RULE_KEYS, "vars"}
    assert all(entry["description"].endswith(".") for entry in properties.values())


def test_snippets_are_rules_once_filled_in() -> None:
    for snippet in json_schema()["defaultSnippets"]:
        body = json.loads(json.dumps(snippet["body"]).replace("${1:", "").replace("${2:", "").replace('}"', '"'))
        assert [error.message for error in VALIDATOR.iter_errors(body)] == []
