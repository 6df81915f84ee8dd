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
        ("{fires_at: [1s, 1s, 90s]}",
         [("a firing at 1s (2 of them)", '2 firings: at 1s on "x one", at 1m30s on "x three"')]),
        ("{fires_at: [1s, 92s]}", [("a firing at 1m32s", 'at 1m30s on "x three", 2s earlier')]),
        ("{suppressed: {cooldown: 1}}", []),
        ("{suppressed: {cooldown: 2, limit: 0}}", [("2 stopped by cooldown", "1 stopped by cooldown")]),
        ("{deferred: 0, retracted: 0}", []),
        ("{deferred: 1}", [("1 deferred", "0 deferred")]),
        ("{retracted: 2}", [("2 retracted", "0 retracted")]),
        ('{group: "mic:default"}', []),
        ('{group: "display:1"}', [("group display:1", "group mic:default")]),
        ("{group: null}", [("group none", "group mic:default")]),
        ('{group: ["mic:default", "mic:default"]}', []),
        ('{group: ["mic:default"]}', [("groups mic:default", "groups mic:default, mic:default")]),
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
    # Before each step, before the end, and at all of them; each line twice, and all of them again three seconds later.
    assert result.passed and result.variants == (5 + 1 + 1) * 2 + (3 + 1)
    assert result.disturbed == ("restart", "reload", "duplicates")


def test_a_variant_that_differs_is_named() -> None:
    rule = """
name: r
when: transcript
cooldown: 1h
tests: [{given: [{at: 0s, transcript: a}, {at: 5s, transcript: b}], expect: 1, same_under: shuffle}]
"""
    (result,) = _results(rule)
    assert [one.where for one in result.mismatches] == ["under shuffle: step 1 last"]
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


TOGETHER = """
name: r
together:
  slack: {when: visual_index, contains: Slack}
  said: {when: transcript, word: deadline}
within: 2m
tests:
  - given: [{at: 0s, screen: Slack thread, end: %s}, {at: %s, transcript: what deadline}]
    expect: %s
"""


@pytest.mark.parametrize(
    ("end", "at", "expect", "got"),
    [
        ("0s", "110s", "{fires_at: [110s]}", None),
        ("0s", "121s", "never", None),
        ("60s", "170s", "{fires_at: [170s]}", None),
        ("2s", "121s", "never",
         '1 firing: at 2m01s: gap 1m59s <= 2m (slack "Slack thread" 0s to 2s, said "what deadline" 2m01s)'),
        ("0s", "121s", "1", "no firing; closest: slack at 0s, said at 2m01s: gap 2m01s > 2m by 1s"),
    ],
)  # fmt: skip
def test_a_window_is_told_with_its_measure(end: str, at: str, expect: str, got: str | None) -> None:
    (result,) = _results(TOGETHER % (end, at, expect))
    assert [one.got for one in result.mismatches] == ([] if got is None else [got])


def test_the_nearest_text_is_named_where_nothing_fired() -> None:
    (result,) = _results("""
name: r
when: transcript
word: deadline
tests: [{given: [{at: 0s, transcript: the dead line}, {at: 5s, transcript: lunch}], expect: 1}]
""")
    assert result.mismatches[0].got == (
        'no firing; closest: 0s "the dead line": word "deadline" not found; "dead line" is 1 edit away'
    )


def test_the_state_is_told_where_a_window_is_not_full() -> None:
    (result,) = _results("""
name: r
when: transcript
count: 5 within 10m
tests: [{given: [{at: 0s, transcript: a}, {at: 5s, transcript: b}], expect: {fires: 1, state: {armed: 1}}}]
""")
    assert len(result.mismatches) == 1
    assert result.mismatches[0].got.startswith("no firing; 2 of 5 within 10m")


EVERYTHING = "same_under: [duplicates, shuffle, restart, reload, ticks]"


def test_an_absence_fires_once_resolves_and_survives_everything() -> None:
    results = _results("""
name: r
absent: {when: transcript}
for: 10m
while: session.active
message: "No speech for {{ dur(duration) }}"
resolve: "Back after {{ dur(duration) }}"
notify: me
tests:
  - given: [{at: 0s, session: active}, {at: 2m, transcript: hello}, {at: 14m, transcript: sorry}]
    expect:
      fires_at: [12m]
      resolves_at: [14m]
      resolve: {contains: Back after}
      message: No speech for 10m
      delivered: {me: 2}
      state: {open: false}
    same_under: [duplicates, shuffle, restart, reload, ticks]
  - given: [{at: 0s, session: active}, {at: 5m, session: stopped}]
    until: 40m
    expect: {fires: 0, resolves_at: never}
  - given: [{at: 0s, session: active}, {at: 4m, engine: restart}]
    until: 11m
    expect: {fires_at: [10m], state: {open: true, armed: true}}
  - given: [{at: 0s, session: active}]
    until: 11m
    expect: {fires_at: [10m12s], resolves_at: [10m], resolve: Back, state: {open: false}}
""")
    assert [result.passed for result in results] == [True, True, True, False], [one.mismatches for one in results]
    wrong = [(one.expected, one.got) for one in results[3].mismatches]
    assert wrong[0] == ("a firing at 10m12s", "at 10m: nothing from 0s for 10m (session.active 0s), 12s earlier")
    assert wrong[1] == ("a resolve at 10m", "no resolve")
    assert wrong[2] == ('resolve equal to "Back"', "no message of that kind") or wrong[2][0] == "a resolve"
    assert wrong[3][0] == "open: false" and wrong[3][1].startswith("1 open at 11m: ")


