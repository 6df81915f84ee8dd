"""Rules that load but seldom do what their author means."""

from __future__ import annotations

import pytest

from engine.rulebook.lint import LINTS, Knowledge, lint_rules
from engine.rulebook.parse import parse_file, parse_rules
from tests.rulebook.examples import EXAMPLES

DAY_MS = 86_400_000
NEW_YEAR_MS = 1_893_456_000_000  # 2030-01-01


def linted(text: str, knowledge: Knowledge | None = None) -> list[tuple[str, int, int]]:
    parsed = parse_file("rules/x.yaml", text.encode())
    assert all(problem.severity == "warning" for problem in parsed.problems)
    assert parsed.rules
    found = lint_rules([parsed], knowledge or Knowledge())
    assert all(problem.severity == "warning" and problem.hint for problem in found)
    return [(problem.code, problem.span.line, problem.span.column) for problem in found]


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("when: any\ncontains: [Slack, AI]\n", "short-needle", 2, 19),
        ("when: any\ncontains: AI\n", "short-needle", 2, 11),
        ("when: any\ncontains_all: [Slack, a]\n", "short-needle", 2, 23),
        ("when: any\nany: [{contains: [ai]}]\n", "short-needle", 2, 19),
        ("when: any\nunless: {contains: ai}\n", "short-needle", 2, 20),
        ("when: any\nclassify: {A: {contains: ai}}\n", "short-needle", 2, 26),
        ("when: any\nin: data.confidence\ncontains: 0.9\n", "number-as-text", 3, 11),
        ("when: any\nwhere: {confidence: '0.9'}\n", "number-as-text", 2, 21),
        ("when: any\ncontains: Slack #general\n", "swallowed-comment", 2, 11),
        ("when: any\ncontains: Slack #\n", "swallowed-comment", 2, 11),
        ("when: any\nmessage: see #launch now\n", "swallowed-comment", 2, 10),
        ("when: any\nwhere: {label: a\n  #b\n  }\n", "", 0, 0),
        ("when: transcript\nregex: '\\d+'\n", "costly-regex", 2, 8),
        ("when: session.failed\ncontains: disk full\n", "never-fires", 2, 11),
        ("when: transcript\nall: [{when: screen}]\n", "never-fires", 1, 1),
        ("when: any\nwhere: {n: {gt: 5, lt: 5}}\n", "never-fires", 2, 24),
        ("when: any\nwhere: {n: {gte: 6, lte: 5}}\n", "never-fires", 2, 26),
        ("when: any\nwhere: {n: {exists: false, gt: 1}}\n", "never-fires", 2, 32),
        ("when: any\nsource: micc\n", "unknown-source", 2, 9),
        ("together: {a: {when: any, contains: ai}, b: {when: screen}}\nwithin: 1m\n", "short-needle", 1, 37),
        ("sequence: [{a: {when: any}}, {b: {not: {when: any, contains: ai}}}]\nwithin: 1m\n", "short-needle", 1, 62),
        ("absent: {when: alert, contains: ai}\nfor: 5m\n", "short-needle", 1, 33),
        ("together: {a: {when: any, source: micc}, b: {when: screen}}\nwithin: 1m\n", "unknown-source", 1, 35),
        ("together: {a: {when: transcript, regex: '\\d+'}, b: {when: screen}}\nwithin: 1m\n", "costly-regex", 1, 41),
        ("when: screen\ntogether: {a: {word: x}, b: {when: alert}}\nwithin: 1m\n", "never-fires", 2, 26),
        ("together: {a: {when: session.failed, word: x}, b: {when: alert}}\nwithin: 1m\n", "never-fires", 1, 44),
        ("when: alert\nsequence: {a: {where: {n: {gt: 5, lt: 5}}}, b: {word: x}}\nwithin: 1m\n", "never-fires", 2, 39),
        ("when: screen\nabsent: {when: alert}\nfor: 1m\n", "never-fires", 2, 1),
        ("absent: {when: transcript}\nfor: 1m\n", "endless-silence", 1, 1),
        ("when: [screen, audio]\ncount: {at_most: 1, within: 1h}\n", "endless-silence", 2, 1),
        ("when: screen\ntrack: _.class\n", "unlabelled", 2, 1),
        ("when: screen\nchanges: _.class\n", "unlabelled", 2, 1),
        ("when: screen\nfirst_seen: {path: _.class}\n", "unlabelled", 2, 1),
        ("when: screen\ncount: {at_least: 2, within: 1h, distinct: _.class}\n", "unlabelled", 2, 1),
        ("when: screen\nby: [_.stream, _.class]\n", "unlabelled", 2, 1),
        ("when: screen\ndigest: {or_at: 5}\n", "untold-rest", 2, 1),
        ("when: screen\nresolve: see #launch\nuntil: session.active\n", "swallowed-comment", 2, 10),
        ("when: any\nsource: [display, sytem_audio]\n", "unknown-source", 2, 19),
    ],
)
def test_trap(text: str, code: str, line: int, column: int) -> None:
    assert linted(text) == ([(code, line, column)] if code else [])


