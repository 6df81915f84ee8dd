"""What only all files together can tell."""

from __future__ import annotations

import pytest

from engine.rulebook.parse import Parsed, join_files, parse_file, parse_rules


def parsed(*files: str, destinations: frozenset[str] | None = None) -> Parsed:
    return parse_rules([(f"rules/f{n}.yaml", text.encode()) for n, text in enumerate(files)], destinations)


def found(book: Parsed) -> list[tuple[str, str, int, int, str]]:
    return [
        (problem.code, problem.span.file, problem.span.line, problem.span.column, problem.message)
        for problem in book.problems
    ]


def names(book: Parsed) -> list[str]:
    return [rule.name for rule in book.rulebook.rules]


def test_names_are_unique_across_files_and_the_first_one_stays() -> None:
    book = parsed("name: a\nwhen: screen\n", "when: any\nname: a\n")
    message = 'the name "a" is taken by the rule at rules/f0.yaml:1:1'
    assert found(book) == [("repeated-name", "rules/f1.yaml", 2, 7, message)]
    assert names(book) == ["a"]


def test_a_name_may_come_from_the_file() -> None:
    book = parsed("when: screen\n", "name: f0\nwhen: screen\n")
    assert [problem.code for problem in book.problems] == ["repeated-name"]


def test_a_rule_that_is_listened_to_exists() -> None:
    book = parsed("name: usage\nwhen: screen\nemit: true\n", "when: [screen, rule.usge]\n", "when: rule.usage\n")
    message = 'when: there is no rule "usge"; did you mean "rule.usage"?'
    assert found(book) == [("unknown-rule", "rules/f1.yaml", 1, 16, message)]
    assert names(book) == ["usage", "f2"]


def test_a_name_in_a_block_is_looked_up_too() -> None:
    book = parsed("when: any\nnot: {when: rule.gone}\n")
    assert [(problem.code, problem.span.column) for problem in book.problems] == [("unknown-rule", 13)]


def test_a_rule_of_a_broken_file_still_counts_as_there() -> None:
    book = parsed("name: usage\nwhen: screen\nemit: 5\n", "when: rule.usage\n")
    assert [problem.code for problem in book.problems] == ["wrong-form"]
    assert names(book) == ["f1"]


def test_every_rule_can_be_listened_to() -> None:
    book = parsed("name: usage\nwhen: screen\n", "when: rule.usage\n")
    assert book.problems == ()
    assert names(book) == ["usage", "f1"]


@pytest.mark.parametrize(
    ("files", "chain"),
    [
        (["name: a\nwhen: rule.a\n"], "a -> a"),
        (["name: a\nwhen: rule.b\nemit: true\n", "name: b\nwhen: rule.a\nemit: true\n"], "a -> b -> a"),
        (
            [
                "name: a\nwhen: rule.c\nemit: true\n",
                "name: b\nany: [{when: rule.a}, {when: screen, word: x}]\nemit: true\n",
                "name: c\nwhen: [screen, rule.b]\nemit: true\n",
            ],
            "a -> b -> c -> a",
        ),
    ],
)
def test_a_loop_is_refused_and_told_once_in_the_order_of_events(files: list[str], chain: str) -> None:
    book = parsed(*files)
    assert [(problem.code, problem.message) for problem in book.problems] == [
        ("rule-loop", f"rules set each other off: {chain}")
    ]
    assert len(book.rulebook.rules) == len(files) - 1


@pytest.mark.parametrize(
    "files",
    [
        ["name: a\nwhen: rule.b\nemit: true\n", "name: b\nwhen: screen\nemit: true\n"],
        ["name: a\nwhen: rule.b\n", "name: b\nwhen: any\nemit: true\n"],
        ["name: a\nwhen: any\nemit: true\n"],
    ],
)
def test_a_chain_is_not_a_loop(files: list[str]) -> None:
    assert parsed(*files).problems == ()