def test_people_and_services_take_part() -> None:
    results = _results("""
name: r
when: session.failed
severity: critical
notify: me
escalate:
  - {after: 5m, notify: oncall}
  - {after: 15m, notify: phone, repeat: 15m, max: 4}
until: [acked, session.active]
resolve: "Back after {{ dur(duration) }}"
tests:
  - given: [{at: 0s, session: failed}]
    until: 50m
    expect: {fires: 1, escalates_at: [5m, 15m, 30m, 45m], delivered: {me: 1, oncall: 1, phone: 3}}
    same_under: [duplicates, shuffle, restart, reload, ticks]
  - given: [{at: 0s, session: failed}, {at: 6m, ack: true}]
    until: 50m
    expect: {escalates_at: 5m, resolves_at: never, state: {open: false}}
  - given: [{at: 0s, session: failed}, {at: 6m, session: active}]
    expect: {resolves_at: 6m, resolve: Back after 6m, delivered: 4}
  - given: [{at: 0s, snooze: 2h}, {at: 1s, session: failed}]
    expect: {fires: 0, suppressed: {snoozed: 1}}
  - given: [{at: 0s, ack: true}, {at: 1s, session: active}]
    expect: 1
""")
    assert [result.passed for result in results] == [True] * 4 + [False], [one.mismatches for one in results]
    assert results[4].mismatches[0].got == "no firing; `ack` found nothing open at 0s"


def test_a_failing_service_is_tried_again_on_the_test_clock() -> None:
    rule = """
name: r
when: session.failed
notify: me
tests:
  - given: [{route: {me: %s}}, {at: 0s, session: failed}]
    until: %s
    expect: {delivered: %s}
"""
    for answer, until, delivered, got in (
        ("fail 503 x2", "1m", "{me: 1}", None),
        ("fail 503 x2", "3s", "{me: 1}",
         "0 delivered to me (1 not taken after 2 tries: me: HTTP 503; still waiting; let `until` be later)"),
        ("fail 404", "1m", "1",
         "0 delivered (1 not taken after 1 try: me: HTTP 404, no such address; was the webhook removed?; given up)"),
        ("fail x3", "8s", "{me: 0}", None),
        ("fail x3", "9s", "{me: 1}", None),
        ("ok", "1s", "{me: 1}", None),
    ):  # fmt: skip
        (result,) = _results(rule % (answer, until, delivered))
        assert [one.got for one in result.mismatches] == ([] if got is None else [got])


def test_a_digest_is_one_message_with_what_it_holds() -> None:
    results = _results("""
name: r
when: [transcript, audio_index]
digest: {every: 30m, min: 2}
summarize: true
notify: me
tests:
  - given:
      - mock: {summarize: THE ANSWER}
      - {at: 5m, transcript: hello there}
      - {at: 6m, audio: they greeted}
      - {at: 40m, mock: {summarize: null}}
      - {at: 41m, transcript: good morning}
      - {at: 42m, transcript: good evening}
    until: 61m
    expect:
      fires_at: [30m, 60m]
      suppressed: {digest: 4}
      digest: [{items: 2, at: 30m, contains: THE ANSWER}, {items: 2, contains: [morning, evening]}]
      state: {collected: 0}
    same_under: [duplicates, restart, reload, ticks]
  - given: [{at: 5m, transcript: hello there}]
    until: 31m
    expect: {digest: never, state: {collected: 1}}
  - given: [{at: 5m, transcript: hello there}]
    until: 31m
    expect: {digest: {items: 1}}
  - given: [{at: 5m, transcript: hello there}, {at: 6m, transcript: bye}]
    until: 31m
    expect: {digest: {items: 3, at: 31m, contains: lunch}}
""")
    assert [result.passed for result in results] == [True, True, False, False], [one.mismatches for one in results]
    assert [one.got for one in results[2].mismatches] == ["no digest; 1 collected and not told by 31m"]
    wrong = results[3].mismatches
    assert [(one.expected, one.got) for one in wrong[:2]] == [("a digest of 3", "one of 2"),
                                                             ("a digest at 31m", "at 30m")]  # fmt: skip
    assert wrong[2].expected == 'a digest with "lunch"'


def test_each_demand_is_placed_at_its_own_key() -> None:
    (result,) = _results("""
name: r
when: transcript
tests:
  - given: [{at: 0s, transcript: a}]
    expect: {fires: 2,
             title: other}
  - given: [{at: 0s, transcript: a}]
    expect: never
""")[:1]
    places = [(result.place(one).line, result.place(one).column, one.key) for one in result.mismatches]
    assert places == [(6, 14, "fires"), (7, 14, "title")]


def test_a_demand_of_every_message_needs_one() -> None:
    for expect in ("{severity: info}", "{routes: [me]}", "{group: a}", "{title: x}"):
        (result,) = _results(SILENT % ("contains: x", expect))
        assert [one.got for one in result.mismatches] == ["no firing"]


def test_a_rule_that_hears_of_the_engine_hears_of_rules_it_does_not_name() -> None:
    results = _results("""
rules:
  - {name: chatty, when: transcript, expect: {max: 1/day}}
  - name: watcher
    when: engine.rule_noisy
    tests: [{given: [{at: 0s, transcript: a}, {at: 1s, transcript: b}], expect: {fires_at: [1s]}}]
""")
    assert [result.passed for result in results] == [True], results[0].mismatches
