"""Rule files to rules: what each form means."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.core.compile import compile_rulebook
from engine.model.condition import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Equals,
    Exists,
    Filter,
    FromSource,
    Glob,
    InState,
    Kinds,
    Matches,
    Not,
    OneOf,
    Selector,
    Text,
    Where,
)
from engine.model.errors import Span
from engine.model.rule import Dedup, Limit, Rule
from engine.rulebook.keys import KEYS, LATER_KEYS, RULE_KEYS
from engine.rulebook.parse import parse_file, parse_rules
from tests.rulebook.examples import EXAMPLES, files_of


def rules(text: str, file: str = "rules/x.yaml") -> tuple[Rule, ...]:
    parsed = parse_file(file, text.encode())
    assert parsed.problems == ()
    return parsed.rules


def rule(text: str) -> Rule:
    (only,) = rules(text)
    return only


def bare(condition: Condition) -> Any:
    """Return the condition without its places."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return (type(condition), *map(bare, parts))
        case Not(part):
            return (Not, bare(part))
        case Text(op, needles, paths, exact):
            return Text(op, needles, paths, exact)
        case Where(path, test):
            return Where(path, test)
        case Filter(expression):
            return Filter(expression)
        case _:
            return condition


def parts(text: str) -> list[Any]:
    condition = rule(text).condition
    assert isinstance(condition, AllOf)
    return [bare(part) for part in condition.parts]


ANY = Kinds((Selector("any"),))


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_load_without_problems(name: str) -> None:
    parsed = parse_rules(files_of(name), frozenset())
    assert parsed.problems == ()
    assert parsed.rulebook.rules


def test_examples_compile() -> None:
    files = [(f"rules/{name}.yaml", text.encode()) for name, text in EXAMPLES.items() if name != "simplest"]
    parsed = parse_rules(files, None)
    assert len(compile_rulebook(parsed.rulebook).rules) == len(parsed.rulebook.rules) == 17


def test_a_rule_takes_the_name_of_its_file_on_every_system() -> None:
    assert rules("when: screen\n", "rules/slack on.d/meeting-words.yaml")[0].name == "meeting-words"
    assert rules("when: screen\n", "rules\\sub\\meeting-words.yml")[0].name == "meeting-words"


def test_a_file_name_that_is_no_rule_name_asks_for_one() -> None:
    (problem,) = parse_file("rules/two words.yaml", b"when: screen\n").problems
    assert (problem.code, problem.hint) == ("bad-name", "add name: two-words")


def test_empty_files_are_a_warning() -> None:
    for content in (b"", b"# when: screen\n", b"null\n"):
        parsed = parse_file("rules/x.yaml", content)
        assert [(problem.code, problem.severity) for problem in parsed.problems] == [("empty-file", "warning")]


@pytest.mark.parametrize(
    ("when", "selectors"),
    [
        ("transcript", [("transcript", None)]),
        ("[scene_index, screen, visual_index]", [("visual_index", None)]),
        ("[audio, spoken_index]", [("audio_index", None)]),
        ("session", [("session", None)]),
        ("[session.failed, session.stop_requested]", [("session", "failed"), ("session", "stop_requested")]),
        ("rule.app-usage", [("rule", "app-usage")]),
        ("engine.rule_error", [("engine", "rule_error")]),
        ("any", [("any", None)]),
    ],
)
def test_when(when: str, selectors: list[tuple[str, str | None]]) -> None:
    assert parts(f"when: {when}\n") == [Kinds(tuple(Selector(*each) for each in selectors))]


CONDITIONS: list[tuple[str, Any]] = [
    ("contains: Slack", Text("contains", ("Slack",))),
    ("contains: 5", Text("contains", ("5",))),
    ("contains: 1.50", Text("contains", ("1.50",))),
    ("contains: no", Text("contains", ("no",))),
    ("contains: [a, b, a]", Text("contains", ("a", "b"))),
    ("contains_all: [a, b]", Text("contains_all", ("a", "b"))),
    ("word: deadline*", Text("word", ("deadline*",))),
    ("regex: ['a+', 'b']", Text("regex", ("a+", "b"))),
    ("source: [mic, 'display:*']", FromSource(("mic", "display:*"))),
    ("filter: \"has(_.text, 'x')\"", Filter("has(_.text, 'x')")),
    ("where: {label: a}", Where("label", Equals("a"))),
    ("where: {n: 5}", Where("n", Equals(5))),
    ("where: {n: '5'}", Where("n", Equals("5"))),
    ("where: {b: true}", Where("b", Equals(True))),
    ("where: {label: null}", Where("label", Exists(False))),
    ("where: {label: 'a*'}", Where("label", Glob("a*"))),
    ("where: {label: [a, 5]}", Where("label", OneOf(("a", 5)))),
    ("where: {label: ['a*', b]}", (AnyOf, Where("label", OneOf(("b",))), Where("label", Glob("a*")))),
    ("where: {label: {in: [a, b]}}", Where("label", OneOf(("a", "b")))),
    ("where: {label: {ne: a}}", (Not, Where("label", Equals("a")))),
    ("where: {label: {ne: null}}", Where("label", Exists(True))),
    ("where: {label: {exists: false}}", Where("label", Exists(False))),
    ("where: {label: {glob: a}}", Where("label", Glob("a"))),
    ("where: {label: {regex: 'a+'}}", Where("label", Matches("a+"))),
    ("where: {n: {lt: 5}}", Where("n", Compare("lt", 5))),
    ("where: {data.n: {lte: 0.5}}", Where("data.n", Compare("lte", 0.5))),
    ("any: [{contains: a}, {word: b}]", (AnyOf, Text("contains", ("a",)), Text("word", ("b",)))),
    ("any: [{contains: a, word: b}]", (AnyOf, (AllOf, Text("contains", ("a",)), Text("word", ("b",))))),
    ("not: {contains: a}", (Not, Text("contains", ("a",)))),
    ("not: [{contains: a}, {word: b}]", (Not, (AnyOf, Text("contains", ("a",)), Text("word", ("b",))))),
    ("except: [{contains: a}]", (Not, (AnyOf, Text("contains", ("a",))))),
    ("not: {when: alert}", (Not, Kinds((Selector("alert"),)))),
]


