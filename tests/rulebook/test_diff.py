"""What an edit of the rules keeps."""

from __future__ import annotations

import pytest

from engine.model.rule import Rule, Rulebook
from engine.rulebook.diff import Diff, carry, fingerprint
from engine.rulebook.parse import parse_file

RULE = """
name: a
when: transcript
word: [deadline, blocker]
where: {n: {gte: 1}}
by: _.stream
cooldown: 5m
message: hello
"""


def rule(text: str) -> Rule:
    parsed = parse_file("rules/x.yaml", text.encode())
    assert parsed.problems == ()
    (only,) = parsed.rules
    return only


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("message: hello", "message: bye"),
        ("cooldown: 5m", "cooldown: 1h"),
        ("cooldown: 5m", "notify: team\nseverity: warn\ntags: [x]\nquiet: 22:00-07:00\nunless: session.active"),
        ("name: a", "# moved down\n\nname: a\ndescription: why"),
        ("word: [deadline, blocker]", "word:\n  - deadline\n  - blocker"),
        ("by: _.stream", "by: [_.stream]"),
    ],
)
def test_editing_what_a_firing_does_keeps_state(old: str, new: str) -> None:
    assert old in RULE
    assert fingerprint(rule(RULE.replace(old, new))) == fingerprint(rule(RULE))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("blocker", "blockers"),
        ("word:", "contains:"),
        ("when: transcript", "when: [transcript, audio]"),
        ("gte: 1", "gt: 1"),
        ("gte: 1", "gte: 2"),
        ("by: _.stream", "by: _.session"),
        ("by: _.stream", "partials: early\nby: _.stream"),
        ("by: _.stream", "case: exact\nby: _.stream"),
        ("by: _.stream", "classify: {A: {word: x}}\nby: _.stream"),
        ("where: {n: {gte: 1}}", "where: {n: 1}"),
    ],
)
def test_editing_what_matches_resets_state(old: str, new: str) -> None:
    assert old in RULE
    assert fingerprint(rule(RULE.replace(old, new))) != fingerprint(rule(RULE))


def test_a_number_a_text_and_a_boolean_are_three_patterns() -> None:
    prints = {fingerprint(rule(f"when: any\nwhere: {{n: {value}}}\n")) for value in ("1", "'1'", "true", "1.5")}
    assert len(prints) == 4


def test_carry_names_every_rule_once() -> None:
    def book(*texts: str) -> Rulebook:
        return Rulebook(tuple(rule(text) for text in texts))

    old = book(RULE, "name: b\nwhen: any\n", "name: c\nwhen: any\n")
    new = book("name: d\nwhen: any\n", "name: b\nwhen: screen\n", RULE.replace("hello", "bye"))
    assert carry(old, new) == Diff(kept=("a",), reset=("b",), added=("d",), removed=("c",))
    assert carry(new, new) == Diff(kept=("d", "b", "a"))
