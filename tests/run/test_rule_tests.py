"""A rule's own tests: what each demand accepts and refuses, and what `same_under` runs again."""

from __future__ import annotations

import pytest

from engine.core.compile import compile_rulebook
from engine.rulebook.parse import parse_rules
from engine.run.expectations import mismatches
from engine.run.rule_tests import TestResult, run_tests
from engine.source.rules_dir import read_rules
from tests.core.running import program_of, rulebook_of

TestResult.__test__ = False  # type: ignore[attr-defined]


def _results(text: str) -> list[TestResult]:
    book = rulebook_of(text)
    return list(run_tests(compile_rulebook(book), book.rules))


RULE = """
name: r
when: [transcript, visual_index]
contains: x
by: _.stream
cooldown: 1m
severity: warn
notify: [me, team]
title: "T {{ _.text }}"
message: "M {{ _.text }}"
tests:
  - name: t
    given:
      - {at: 1s, transcript: x one}
      - {at: 2s, transcript: x two}
      - {at: 90s, transcript: x three}
    expect: %s
"""


@pytest.mark.parametrize(
    ("expect", "wrong"),
    [
        ("2", []),
        ("3", [("3 firings", '2 firings: at 1s on "x one", at 1m30s on "x three"')]),
        ("never", [("never", '2 firings: at 1s on "x one", at 1m30s on "x three"')]),
        ("{fires_at: [1s, 90s]}", []),
        ("{fires_at: 1s}", [("none besides 1s", 'also at 1m30s on "x three"')]),
        ("{fires_at: [1s, 2s, 90s]}", [("a firing at 2s", '2 firings: at 1s on "x one", at 1m30s on "x three"')]),
        ("{fires_at: [1s, 1s, 90s]}", [("3 firings", '2 firings: at 1s on "x one", at 1m30s on "x three"')]),
        ("{suppressed: {cooldown: 1}}", []),
        ("{suppressed: {cooldown: 2, limit: 0}}", [("2 stopped by cooldown", "1 stopped by cooldown")]),
        ("{deferred: 0, retracted: 0}", []),
        ("{deferred: 1}", [("1 deferred", "0 deferred")]),
        ("{retracted: 2}", [("2 retracted", "0 retracted")]),
        ('{group: "mic:default"}', []),
        ('{group: "display:1"}', [("group display:1", "group mic:default")]),
        ("{group: null}", [("group none", "group mic:default")]),
        ("{severity: warn}", []),
        ("{severity: error}", [("severity error", "severity warn")]),
        ("{routes: [team, me]}", []),
        ("{routes: [me]}", [("routes me", "routes me, team")]),
        ("{message: {contains: x, matches: '^M x'}, title: {contains: T}}", []),
        ("{message: {contains: [x, one]}}",
         [('message with "one"', '"M x three\n(and 1 more since the last message)"')]),
        ("{title: {equals: T x one}}", [('title equal to "T x one"', '"T x three"')]),
        ("{title: {matches: '^x'}}", [("title that matches ^x", '"T x one"'),
        ("title that matches ^x", '"T x three"')]),
    ],
)  # fmt: skip
def test_each_demand_passes_and_fails_as_it_should(expect: str, wrong: list[tuple[str, str]]) -> None:
    (result,) = _results(RULE % expect)
    assert [(one.expected, one.got) for one in result.mismatches] == wrong
    assert result.passed is (not wrong)


SILENT = "{name: r, when: transcript, %s, tests: [{given: [{at: 0s, transcript: y}], expect: %s}]}"


@pytest.mark.parametrize(
    ("expect", "got"),
    [
        ("1", "no firing"),
        ("{message: {contains: y}}", "no firing"),
        ("{group: a}", "no firing"),
        ("{routes: [me]}", "no firing"),
    ],
)
def test_a_rule_that_was_silent_has_said_nothing(expect: str, got: str) -> None:
    (result,) = _results(SILENT % ("contains: x", expect))
    assert [one.got for one in result.mismatches] == [got]


