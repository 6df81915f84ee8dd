"""What an author gets wrong: code, place and remedy of every fault, one fault a row."""

from __future__ import annotations

import pytest

from engine.rulebook.parse import parse_rules
from tests.rulebook.time_faults import TIME_FAULTS

KINDS = (
    "use transcript, visual_index, audio_index, alert, session, engine, capture or any, "
    "session.<status>, rule.<name>, engine.<event> or capture.<fact>"
)
STATUSES = "use created, starting, active, stopping, stop_requested, stopped, exported or failed"
SUBJECTS = (
    "use one of screen, visual_index, scene_index, transcript, audio, audio_index, alert, session, raw, recording, "
    "engine, ack, snooze, mock or route"
)

# fmt: off
# (file, code, line, column, hint); the hints of jmespath and regex faults are tested beside those.
FAULTS: list[tuple[str, str, int, int, str | None]] = [
    ("when: screen\ncontians: Slack\n", "unknown-key", 2, 1, "rename it to contains"),
    ("whn: screen\ncontains: Slack\n", "unknown-key", 1, 1, "rename it to when"),
    ("when: screen\nzzz: 1\n", "unknown-key", 2, 1, "docs/rules.md lists the known keys"),
    ("when: screen\ndialect: strict\n",
     "not-available", 2, 1, "remove it; docs/rules.md lists the keys of this version"),
    ("when: screen\ncontains: Slack\nrules_: []\n", "unknown-key", 3, 1, "rename it to rules"),
    ("contains: Slack\n",
     "missing-when", 1, 1, "add when: transcript, when: screen or when: any; only where, filter and blocks do without"),
    ("name: a b\nwhen: screen\n", "bad-name", 1, 7, "write a-b"),
    ("name: \nwhen: screen\n", "empty-value", 1, 6, "write a value after name:, or remove the key"),
    ("when: scren\n", "unknown-value", 1, 7, KINDS),
    ("when: transcripts\n", "unknown-value", 1, 7, KINDS),
    ("when: session.failled\n", "unknown-value", 1, 7, STATUSES),
    ("when: session.\n", "unknown-value", 1, 7, STATUSES),
    ("when: rule\n", "unknown-value", 1, 7, KINDS),
    ("when: rule.a b\n", "unknown-value", 1, 7, "write rule.<name>"),
    ("when: []\n", "empty-list", 1, 7, "name at least one, or remove when"),
    ("when: {a: 1}\n", "wrong-form", 1, 7, "write when: some text"),
    ("when: screen\ncontains: \"\"\n", "empty-needle", 2, 11, "write what to look for"),
    ("when: screen\ncontains: []\n", "empty-list", 2, 11, "name at least one, or remove contains"),
    ("when: screen\ncontains: [Slack, \"  \"]\n", "empty-needle", 2, 19, "write what to look for"),
    ("when: screen\ncontains: #general\n", "empty-value", 2, 10, "# begins a comment; put #general in quotes"),
    ("when: screen\ncontains: {word: x}\n", "wrong-form", 2, 11, "write contains: some text"),
    ("when: screen\nword: [[a]]\n", "wrong-form", 2, 8, "write word: some text"),
    ("when: screen\nregex: 'a(b'\n", "bad-regex", 2, 10, None),
    ("when: screen\nregex: [ok, \"\\\\d+ [x\"]\n", "bad-regex", 2, 19, None),
    ("when: screen\ncontains: Slack\ncase: sensitive\n", "unknown-value", 3, 7, "use ignore or exact"),
    ("when: screen\ncase: exact\n", "no-effect", 2, 1, "add contains, contains_all, word or regex, or remove it"),
    ("when: session.failed\nin: data.error\n",
     "no-effect", 2, 1, "add contains, contains_all, word or regex, or remove it"),
    ("when: screen\nfilter: contains(data.text, \"Slack\")\n", "quoted-operand", 2, 29, None),
    ("when: screen\nfilter: 'foo(data.text)'\n", "unknown-function", 2, 10, None),
    ("when: screen\nfilter: \"\"\n", "empty-value", 2, 9, "write an expression, such as has(_.text, 'Slack')"),
    ("when: screen\nfilter: |\n  has(_.text, 'Slack') &&\n  foo(data.text)\n", "unknown-function", 4, 3, None),
    ("when: screen\nwhere: label\n", "wrong-form", 2, 8, "such as where: {label: invoice}"),
    ("when: screen\nwhere: {}\n", "empty-value", 2, 8, "such as where: {label: invoice}"),
    ("when: screen\nwhere: {confidence: {gte: \"0.8\"}}\n", "wrong-form", 2, 27, "write it without quotes"),
    ("when: screen\nwhere: {confidence: {gte: true}}\n", "wrong-form", 2, 27, "such as 0.8"),
    ("when: screen\nwhere: {label: []}\n", "empty-list", 2, 16, "such as [low, high]"),
    ("when: screen\nwhere: {label: {eq: a}}\n", "no-effect", 2, 17, "write the value itself after the path"),
    ("when: screen\nwhere: {label: {gtee: 1}}\n", "unknown-key", 2, 17, "rename it to gte"),
    ("when: screen\nwhere: {label: {exists: maybe}}\n", "wrong-form", 2, 25, "write exists: true"),
    ("when: screen\nwhere: {label: {regex: \"(\"}}\n", "bad-regex", 2, 25, None),
    ("when: screen\nwhere: {\"data.[\": 1}\n", "syntax", 2, 16, None),
    ("when: screen\nwhere: {label: {ne: [a, b]}}\n", "wrong-form", 2, 21, "write not: {where: {label: [a, b]}}"),
    ("when: screen\nany: {contains: x}\n",
     "wrong-form", 2, 6, "put a dash before the block, or write any: [{contains: Slack}]"),
    ("when: screen\nany: []\n", "empty-list", 2, 6, "add a block, or remove any"),
    ("when: screen\nnot: {}\n", "empty-value", 2, 6, "such as {contains: Slack}"),
    ("when: screen\nany: [{notify: me, contains: x}]\n", "no-effect", 2, 8, "write it at the rule, not in a block"),
    ("when: screen\nexcept: {word: test}\n",
     "wrong-form", 2, 9, "put a dash before the block, or write except: [{contains: Slack}]"),
    ("when: screen\nnot: [{contians: x}]\n", "unknown-key", 2, 8, "rename it to contains"),
    ("when: screen\nclassify: {else: Other}\n", "no-effect", 2, 11, "add a label: {Chat: {word: slack}}"),
    ("when: screen\nclassify: {Chat: slack}\n", "wrong-form", 2, 18, "such as {contains: Slack}"),
    ("when: screen\nelse: Other\n", "no-effect", 2, 1, "write it under classify"),
    ("when: screen\nseverity: warning\n", "unknown-value", 2, 11, "use info, warn, error or critical"),
    ("when: screen\nseverity: urgent\n", "unknown-value", 2, 11, "use info, warn, error or critical"),
    ("when: screen\nenabled: yes\n", "wrong-form", 2, 10, "write enabled: true"),
    ("when: screen\nexpires: tomorrow\n", "bad-date", 2, 10, "write year-month-day: 2027-01-31"),
    ("when: screen\ncooldown: 5 minutes\n", "bad-duration", 2, 11, "write 5m"),
    ("when: screen\ncooldown: 5\n", "bad-duration", 2, 11, "write 5s for seconds, 5m for minutes"),
    ("when: screen\ncooldown:\n", "empty-value", 2, 10, "write a value after cooldown:, or remove the key"),
    ("when: screen\ndedup: {key: label}\n", "missing-key", 2, 8, "such as dedup: {key: label, for: 1h}"),
    ("when: screen\ndedup: {keys: label, for: 1h}\n", "unknown-key", 2, 9, "rename it to key"),
    ("when: screen\nlimit: 10\n", "bad-limit", 2, 8, "write 10/h, 3/10m or 20/day"),
    ("when: screen\nactive: 9-17\n", "bad-hours", 2, 9, "write 09:00-18:00 or mon-fri 09:00-18:00"),
    ("when: screen\nquiet: 22:00-07:00\nseverity: critical\n",
     "no-effect", 2, 1, "critical messages pass quiet hours; use active, or a lower severity"),
    ("when: screen\npartials: early\n",
     "no-effect", 2, 1, "only transcripts come in parts; remove it, or add transcript to when"),
    ("when: screen\nunless: active\n",
     "unknown-value", 2, 9, "write unless: session.active, or a block such as {word: test}"),
    ("when: screen\nunless: session.activ\n", "unknown-value", 2, 9, STATUSES),
    ("when: screen\nnotify: []\n", "empty-list", 2, 9, "name at least one, or remove notify"),
    ("when: screen\nnotify: slack://TokenA/TokenB\n",
     "url-in-rule", 2, 9, "declare it in engine.yaml under destinations and write its name here"),
    ("when: screen\nnotify: [me, \"a b\"]\n", "bad-name", 2, 14, "write a-b"),
    ("when: screen\nmessage: \"hello {{ _.text\"\n",
     "template-unclosed", 2, 17, "add }}, or write {{ '{{' }} for two braces"),
    ("when: screen\nmessage: \"hello {{ }} there\"\n",
     "template-empty", 2, 17, "write a field in it, such as {{ _.text }}"),
    ("when: screen\ntitle: \"{{ foo(_.text) }}\"\n", "unknown-function", 2, 12, None),
    ("when: screen\nmessage: \"it''s {{ has(_.text, \\\"Slack\\\") }}\"\n", "quoted-operand", 2, 32, None),
    ("when: screen\nrecord: ../x\n",
     "bad-file-name", 2, 9, "write a name such as usage.jsonl: letters, digits, dot, dash and underscore, no folder"),
    ("when: screen\nemit: 5\n", "wrong-form", 2, 7, "write emit: true"),
    ("when: screen\nemit: {\"a b\": x}\n", "bad-name", 2, 8, "letters, digits and underscores, a letter first"),
    ("when: screen\nby: foo(\n", "syntax", 2, 8, None),
    ("when: screen\ndefaults: {notify: me}\n", "no-effect", 2, 1, "write it at the top of a file with rules:"),
    ("rules: []\n", "wrong-form", 1, 8, "put a dash before each rule"),
    ("rules:\n  - when: screen\n", "missing-key", 2, 5, "add name: slack-on-screen"),
    ("rules:\n  - name: a\n    when: screen\nwhen: screen\n", "no-effect", 4, 1, "write it in a rule under rules:"),
    ("rules:\n  - {name: a, when: screen, vars: {x: 1}}\n", "no-effect", 2, 29, "write it at the top of the file"),
    ("rules:\n  - {name: a, when: screen}\ndefaults: {contains: x}\n",
     "no-effect", 3, 12, "write it at each rule: it is a rule's own"),
    ("rules:\n  - {name: a, when: screen}\nvars: {x: {y: 1}}\n",
     "wrong-form", 3, 11, "such as vars: {team: [ann, ben]}"),
    ("- when: screen\n", "wrong-form", 1, 1, "write keys, such as when: screen; several rules go under rules:"),
    ("just text\n", "wrong-form", 1, 1, "write keys, such as when: screen; several rules go under rules:"),
    ("when: screen\ntests: {given: []}\n", "wrong-form", 2, 8, "put a dash before each test"),
    ("when: screen\ntests: [{expect: never}]\n", "missing-key", 2, 9, "such as given: [{at: 0s, screen: Slack}]"),
    ("when: screen\ntests: [{given: [{at: 0s, screen: x}]}]\n",
     "test-cannot-fail", 2, 9, "write expect: never, expect: 1 or expect: {fires_at: [0s]}"),
    ("when: screen\ntests: [{given: [{at: 0s, screen: x}], expect: {}}]\n",
     "test-cannot-fail", 2, 48, "such as expect: {fires_at: [0s]}"),
    ("when: screen\ntests: [{given: [{at: 0s, screen: x}], expect: {fire: 1}}]\n",
     "unknown-key", 2, 49, "rename it to fires"),
    ("when: screen\ntests: [{given: [{at: 0s, screen: x}], expect: {resolve_at: [1s]}}]\n",
     "unknown-key", 2, 49, "rename it to resolves_at"),
    ("when: screen\ntests: [{given: [{at: 0s, screen: x, transcript: y}], expect: 1}]\n", "bad-given", 2, 18, SUBJECTS),
    ("when: screen\ntests: [{given: [{at: 0s}], expect: 1}]\n", "bad-given", 2, 18, SUBJECTS),
    ("when: screen\ntests: [{given: [{screen: x}], expect: 1}]\n",
     "missing-key", 2, 18, "such as {at: 0s, screen: Slack}"),
    ("when: screen\ntests: [{given: [{at: 0, screen: x}], expect: 1}]\n",
     "bad-duration", 2, 23, "write 0s for seconds, 0m for minutes"),
    ("when: screen\ntests: [{given: [{at: 5s, screen: x, end: 2s}], expect: 1}]\n",
     "bad-duration", 2, 43, "both count from the start of the test"),
    ("when: screen\ntests: [{given: [{at: 5s, session: activ}], expect: 1}]\n", "unknown-value", 2, 36, STATUSES),
    ("when: screen\ntests: [{given: [{at: 5s, ack: false}], expect: 1}]\n",
     "wrong-form", 2, 32, "write ack: true or ack: \"display:1\""),
    ("when: screen\ntests: [{given: [{at: 5s, engine: stop}], expect: 1}]\n",
     "unknown-value", 2, 35, "use restart or reload"),
    ("when: screen\ntests: [{given: [{at: 5s, raw: {a: 1}, stream: x}], expect: 1}]\n",
     "no-effect", 2, 40, "write it inside raw"),
    ("when: screen\ntests: [{given: [{at: 5s, screen: x}], expect: always}]\n",
     "wrong-form", 2, 48, "such as expect: {fires_at: [0s]}"),
    ("when: screen\ntests: [{given: [{at: 5s, screen: x}], expect: {suppressed: {cooldwn: 1}}}]\n",
     "unknown-key", 2, 62, "rename it to cooldown"),
    ("when: screen\ntests: [{given: [{at: 5s, screen: x}], expect: {fires: 2, fires_at: [5s]}}]\n",
     "contradiction", 2, 48, "fires_at alone says both"),
    ("when: screen\ntests: [{given: [{at: 5s, screen: x}], expect: -1}]\n", "wrong-form", 2, 48, "such as 1"),
    ("when: screen\ntests: [{given: [{at: 5s, screen: x}], expect: 1, until: 1s}]\n",
     "no-effect", 2, 58, "let until be the later one"),
    ("when: screen\ntests: [{given: [{at: 5s, screen: x}], expect: 1, same_under: [restat]}]\n",
     "unknown-value", 2, 64, "use duplicates, shuffle, restart, reload or ticks"),
    ("when: screen\ntests: [{given: [{at: 5s, screen: x}], expect: 1, start: noon}]\n",
     "bad-date", 2, 58, "write year-month-day and time: 2026-03-02T09:00"),
    ("when: screen\ntests: [{given: [{at: 5s, screen: x}], expect: {message: {contain: x}}}]\n",
     "unknown-key", 2, 59, "rename it to contains"),
    ("when: screen\nword: \"*\"\n", "empty-needle", 2, 7, "write what to look for"),
    ("when: screen\nemit: {}\n", "empty-value", 2, 7, "write emit: true"),
    ("when: screen\nunless: [session.active]\n", "wrong-form", 2, 9, "write unless: some text"),
    ("when: screen\ntests: [{given: [{at: 5s, screen: x}], expect: {fires_at: []}}]\n",
     "empty-list", 2, 59, "write expect: never"),
    ("when: screen\ntests: [{given: [{at: 5s, screen: x}], expect: {suppressed: 5}}]\n",
     "wrong-form", 2, 61, "such as suppressed: {cooldown: 1}"),
    ("when: screen\ntests: [{given: [{at: 5s, screen: x}], expect: {group: []}}]\n",
     "wrong-form", 2, 56, "such as group: \"display:1\""),
    ("when: screen\ntests: [{given: [{at: 5s, screen: x}], expect: {message: []}}]\n",
     "wrong-form", 2, 58, "such as message: {contains: Slack}"),
    ("when: screen\ntests: [{given: [{at: 5s, raw: 5}], expect: 1}]\n",
     "wrong-form", 2, 32, "such as raw: {channel: alert, data: {label: invoice}}"),
    ("when: screen\ntests: [{given: [5], expect: 1}]\n", "wrong-form", 2, 18, "such as {at: 0s, screen: Slack}"),
    ("when: screen\ntests: [5]\n", "wrong-form", 2, 9, "such as {given: [{at: 0s, screen: Slack}], expect: 1}"),
    ("when: screen\ntests: []\n", "empty-list", 2, 8, "add a test, or remove tests"),
    ("when: screen\nwhere: {label: {}}\n", "empty-value", 2, 16, "such as {gte: 0.8}"),
    ("when: screen\nwhere: {label: [[a]]}\n", "wrong-form", 2, 17, "write [low, high]"),
    ("when: screen\nwhere: {label: {glob: \"\"}}\n", "empty-needle", 2, 23, "write what to look for"),
    ("when: screen\nwhere: {label: {glob: [a]}}\n", "wrong-form", 2, 23, "write glob: some text"),
    ("when: screen\nwhere: {label: {in: a}}\n", "empty-list", 2, 21, "such as [low, high]"),
    ("when: screen\nfilter: [a]\n", "wrong-form", 2, 9, "write filter: some text"),
    ("when: screen\nvars: 5\n", "wrong-form", 2, 7, "such as vars: {team: [ann, ben]}"),
    ("when: screen\ndialect: strict\nword: y\n",
     "not-available", 2, 1, "remove it; docs/rules.md lists the keys of this version"),
    ("when: screen\nany: [{count: 3, word: x}]\n", "no-effect", 2, 8, "write it at the rule, not in a block"),
    ("when: screen\nany: [{clock: media, word: x}]\n",
     "not-available", 2, 8, "remove it; docs/rules.md lists the keys of this version"),
    ("any: [{transcript: x}]\n", "unknown-key", 1, 8, "docs/rules.md lists the known keys"),
    ("rules: [5]\n", "wrong-form", 1, 9, "such as {name: slack, when: screen, contains: Slack}"),
    ("rules:\n  - {name: a, when: screen}\ndefaults: {clock: media}\n",
     "not-available", 3, 12, "remove it; docs/rules.md lists the keys of this version"),
    ("rules:\n  - {name: a, when: screen}\ndefaults: {count: 3}\n",
     "no-effect", 3, 12, "write it at each rule: it is a rule's own"),
]
# fmt: on


