"""Packs: what is filled in stands where the blank stood, errors stand where they can be mended."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from engine.core.compile import compile_rulebook
from engine.model.condition import AllOf, Text
from engine.model.errors import Span
from engine.model.pack import NoPack, PackFile
from engine.model.rule import Rule
from engine.model.window import Held
from engine.rulebook.lint import Knowledge, lint_rules
from engine.rulebook.parse import Parsed, parse_file, parse_rules
from engine.rulebook.schema import json_schema
from engine.rulebook.yaml_guard import load, plain
from engine.run.rule_tests import run_tests
from tests.rulebook.pack_faults import OWN_FAULTS, USE_FAULTS

VALIDATOR = Draft7Validator(json_schema())
FOCUS = """\
inputs:
  words: {type: list, default: [youtube, reddit], description: What distracts.}
  after: {type: duration, default: 10m}
  level: {type: number, default: 0.5}
  loud: {type: flag, default: true}
  how: {type: choice, choices: [warn, error], default: warn}
  at: {type: time, default: "18:00"}
  who: {type: text, default: somebody}
  tell: {type: route, default: default}
vars: {team: [ana, $who]}
defaults: {notify: $tell, tags: [focus]}
rules:
  - name: drift
    when: screen
    word: [$words, tiktok]
    where: {confidence: {gte: $level}, tell: drift}
    for: $after
    severity: $how
    message: "{{ vars.after }} of {{ vars.words[0] }}, {{ vars.team[1] }} is told at {{ vars.at }}; $words"
    tests:
      - given:
          - {at: 0m, screen: youtube, data: {confidence: 1, tell: drift}, end: 5m}
          - {at: 6m, screen: youtube, data: {confidence: 1, tell: drift}, end: 11m}
        expect: {fires: 1, message: "10m of youtube, somebody is told at 18:00; $words"}
      - given: [{at: 0m, screen: $words, data: {confidence: 1, tell: drift}, end: 15m}]
        expect: never
  - name: again
    enabled: $loud
    when: rule.drift
    until: rule.over
    contains: $$words
    where: {rule: rule.drift}
  - name: over
    at: $at
    escalate: [{after: 5m, notify: $tell}]