@pytest.mark.parametrize(("line", "condition"), CONDITIONS)
def test_condition(line: str, condition: Any) -> None:
    assert parts(f"when: any\n{line}\n") == [ANY, condition]


def test_conditions_are_joined_whatever_their_order() -> None:
    wanted = [
        Kinds((Selector("alert"),)),
        Text("contains", ("a",)),
        Where("n", Compare("gt", 1)),
        Where("n", Compare("lt", 5)),
        Where("label", Equals("x")),
        Text("word", ("b",)),
    ]
    assert parts("when: alert\ncontains: a\nwhere: {n: {gt: 1, lt: 5}, label: x}\nall: [{word: b}]\n") == wanted
    assert parts("all: [{word: b}]\nwhere: {n: {gt: 1, lt: 5}, label: x}\ncontains: a\nwhen: alert\n") == wanted


def test_in_and_case_go_down_into_blocks_unless_these_say_otherwise() -> None:
    text = """
when: any
in: data.a
case: exact
contains: x
any: [{word: y}, {word: z, in: [data.b, data.c], case: ignore}]
where: {label: {regex: w}}
classify: {A: {word: v}}
unless: {word: u}
"""
    only = rule(text)
    assert parts(text) == [
        ANY,
        Text("contains", ("x",), ("data.a",), True),
        Where("label", Matches("w", True)),
        (AnyOf, Text("word", ("y",), ("data.a",), True), Text("word", ("z",), ("data.b", "data.c"), False)),
    ]
    assert bare(only.classify[0][1]) == Text("word", ("v",), ("data.a",), True)
    assert only.gates.unless is not None
    assert bare(only.gates.unless) == Text("word", ("u",), ("data.a",), True)


@pytest.mark.parametrize("line", ["in: data.a", "case: exact"])
def test_options_for_texts_further_down_have_an_effect(line: str) -> None:
    rule(f"when: any\n{line}\nany: [{{all: [{{not: {{word: x}}}}]}}]\n")
    rule(f"when: any\n{line}\nclassify: {{A: {{word: x}}, else: B}}\n")


def test_without_when_a_rule_looks_at_every_event_but_our_own() -> None:
    assert parts("where: {label: a}\n")[0] == ANY
    assert parts("filter: data.a == 'b'\n")[0] == ANY
    assert parts("any: [{when: screen, contains: x}, {contains: y}]\n")[0] == ANY


def test_without_when_blocks_that_name_kinds_are_enough() -> None:
    found = parts("any: [{when: rule.a}, {when: screen, contains: x}]\n")
    screen = (AllOf, Kinds((Selector("visual_index"),)), Text("contains", ("x",)))
    assert found == [(AnyOf, Kinds((Selector("rule", "a"),)), screen)]


def test_gates() -> None:
    gates = rule(
        "when: any\nenabled: false\nexpires: 2030-01-01\ncooldown: 1h30m\ndedup: 5m\nlimit: 3/10m\n"
        "active: mon-fri 09:00-18:00\nquiet: 22:00-07:00\nunless: session.active\n"
    ).gates
    assert gates.enabled is False
    assert gates.expires_ms == 1_893_542_400_000
    assert gates.cooldown_ms == 5_400_000
    assert gates.dedup == Dedup(("_.text",), 300_000)
    assert gates.limit == Limit(3, 600_000)
    assert gates.unless == InState("active")
    assert gates.active is not None and len(gates.active.spans) == 5
    assert gates.quiet is not None and gates.quiet.source == "22:00-07:00"
    assert rule("when: any\ndedup: {key: [a, b.c], for: 1h}\n").gates.dedup == Dedup(("a", "b.c"), 3_600_000)