@pytest.mark.parametrize(("text", "code", "line", "column", "hint"), [*FAULTS, *TIME_FAULTS])
def test_fault(text: str, code: str, line: int, column: int, hint: str | None) -> None:
    parsed = parse_rules([("rules/x.yaml", text.encode())], None)
    assert [(each.code, each.span.line, each.span.column) for each in parsed.problems] == [(code, line, column)]
    assert parsed.rulebook.rules == ()
    problem = parsed.problems[0]
    assert problem.severity == "error"
    assert problem.line_text == _shown(text.split("\n")[line - 1])
    if hint is not None:
        assert problem.hint == hint
    assert problem.hint or code == "bad-regex"


def _shown(line: str) -> str:
    return line.replace("slack://TokenA/TokenB", "slack://*************")


def test_the_table_is_complete_enough() -> None:
    assert len(FAULTS) >= 100
    assert len({code for _, code, *_ in FAULTS}) >= 20
    assert len(TIME_FAULTS) >= 170


def test_all_faults_of_a_file_are_told_at_once_in_its_order() -> None:
    text = """
name: a b
when: scren
contians: Slack
contains: ""
where: {confidence: {gte: "1"}}
filter: foo(x)
cooldown: 5
severity: high
message: "{{ x"
tests:
  - given: [{at: 1, screen: x}]
    expect: {}
"""
    parsed = parse_rules([("rules/x.yaml", text.encode())], None)
    assert [problem.span.line for problem in parsed.problems] == [2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13]


def test_every_file_is_told_and_the_good_ones_load() -> None:
    files = [("a.yaml", b"when: scren\n"), ("b.yaml", b"when: screen\n"), ("c.yaml", b"a: [\n")]
    parsed = parse_rules(files, None)
    assert [problem.span.file for problem in parsed.problems] == ["a.yaml", "c.yaml"]
    assert [rule.name for rule in parsed.rulebook.rules] == ["b"]


def test_a_secret_beside_a_fault_is_never_shown() -> None:
    text = "{when: screen, notify: 'slack://TokenA/TokenB', contians: x, title: 'slack://TokenC {{'}\n"
    parsed = parse_rules([("rules/x.yaml", text.encode())], None)
    assert len(parsed.problems) == 3
    assert "Token" not in repr(parsed.problems)


def test_a_secret_in_broken_yaml_is_never_shown() -> None:
    parsed = parse_rules([("rules/x.yaml", b"notify: [slack://TokenA/TokenB\n")], None)
    assert parsed.problems
    assert "Token" not in repr(parsed.problems)