@pytest.mark.parametrize(
    "text",
    [
        "when: any\nword: AI\n",
        "when: any\ncontains: AI\ncase: exact\n",
        "when: any\ncontains: xyz\n",
        "when: any\ncontains: [Slack, 世界, 42]\n",
        "when: any\nin: data.text\ncontains: 5\n",
        "when: any\nwhere: {confidence: 0.9, label: v1}\n",
        "when: any\ncontains: Slack # the program\n",
        "when: any\ncontains: 'Slack #general'\n",
        "when: any\ncooldown: 5m #why\n",
        "when: any\ncontains: ready\nregex: '\\d+'\n",
        "when: session.failed\nin: data.error\ncontains: disk full\n",
        "when: [session.failed, alert]\ncontains: disk full\n",
        "when: any\nwhere: {n: {gte: 5, lte: 5}}\n",
        "when: any\nwhere: {n: {gt: 1}, m: {lt: 0}}\n",
        "when: any\nsource: [mic, 'mi*', 'mic:usb', studio]\n",
        "together: {a: {when: session.failed}, b: {when: transcript, contains: disk full}}\nwithin: 1m\n",
        "absent: {when: transcript}\nfor: 1m\nwhile: session.active\n",
        "absent: {when: capture.heartbeat}\nfor: 5m\n",
        "absent: {when: any}\nfor: 5m\n",
        "when: screen\ntrack: _.class\nclassify: {Chat: {word: slack}}\n",
        "when: screen\ndigest: {or_at: 5, at: session_end}\n",
        "every: 30m\n",
    ],
)
def test_no_trap(text: str) -> None:
    assert linted(text) == []


def test_the_words_of_the_short_needle() -> None:
    (problem,) = lint_rules([parse_file("x.yaml", b"when: any\ncontains: AI\n")], Knowledge())
    assert problem.message == 'contains: "AI" (2 letters) also matches "main", "said"'
    assert problem.hint == "use word: AI"
    assert problem.line_text == "contains: AI"


def test_without_any_destination_names_go_to_the_console() -> None:
    text = "when: any\nnotify: [me, console]\n"
    assert linted(text, Knowledge(destinations=frozenset({"console"}))) == [("no-destination", 2, 9)]
    assert linted(text, Knowledge(destinations=frozenset({"team"}))) == []
    assert linted("when: any\nnotify: console\n", Knowledge(destinations=frozenset())) == []
    assert linted(text) == []


def test_tests_are_asked_for_only_under_strict() -> None:
    assert linted("when: any\n", Knowledge(strict=True)) == [("missing-tests", 1, 1)]
    with_test = "when: any\ntests: [{given: [{at: 0s, screen: x}], expect: 1}]\n"
    assert linted(with_test, Knowledge(strict=True)) == []


@pytest.mark.parametrize(
    ("now_ms", "codes"),
    [
        (None, []),
        (NEW_YEAR_MS - 7 * DAY_MS, []),
        (NEW_YEAR_MS - 6 * DAY_MS, ["expires-soon"]),
        (NEW_YEAR_MS, ["expires-soon"]),
        (NEW_YEAR_MS + DAY_MS, ["expired"]),
    ],
)
def test_expiry_is_told_a_week_before(now_ms: int | None, codes: list[str]) -> None:
    found = linted("when: any\nexpires: 2030-01-01\n", Knowledge(now_ms=now_ms))
    assert [code for code, _, _ in found] == codes


def test_the_days_left_are_counted() -> None:
    file = parse_file("x.yaml", b"when: any\nexpires: 2030-01-01\n")
    (soon,) = lint_rules([file], Knowledge(now_ms=NEW_YEAR_MS - 2 * DAY_MS))
    assert soon.message == "expires: the rule switches itself off in 3 days"
    (last,) = lint_rules([file], Knowledge(now_ms=NEW_YEAR_MS + 1))
    assert last.message == "expires: the rule switches itself off in 1 day"


def test_the_examples_are_clean() -> None:
    files = [(f"rules/{name}.yaml", text.encode()) for name, text in EXAMPLES.items() if name != "many"]
    parsed = parse_rules(files, None)
    assert lint_rules(parsed.files, Knowledge(now_ms=0)) == ()


def test_every_lint_says_what_it_warns_of() -> None:
    assert all((lint.__doc__ or "").startswith("Warn ") for lint in LINTS)