def test_two_loops_that_share_no_rule_are_both_told() -> None:
    book = parsed("name: a\nwhen: rule.a\nemit: true\n", "name: b\nwhen: rule.b\nemit: true\n")
    assert [problem.code for problem in book.problems] == ["rule-loop", "rule-loop"]


@pytest.mark.parametrize(
    "text",
    [
        "name: a\ntogether: {x: {when: screen}, y: {when: rule.a}}\nwithin: 1m\n",
        "name: a\nsequence: [{x: {when: screen}}, {y: {not: {when: rule.a}}}]\nwithin: 1m\n",
        "name: a\nabsent: {when: rule.a}\nfor: 1m\n",
        "name: a\nwhen: screen\nuntil: rule.a\n",
        "name: a\nwhen: rule.a\ntrack: data.key\n",
    ],
)
def test_a_loop_through_a_pattern_or_an_end_is_a_loop(text: str) -> None:
    assert [(problem.code, problem.message) for problem in parsed(text).problems] == [
        ("rule-loop", "rules set each other off: a -> a")
    ]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("together: {x: {when: rule.b}, y: {when: any}}\nwithin: 1m\n", 22, 'when: there is no rule "b"'),
        ("sequence: [{x: {when: any}}, {y: {not: {when: rule.b}}}]\nwithin: 1m\n", 47, 'when: there is no rule "b"'),
        ("absent: {when: rule.b}\nfor: 1m\n", 16, 'when: there is no rule "b"'),
        ("until: [acked, rule.b]\nwhen: any\n", 16, 'until: there is no rule "b"'),
    ],
)
def test_a_rule_in_a_pattern_or_an_end_is_looked_up_too(text: str, column: int, message: str) -> None:
    assert found(parsed(text)) == [("unknown-rule", "rules/f0.yaml", 1, column, message)]


def test_destinations_of_an_escalation_are_known_too() -> None:
    text = "when: screen\nnotify: me\nescalate: [{after: 5m, notify: me}, {after: 9m, notify: [me, mee]}]\n"
    book = parsed(text, destinations=frozenset({"me"}))
    assert found(book) == [
        ("unknown-destination", "rules/f0.yaml", 3, 62, 'notify: no destination "mee"; did you mean "me"?')
    ]


def test_a_long_chain_is_walked_in_reasonable_time() -> None:
    rules = [f"  - {{name: r{n}, when: rule.r{n + 1}, emit: true}}\n" for n in range(1_000)]
    book = parsed("rules:\n" + "".join(rules) + "  - {name: r1000, when: rule.r0, emit: true}\n")
    assert [problem.code for problem in book.problems] == ["rule-loop"]


def test_destinations_are_known() -> None:
    book = parsed("when: screen\nnotify: [me, tean, console]\n", destinations=frozenset({"me", "team"}))
    message = 'notify: no destination "tean"; did you mean "team"?'
    assert found(book) == [("unknown-destination", "rules/f0.yaml", 2, 14, message)]
    assert book.problems[0].hint == "declare it in engine.yaml, or use one of console, default, me, team"


@pytest.mark.parametrize("destinations", [None, frozenset[str](), frozenset({"console"})])
def test_without_declared_destinations_every_name_will_do(destinations: frozenset[str] | None) -> None:
    assert parsed("when: screen\nnotify: [me, team]\n", destinations=destinations).problems == ()


def test_a_destination_from_defaults_is_placed_where_it_is_written() -> None:
    text = "rules:\n  - {name: a, when: screen}\ndefaults: {notify: mee}\n"
    book = parsed(text, destinations=frozenset({"me"}))
    assert [(problem.span.line, problem.span.column) for problem in book.problems] == [(3, 20)]


def test_the_last_good_version_of_a_file_joins_the_others() -> None:
    good = parse_file("rules/a.yaml", b"name: a\nwhen: screen\n")
    other = parse_file("rules/b.yaml", b"name: b\nwhen: screen\n")
    broken = parse_file("rules/a.yaml", b"name: a\nwhen: scren\n")
    assert broken.rules == ()
    assert names(join_files([good, other], None)) == ["a", "b"]