def test_actions() -> None:
    plain = rule("when: any\n")
    assert (plain.notify, plain.title, plain.message, plain.record, plain.emit) == (
        ("default",),
        None,
        None,
        None,
        None,
    )
    full = rule("when: any\nnotify: [a, b, a]\nrecord: usage\nemit: {x: '{{ _.text }}', n: 5}\nmessage: 5\n")
    assert full.notify == ("a", "b")
    assert full.record == "usage.jsonl"
    assert full.emit is not None
    assert [(name, template.parts) for name, template in full.emit.fields] == [("x", ("", "_.text", "")), ("n", ("5",))]
    assert full.message is not None and full.message.parts == ("5",)
    assert rule("when: any\nemit: false\n").emit is None
    assert (emitted := rule("when: any\nemit: true\n").emit) is not None and emitted.fields == ()


def test_classify_keeps_its_order() -> None:
    only = rule("when: any\nclassify: {B: {word: b}, else: C, A: {contains: a}}\n")
    assert [label for label, _ in only.classify] == ["B", "A"]
    assert only.classify_else == "C"


def test_defaults_fill_in_and_a_rule_may_say_otherwise() -> None:
    text = """
defaults: {notify: team, severity: warn, case: exact, cooldown: 5m, when: screen}
rules:
  - {name: a, contains: x}
  - {name: b, when: session.failed, notify: me, severity: error}
vars: {x: 1, y: [a, 2], z: text}
"""
    first, second = rules(text)
    assert (first.notify, first.severity, first.gates.cooldown_ms) == (("team",), "warn", 300_000)
    assert (second.notify, second.severity) == (("me",), "error")
    assert bare(first.condition)[2] == Text("contains", ("x",), exact=True)
    assert first.variables == second.variables == (("x", 1), ("y", ["a", 2]), ("z", "text"))


def test_vars_may_stand_beside_a_single_rule() -> None:
    assert rule("when: any\nvars: {x: 1}\n").variables == (("x", 1),)


def test_places_are_kept() -> None:
    only = rule("when: any\ncontains: Slack\nfilter: |\n  has(_.text, 'x')\nmessage: hi\n")
    assert isinstance(only.condition, AllOf)
    _, text, expression = only.condition.parts
    assert isinstance(text, Text) and text.span == Span("rules/x.yaml", 2, 11, 5)
    assert isinstance(expression, Filter) and expression.span == Span("rules/x.yaml", 4, 3, 16)
    assert only.message is not None and only.message.span == Span("rules/x.yaml", 5, 10, 2)


def test_a_warning_keeps_the_rule() -> None:
    parsed = parse_file("rules/x.yaml", b"when: any\nfilter: data.is_final == true\n")
    assert [(each.code, each.severity, each.span.column) for each in parsed.problems] == [
        ("bare-constant", "warning", 26)
    ]
    assert len(parsed.rules) == 1


@pytest.mark.parametrize("key", sorted(LATER_KEYS))
def test_a_key_of_later_versions_is_known_by_name(key: str) -> None:
    (problem,) = parse_file("rules/x.yaml", f"when: any\n{key}: 5m\n".encode()).problems
    assert (problem.code, problem.span.line, problem.span.column) == ("not-available", 2, 1)
    assert problem.message == f"`{key}` is not available in this version"


def test_the_table_names_each_key_once() -> None:
    assert len({key.name for key in KEYS}) == len(KEYS) == len(RULE_KEYS) + len(LATER_KEYS)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
words = st.sampled_from(
    [*RULE_KEYS, *sorted(LATER_KEYS), "rules", "defaults", "vars", "else", "at", "given", "screen", "{{"]
)
values = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(words, values, max_size=6))
def test_any_mapping_gives_rules_or_problems_and_never_raises(document: dict[str, Any]) -> None:
    content = yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "replace")
    parsed = parse_rules([("rules/x.yaml", content), ("rules/y.yaml", content)], frozenset({"me"}))
    assert parsed.problems or parsed.rulebook.rules
    for problem in parsed.problems:
        assert problem.span.file in ("rules/x.yaml", "rules/y.yaml")
        assert problem.code and problem.message


@given(
    st.dictionaries(st.sampled_from(["given", "expect", "until", "start", "name", "same_under"]), values, max_size=6)
)
def test_any_test_gives_problems_or_a_test_and_never_raises(test: dict[str, Any]) -> None:
    content = yaml.safe_dump({"when": "any", "tests": [test]}, allow_unicode=True).encode("utf-8", "replace")
    parsed = parse_file("rules/x.yaml", content)
    assert parsed.problems or parsed.rules[0].tests


@given(st.binary(max_size=60) | st.text(alphabet="when: [{}]\"'\n-screen|>&*!#%", max_size=60).map(str.encode))
def test_any_bytes_are_read_without_raising(content: bytes) -> None:
    parsed = parse_file("rules/x.yaml", content)
    assert parsed.problems or parsed.rules


def test_a_thousand_rules_are_parsed_in_two_seconds_of_processor_time() -> None:
    files = [
        (f"rules/r{n}.yaml", f"when: screen\nword: [deadline{n}, blocker]\nnotify: me\n".encode()) for n in range(1_000)
    ]
    begin = time.process_time()
    parsed = parse_rules(files, frozenset({"me"}))
    assert time.process_time() - begin < 2.0
    assert len(parsed.rulebook.rules) == 1_000
