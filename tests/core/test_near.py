"""Near misses: one thing failed, and only a little; and what `explain` shows of a hit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.core.compile import CompiledRule, compile_rulebook
from engine.core.explain import explain, spans
from engine.core.near import approximate, near_miss
from engine.core.subject import Subject
from engine.model.rule import Rule, Rulebook
from tests.core.generate import BODIES, event_of, rulebooks
from tests.core.running import program_of, said, seen


def _rule(text: str) -> CompiledRule:
    return program_of(text).rules[0]


def _near(rule: str, body: dict[str, Any]) -> tuple[str, str] | None:
    near = near_miss(_rule(rule), Subject(event_of(body)))
    return None if near is None else (near.missing, near.hint)


@pytest.mark.parametrize(
    ("rule", "body", "missing", "hint"),
    [
        ("{when: transcript, word: deadline}", said(0, "the dead line slipped"),
         'word "deadline" not found; "dead line" is 1 edit away', 'heard differently? add "dead line"'),
        ("{when: transcript, word: deadline}", said(0, "Deadlines!"),
         'word "deadline" is only part of a longer word', "word: deadline*"),
        ("{when: visual_index, contains: [Slack, Teams]}", seen(0, "a slak thread"),
         'contains "Slack" not found; "slak" is 1 edit away', 'heard differently? add "slak"'),
        ("{when: alert, where: {confidence: {gte: 0.8}}}", {"channel": "alert", "data": {"confidence": 0.75}},
         "confidence is 0.75, the bound gte 0.8", "gte: 0.75"),
        ("{when: transcript, source: system_audio, contains: x}", said(0, "x"),
         "source is mic:default, not system_audio", "source: mic"),
        ("{when: transcript, contains: x, except: [{contains: test}]}", said(0, "x test"),
         """not: contains 'test' holds ('x test')""", "loosen `not` or `except`"),
        ("{when: transcript, any: [{word: deadline}, {contains: blocked}]}", said(0, "it was blocke"),
         'contains "blocked" not found; "blocke" is 1 edit away', 'heard differently? add "blocke"'),
    ],
)  # fmt: skip
def test_the_one_thing_that_failed_is_named_with_the_smallest_edit(
    rule: str, body: dict[str, Any], missing: str, hint: str
) -> None:
    assert _near(rule.replace("{", "{name: r, ", 1), body) == (missing, hint)


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("{when: transcript, word: deadline}", seen(0, "the dead line")),  # of another kind
        ("{when: transcript, word: deadline}", said(0, "the dad lime")),  # two edits
        ("{when: transcript, word: AI}", said(0, "a")),  # too short for any edit
        ("{when: transcript, word: deadline}", said(0, "the deadline")),  # it fired
        ("{when: transcript, word: deadline, source: display}", said(0, "dead line")),  # two things failed
        ("{when: transcript, word: deadline}", said(0, "dead line", is_final=False)),
        ("{when: alert, where: {confidence: {gte: 0.8}}}", {"channel": "alert", "data": {"confidence": 0.3}}),
        ("{when: alert, where: {confidence: {gte: 0.8}}}", {"channel": "alert", "data": {"confidence": "0.79"}}),
        ("{when: transcript, word: deadline}", {"channel": "transcript", "data": {}}),
    ],
)  # fmt: skip
def test_what_is_far_is_not_near(rule: str, body: dict[str, Any]) -> None:
    assert _near(rule.replace("{", "{name: r, ", 1), body) is None


_ROUNDS = settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate),
                   suppress_health_check=list(HealthCheck))  # fmt: skip


@_ROUNDS
@given(rulebooks(5), st.lists(BODIES, min_size=5, max_size=5))
def test_an_event_that_fires_is_never_a_near_miss(rules: tuple[Rule, ...], bodies: list[dict[str, Any]]) -> None:
    for compiled in compile_rulebook(Rulebook(rules)).rules:
        for body in bodies:
            near = near_miss(compiled, Subject(event_of(body)))
            finding = explain(compiled, Subject(event_of(body)))
            assert near is None or not finding.holds
            text = event_of(body).text or ""
            assert all(0 <= start < end <= len(text) for start, end in spans(finding))


def _distance(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        before, row[0] = row[0], place
        for at, other_letter in enumerate(other, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (letter != other_letter))
    return row[-1]


@given(st.text("ab c", min_size=1, max_size=5), st.text("ab c", max_size=8))
def test_the_fewest_edits_to_any_part_are_found(needle: str, text: str) -> None:
    parts = [text[start:end] for start in range(len(text) + 1) for end in range(start, len(text) + 1)]
    assert approximate(needle, text)[0] == min(_distance(needle, part) for part in parts)


def test_matched_words_are_marked_where_they_stand() -> None:
    text = "Straße: the DEAD\n line, Slack"
    rule = """
name: r
when: transcript
all: [{contains: [STRASSE, teams]}, {word: Dead  Line}, {regex: 'sl.ck'}]
not: {contains: no}
"""
    finding = explain(_rule(rule), Subject(event_of(said(0, text))))
    assert finding.holds
    assert [text[start:end] for start, end in spans(finding)] == ["Straße", "DEAD\n line", "Slack"]


def test_a_pattern_is_marked_in_decomposed_text_too() -> None:
    text = "cafe\u0301 and E\u0301COLE, no x"
    rule = "{name: r, when: transcript, regex: ['école', 'x*']}"
    finding = explain(_rule(rule), Subject(event_of(said(0, text))))
    assert [text[start:end] for start, end in spans(finding)] == ["E\u0301COLE"]


def test_what_was_found_is_shown_for_each_part() -> None:
    body = {"channel": "alert", "rtstream_name": "display:1", "data": {"label": "x", "n": 5, "text": "y" * 500}}
    rule = """
name: r
when: [alert, session.failed]
where: {label: x, n: {gt: 7}}
source: mic
contains: z
filter: data.n
"""
    parts = explain(_rule(rule), Subject(event_of(body))).parts
    shown = {part.words: (part.holds, part.actual) for parent in parts for part in (parent, *parent.parts)}
    assert shown["when alert, session.failed"] == (True, "alert")
    assert shown["source mic"] == (False, "display:1")
    assert shown["label is 'x'"] == (True, "'x'") and shown["n > 7"] == (False, "`5`")
    assert shown["filter data.n"] == (True, "`5`")
    holds, actual = shown["contains 'z'"]
    assert not holds and len(actual) < 130