"""
PACKS = {
    "focus": FOCUS,
    "needy": "inputs: {who: {type: route}, what: {type: text, default: x}}\n"
             "rules: [{name: n, when: screen, contains: $what, notify: $who}]",
    "plain": "rules: [{name: p, when: screen}]",
    "broken": "inputs: {a: [\n",
    "bossy": "inputs: {a: {type: text, default: x}}\nrules: [{name: b, when: $a, notify: boss}]",
    "nested": "inputs: {a: {type: text, default: x}}\nrules: [{use: focus, with: {who: $a}}]",
    "wrong": "inputs: {a: {type: text, default: x}}\nrules: [{name: w, when: screen, contians: $a}]",
    "loud": "inputs: {a: {type: text, default: AI}}\nrules: [{name: l, when: screen, contains: $a}]",
}  # fmt: skip
NAMES = tuple(sorted(PACKS))


def find(using: str, name: str) -> PackFile | NoPack:
    assert using.startswith("rules/")
    if name == "secret":
        return NoPack("packs/secret.yaml: the file cannot be read")
    return PackFile(f"packs/{name}.yaml", PACKS[name].encode()) if name in PACKS else NoPack(known=NAMES)


def using(text: str) -> Parsed:
    return parse_rules([("rules/x.yaml", text.encode())], None, find)


def rules_of(text: str) -> dict[str, Rule]:
    parsed = using(text)
    assert [str(problem) for problem in parsed.problems] == []
    return {rule.name: rule for rule in parsed.rulebook.rules}


def test_a_pack_is_a_rule_file_that_runs_with_its_defaults() -> None:
    parsed = parse_rules([("packs/focus.yaml", FOCUS.encode())], None)
    assert [problem.message for problem in parsed.problems] == []
    assert [rule.name for rule in parsed.rulebook.rules] == ["focus-drift", "focus-again", "focus-over"]
    assert [rule.pack for rule in parsed.rulebook.rules] == ["", "", ""]
    results = list(run_tests(compile_rulebook(parsed.rulebook), parsed.rulebook.rules))
    assert [(result.test.name, result.mismatches) for result in results if not result.passed] == []
    assert len(results) == 2


def test_who_uses_a_pack_fills_its_blanks() -> None:
    rules = rules_of(
        "use: focus\nwith: {words: [netflix], after: 20m, level: 0.9, how: error, tell: [me, team], who: Ben}\n"
    )
    assert list(rules) == ["focus-drift", "focus-again", "focus-over"]
    drift = rules["focus-drift"]
    assert isinstance(drift.condition, AllOf)
    assert [part.needles for part in drift.condition.parts if isinstance(part, Text)] == [("netflix", "tiktok")]
    assert drift.window == Held(for_ms=1_200_000, gap_ms=90_000)
    assert (drift.severity, drift.notify, drift.tags) == ("error", ("me", "team"), ("focus",))
    assert "gte" in repr(drift.condition) and "0.9" in repr(drift.condition)
    variables = dict(drift.variables)
    assert (variables["team"], variables["after"], variables["tell"]) == (["ana", "Ben"], "20m", ["me", "team"])
    incident = rules["focus-over"].incident
    assert incident is not None and incident.steps[0].notify == ("me", "team")


def test_rules_of_a_pack_hear_each_other_under_their_new_names() -> None:
    again = rules_of("{use: focus, name: mine}")["mine-again"]
    heard = repr(again.condition)
    assert "mine-drift" in heard and "value='rule.drift'" in heard
    assert again.incident is not None and "mine-over" in repr(again.incident.until)
    assert "'$words'" in heard  # $$words is the text itself


def test_the_same_pack_can_be_used_twice_beside_other_rules() -> None:
    rules = rules_of(
        "rules:\n  - {name: own, when: rule.late-drift}\n  - use: focus\n"
        "  - {use: focus, name: late, with: {after: 1h}}\n"
    )
    assert list(rules) == [
        "own", "focus-drift", "focus-again", "focus-over", "late-drift", "late-again", "late-over",
    ]  # fmt: skip
    assert [rules[name].window for name in ("focus-drift", "late-drift")] == [
        Held(600_000, 90_000), Held(3_600_000, 90_000)
    ]  # fmt: skip


def test_defaults_of_a_file_stay_out_of_the_packs_it_uses() -> None:
    rules = rules_of("defaults: {notify: boss, severity: error}\nrules: [{use: focus}, {name: own, when: screen}]\n")
    assert (rules["focus-drift"].notify, rules["focus-drift"].severity) == (("default",), "warn")
    assert (rules["own"].notify, rules["own"].severity) == (("boss",), "error")


def test_tests_of_a_pack_that_is_used_do_not_run() -> None:
    assert [rule.tests for rule in rules_of("use: focus").values()] == [(), (), ()]


@pytest.mark.parametrize(
    ("line", "enabled"),
    [
        ("", [True, True, True]),
        ("enabled: true", [True, True, True]),
        ("enabled: false", [False, False, False]),
        ("without: [drift, over]", [False, True, False]),
        ("without: again", [True, False, True]),
        ("with: {loud: false}", [True, False, True]),
    ],
)
def test_rules_of_a_pack_can_be_switched_off(line: str, enabled: list[bool]) -> None:
    assert [rule.gates.enabled for rule in rules_of(f"use: focus\n{line}\n").values()] == enabled


def test_each_rule_says_which_pack_it_is_from_and_stands_at_the_use() -> None:
    rules = rules_of("rules:\n  - {name: own, when: screen}\n  - use: focus\n")
    assert {rule.pack for name, rule in rules.items() if name != "own"} == {"packs/focus.yaml"}
    assert {rule.span for name, rule in rules.items() if name != "own"} == {Span("rules/x.yaml", 3, 5, 3)}
    assert rules["own"].pack == ""


@pytest.mark.parametrize(("text", "code", "line", "column", "hint"), OWN_FAULTS)
def test_fault_in_a_pack(text: str, code: str, line: int, column: int, hint: str) -> None:
    problems = parse_file("rules/p.yaml", text.encode(), find).problems
    assert [(each.code, each.span.line, each.span.column) for each in problems] == [(code, line, column)]
    assert hint in problems[0].hint and problems[0].message


@pytest.mark.parametrize(("text", "code", "line", "column", "words"), USE_FAULTS)
def test_fault_where_a_pack_is_used(text: str, code: str, line: int, column: int, words: str) -> None:
    problems = using(text).problems
    places = {(each.code, each.span.file, each.span.line, each.span.column) for each in problems}
    assert places == {(code, "rules/x.yaml", line, column)}
    assert words in problems[0].message and problems[0].hint


def test_an_unknown_pack_is_told_with_all_there_are() -> None:
    (problem,) = using("use: fokus\n").problems
    assert problem.hint == "there is bossy, broken, focus, loud, needy, nested, plain or wrong"
    (problem,) = parse_rules([("rules/x.yaml", b"use: focus\n")], None).problems
    assert (problem.code, problem.hint) == ("unknown-pack", "a pack is a file in a folder called packs beside this one")


def test_the_names_of_a_pack_with_wrong_values_are_known_to_others() -> None:
    parsed = parse_rules(
        [("rules/x.yaml", b"use: focus\nwith: {after: no}\n"), ("rules/y.yaml", b"when: rule.focus-drift\n")],
        None,
        find,
    )
    assert [problem.code for problem in parsed.problems] == ["bad-duration"]


def test_warnings_are_about_the_value_that_was_filled_in_or_the_use() -> None:
    def warnings(text: str) -> list[tuple[str, int, int, str]]:
        found = lint_rules(using(text).files, Knowledge(strict=True))
        return [(each.code, each.span.line, each.span.column, each.message) for each in found]

    assert warnings("use: focus # see issue #1\n") == []
    told = 'rule loud-l of packs/loud.yaml: contains: "AI" (2 letters) also matches "afraid", "again"'
    assert [each[:3] for each in warnings("use: loud #1\n")] == [("short-needle", 1, 1)]
    assert warnings("use: loud\n")[0][3].startswith(told[:60])
    assert [each[:3] for each in warnings("use: loud\nwith:\n  a: IT\n")] == [("short-needle", 3, 6)]
    assert [each[:3] for each in warnings("use: loud\nwith:\n  a: team #general\n")] == [("swallowed-comment", 3, 6)]


def test_long_lists_in_many_blanks_are_refused() -> None:
    needles = ", ".join(f"w{number}" for number in range(3_000))
    blanks = "".join(f"  - {{name: r{number}, when: screen, word: [$a, x]}}\n" for number in range(10))
    text = f"inputs: {{a: {{type: list, default: [{needles}]}}}}\nrules:\n{blanks}"
    assert [problem.code for problem in parse_file("rules/p.yaml", text.encode()).problems] == ["too-large"]


def document(text: str) -> Any:
    node = load(text, "x.yaml").node
    assert node is not None
    return plain(node)


@pytest.mark.parametrize(
    "text",
    [
        FOCUS, PACKS["needy"], "use: focus", "{use: focus, name: mine, enabled: false, without: drift}",
        "use: focus\nwith: {words: [a, b], after: 10m, level: 0.5}",
        "defaults: {notify: me}\nrules: [{use: focus}, {name: own, when: screen}]",
        "inputs: {a: {type: text, default: x}}\nrules: [{name: n, when: $a, digest: {every: $a, at: [$a]}, count: $a,"
        " together: {b: {word: $a}, c: $a}, track: {key: $a, gap: $a}, expect: {max: $a}, active: $a, emit: {f: $a}}]",
    ],
)  # fmt: skip
def test_the_schema_takes_packs_and_who_uses_them(text: str) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(document(text))] == []


@pytest.mark.parametrize(
    "text",
    [
        "when: screen\ncooldown: $after",
        "rules: [{name: a, when: $x}]",
        "use: ../focus",
        "use: focus\nwhen: screen",
        "use: focus\nwith: {a: {b: c}}",
        "inputs: {a: {type: text}}",
        "inputs: {a: {type: duration, default: 10}}\nrules: [{name: n, when: screen, cooldown: $a}]",
        "inputs: {a: {type: choice}}\nrules: [{name: n, when: screen, cooldown: $a}]",
        "inputs: {a: {type: route, default: me}}\nrules: [{name: n, when: screen, notify: $a}]",
        "inputs: {a: {type: text}}\nrules: [{name: n, when: screen, cooldown: 5 minutes}]",
        "inputs: {a: {type: text}}\nrules: [{name: n, when: screen, contians: $a}]",
    ],
)
def test_the_schema_refuses(text: str) -> None:
    assert list(VALIDATOR.iter_errors(document(text)))


words = st.sampled_from(["$a", "$b", "$$a", "x", "rule.n", "screen", "5m", "[$a, $b]", "{any: [{word: $a}]}", "$"])
lines = st.dictionaries(
    st.sampled_from(["when", "word", "cooldown", "notify", "any", "where", "message", "classify", "by", "until"]),
    words, max_size=5,
)  # fmt: skip
given_values = st.sampled_from(["x", "5m", "[p, q]", "rule.n", "3", "true", "{k: v}", "''", "~"])


@settings(max_examples=150)
@given(lines, st.sampled_from(["text", "list", "duration", "route", "number", "flag"]), given_values, given_values)
def test_any_pack_with_any_values_gives_rules_or_problems_in_the_file_that_uses_it(
    keys: dict[str, str], kind: str, default: str, value: str
) -> None:
    rule = "".join(f"    {key}: {word}\n" for key, word in keys.items())
    pack = (
        f"inputs:\n  a: {{type: {kind}, default: {default}}}\n  b: {{type: text, default: z}}\n"
        f"rules:\n  - name: n\n{rule}"
    )
    parsed = parse_rules(
        [("rules/x.yaml", f"use: p\nwith: {{a: {value}}}\n".encode())],
        frozenset({"me"}),
        lambda _, __: PackFile("packs/p.yaml", pack.encode()),
    )
    assert parsed.problems or [rule.name for rule in parsed.rulebook.rules] == ["p-n"]
    assert {problem.span.file for problem in parsed.problems} <= {"rules/x.yaml"}
    assert all(problem.span.line in (1, 2) for problem in parsed.problems)
    assert all(remark.span.line in (1, 2) for remark in lint_rules(parsed.files, Knowledge(now_ms=0)))