def test_silence_by_a_gate_is_named() -> None:
    (result,) = _results(SILENT % ("active: '20:00-21:00'", "1"))
    assert result.mismatches[0].got == "no firing (1 stopped by inactive)"


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        ("screen: x", "when: visual_index, where: {channel: visual_index}, source: display"),
        ("scene_index: x", "when: visual_index, where: {channel: scene_index}"),
        ("transcript: x", "when: transcript, source: mic, where: {_.clock: media}"),
        ("audio: x", "when: audio_index"),
        ("alert: gore", "when: alert, where: {label: gore, triggered: true}"),
        ("session: failed, data: {error: no}", "when: session.failed, where: {error: no}"),
        ('transcript: x, stream: "system_audio:2"', "when: transcript, source: system_audio"),
        ("transcript: x, data: {confidence: 0.9}", "when: transcript, where: {confidence: {gt: 0.8}}"),
        ("transcript: x, end: 9s", "when: transcript, filter: _.end > _.at"),
        ("transcript: x, final: false", "when: transcript, partials: all, where: {_.final: false}"),
        ("raw: {type: alert, label: gore}", "when: alert, where: {label: gore}"),
        ("raw: {channel: transcript, data: {text: x}, unix_ts: 1767603600}", "when: transcript"),
    ],
)  # fmt: skip
def test_each_short_form_is_the_event_it_names(entry: str, rule: str) -> None:
    (result,) = _results(f"{{name: r, {rule}, tests: [{{given: [{{at: 0s, {entry}}}], expect: 1}}]}}")
    assert result.passed, result.mismatches


def test_late_and_doubled_entries_arrive_as_the_journal_would_have_them() -> None:
    (result,) = _results("""
name: r
when: transcript
message: "{{ _.text }} {{ _.late }}"
tests:
  - given:
      - {at: 0s, transcript: a, late: 20s}
      - {at: 15s, transcript: b, dup: true}
    expect: {fires_at: [15s, 20s], message: {matches: '^(a 5000|b )$'}}
""")
    assert [one.got for one in result.mismatches] == []


def test_time_goes_on_until_it_is_told_to_stop() -> None:
    text = """
name: r
when: transcript
quiet: 09:00-10:00
tests:
  - {name: early, given: [{at: 0s, transcript: a}], until: 59m, expect: {fires: 0, deferred: 1}}
  - {name: after, given: [{at: 0s, transcript: a}, {at: 1h, transcript: b}], expect: {fires_at: [1h], deferred: 1}}
  - {name: noon, start: "2026-01-05T12:00:00", given: [{at: 0s, transcript: a}], expect: 1}
"""
    results = _results(text)
    assert all(result.passed for result in results), [result.mismatches for result in results]
    assert [len(result.outcome.notifications) for result in results] == [0, 2, 1]


def test_steps_of_the_engine_keep_what_it_knew() -> None:
    (result,) = _results("""
name: r
when: transcript
cooldown: 1h
tests:
  - given:
      - {at: 0s, transcript: a}
      - {at: 1s, engine: restart}
      - {at: 2s, transcript: b}
      - {at: 3s, engine: reload}
      - {at: 4s, transcript: c}
    expect: {fires_at: [0s], suppressed: {cooldown: 2}}
    same_under: [restart, reload, duplicates]
""")
    assert result.passed and result.variants == 5 + 5 + 3


def test_a_variant_that_differs_is_named() -> None:
    rule = """
name: r
when: transcript
cooldown: 1h
tests: [{given: [{at: 0s, transcript: a}, {at: 5s, transcript: b}], expect: 1, same_under: [shuffle]}]
"""
    (result,) = _results(rule)
    assert [one.where for one in result.mismatches] == ["under shuffle at step 1"]
    (result,) = _results(rule.replace("cooldown: 1h", "").replace("expect: 1", "expect: 2"))
    assert result.passed and result.variants == 1
    (far,) = _results(rule.replace("at: 5s", "at: 11s"))
    assert far.variants == 0  # more apart than events may come out of order


def test_chained_rules_hear_one_another_in_a_test() -> None:
    results = _results("""
rules:
  - {name: first, when: transcript, contains: x}
  - name: second
    when: rule.first
    tests: [{given: [{at: 0s, transcript: x}], expect: 1}]
""")
    assert [result.passed for result in results] == [True]


def test_the_shipped_rules_pass_and_say_so_under_every_disturbance() -> None:
    parsed = parse_rules(read_rules(["rules"]).files, None)
    assert not parsed.problems and len(parsed.rulebook.rules) >= 7
    results = list(run_tests(compile_rulebook(parsed.rulebook), parsed.rulebook.rules))
    assert results and all(result.passed for result in results)


def test_a_test_that_demands_nothing_known_is_never_reached() -> None:
    (result,) = _results(RULE % "2")
    assert list(mismatches({}, result.outcome)) == []
    assert program_of(RULE % "2").rules[0].rule.tests[0].expect == {"fires": 2}
