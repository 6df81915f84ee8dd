"""Near misses over time: what was missing, and an edit that was seen to fire there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.compile import Program, compile_rulebook
from engine.core.evaluator import Evaluator
from engine.core.near import Near
from engine.model.rule import Rulebook
from engine.rulebook.scalars import duration_ms
from engine.run.clock import zone_offset
from engine.run.near_misses import NearMisses, near_over_time
from engine.run.replay import replay
from tests.core.running import program_of, rulebook_of, said, seen

UTC = zone_offset("UTC")


def fresh(program: Program) -> Evaluator:
    return Evaluator(program, {}, UTC)


TOGETHER = """
name: r
together:
  slack: {when: visual_index, contains: Slack}
  said: {when: transcript, word: deadline}
within: 2m
"""
SEQUENCE = """
name: r
sequence:
  slack: {when: visual_index, contains: Slack}
  said: {when: transcript, word: deadline}
within: 1m
"""
NOT = """
name: r
sequence:
  slack: {when: visual_index, contains: Slack}
  ok: {not: {when: transcript, word: fine}}
  said: {when: transcript, word: deadline}
within: 1m
"""
THREE = """
name: r
together:
  a: {when: transcript, word: alpha}
  b: {when: transcript, word: beta}
  c: {when: transcript, word: gamma}
within: 1m
"""
ERRORS = "{name: r, when: visual_index, contains: error, count: %s}"
ABSENT = "{name: r, absent: {when: transcript}, for: 10m}"
HELD = "{name: r, when: visual_index, contains: code, for: 10m, gap: 2m}"


def errors(*seconds: float) -> list[Any]:
    return [seen(at, f"error {number}") for number, at in enumerate(seconds)]


def code(*seconds: float) -> list[Any]:
    return [seen(at, f"code {number}") for number, at in enumerate(seconds)]


def speech(*seconds: float) -> list[Any]:
    return [said(at, f"word {number}") for number, at in enumerate(seconds)]


def end(at: float) -> Any:
    """A line of no interest, so that event time goes on."""
    return {**seen(at, "the end"), "channel": "alert"}


def write(folder: Path, bodies: Sequence[Any]) -> str:
    path = folder / "rec.jsonl"
    path.write_text("".join(json.dumps(body) + "\n" for body in bodies), encoding="utf-8")
    return str(path)


def near(folder: Path, rule: str, bodies: Sequence[Any], most: int = 5) -> NearMisses:
    return near_over_time(fresh, program_of(rule), "r", [write(folder, bodies)], most=most)


def told(found: NearMisses) -> list[tuple[int, str, str]]:
    return [(one.event.line_no, one.missing, one.hint) for one in found.near]


@pytest.mark.parametrize(
    ("rule", "bodies", "expected"),
    [
        (TOGETHER, [seen(0, "Slack"), said(60, "deadline"), seen(900, "Slack"), said(1047, "deadline")],
         (4, "slack at 10:15:00, said at 10:17:27: gap 2m27s > 2m by 27s", "within: 2m30s would fire")),
        (THREE, [said(0, "alpha"), said(20, "gamma")],
         (2, "2 of 3 steps; no b within 1m", "at_least: 2 would fire")),
        (SEQUENCE, [seen(0, "Slack"), said(75, "deadline")],
         (2, "slack at 10:00:00, said at 10:01:15: gap 1m15s > 1m by 15s", "within: 1m20s would fire")),
        (SEQUENCE, [said(0, "deadline"), seen(10, "Slack")],
         (2, "all steps came, but in another order: said, slack", "together instead of sequence would fire")),
        (NOT, [seen(0, "Slack"), said(10, "fine"), said(30, "deadline")],
         (3, "all steps came, but so did `ok`, which must not", "drop the step `ok` would fire")),
        (ERRORS % "3 within 10m", errors(0, 60),
         (2, "window at 2 of 3 within 10m", "count: 2 within 10m would fire")),
        (ERRORS % "6 within 10m", errors(0, 60, 120, 180, 240),
         (5, "window at 5 of 6 within 10m", "count: 5 within 10m would fire")),
        (ERRORS % "3 within 10m", errors(0, 300, 745),
         (3, "3 within 12m25s > 10m by 2m25s", "count: 3 within 13m would fire")),
        (ABSENT, speech(0, 480, 500), (1, "silent for 8m of 10m", "for: 7m50s would fire")),
        (HELD, code(*range(0, 430, 60)), (8, "held for 7m of 10m", "for: 7m would fire")),
        (HELD, code(0, 100, 200, 300, 450, 550, 650), (7, "silence 2m30s > 2m by 30s", "gap: 2m30s would fire")),
        ("{name: r, when: visual_index, track: {key: _.text, gap: 30s, min: 80s}}",
         [*(seen(10 * number, "one") for number in range(6)), seen(60, "two")],
         (6, "lasted 1m of 1m20s", "min: 1m would fire")),
        ("{name: r, when: visual_index, contains: error, cooldown: 10m}", errors(0, 500),
         (2, "stopped by cooldown until 10:10:00", "cooldown: 8m20s would let it pass")),
        ("{name: r, when: visual_index, contains: error, limit: 1/10m}", errors(0, 500),
         (2, "stopped by limit", "limit: 2/10m would let it pass")),
        ("{name: r, when: visual_index, contains: error, active: '01:00-02:00'}", errors(0),
         (1, "stopped: outside its active hours", "")),
    ],
)  # fmt: skip
def test_the_nearest_says_what_was_missing_and_the_smallest_edit(
    tmp_path: Path, rule: str, bodies: list[Any], expected: tuple[int, str, str]
) -> None:
    assert told(near(tmp_path, rule, [*bodies, end(9_000)]))[0] == expected


@pytest.mark.parametrize(
    ("rule", "bodies"),
    [
        (TOGETHER, [seen(0, "Slack"), said(181, "deadline")]),  # more than half as much again
        (ERRORS % "6 within 10m", errors(0, 60, 120)),  # half of them
        (ERRORS % "3 within 10m", errors(0, 60, 120)),  # it fired
        (ABSENT, speech(0, 399, 500)),  # less than two thirds
        ("{name: r, when: visual_index, contains: error}", errors(0)),  # nothing about time
        ("{name: r, every: 30m}", errors(0)),
        ("{name: r, when: visual_index, changes: _.text}", errors(0)),
    ],
)
def test_what_is_far_away_or_fired_is_none(tmp_path: Path, rule: str, bodies: list[Any]) -> None:
    assert near(tmp_path, rule, [*bodies, end(600)]) == NearMisses()


def test_lines_of_a_firing_are_no_near_miss_again(tmp_path: Path) -> None:
    found = near(tmp_path, ERRORS % "3 within 10m", [*errors(0, 60, 120, 180, 3_000, 3_060), end(9_000)])
    assert [one.event.line_no for one in found.near] == [6]


def test_a_window_that_was_emptied_by_a_firing_counts_anew(tmp_path: Path) -> None:
    found = near(tmp_path, ERRORS % "3 within 10m", [*errors(0, 20, 40, 90, 120), end(9_000)])
    assert told(found) == [(5, "window at 2 of 3 within 10m", "count: 2 within 10m would fire")]


def test_the_closest_come_first_and_the_rest_is_counted(tmp_path: Path) -> None:
    bodies: list[Any] = []
    for start, apart in ((0, 140), (2_000, 125), (4_000, 170)):
        bodies += [seen(start, "Slack"), said(start + apart, "deadline")]
    found = near(tmp_path, TOGETHER, [*bodies, end(9_000)], most=2)
    assert ([one.event.line_no for one in found.near], found.seen) == ([4, 2], 3)
    assert [one.distance for one in found.near] == sorted(one.distance for one in found.near)
    assert near(tmp_path, TOGETHER, [*bodies, end(9_000)], most=0) == NearMisses((), 3)


def test_an_edit_that_a_gate_would_stop_says_so(tmp_path: Path) -> None:
    rule = TOGETHER + "cooldown: 1h\n"
    bodies = [seen(0, "Slack"), said(60, "deadline"), seen(900, "Slack"), said(1_047, "deadline"), end(9_000)]
    [(_, _, hint)] = told(near(tmp_path, rule, bodies))
    assert hint == "within: 2m30s would fire, then be held by cooldown"


def test_a_rule_that_listens_to_others_is_tried_with_them(tmp_path: Path) -> None:
    rules = """
    rules:
      - {name: spoke, when: transcript, word: deadline}
      - {name: r, when: rule.spoke, count: 3 within 10m}
      - {name: loud, when: transcript}
    """
    assert told(near(tmp_path, rules, [said(0, "deadline one"), said(60, "deadline two"), end(9_000)])) == [
        (2, "window at 2 of 3 within 10m", "count: 2 within 10m would fire")
    ]


def test_an_edit_that_does_not_help_is_not_suggested(tmp_path: Path) -> None:
    # With the shorter cooldown the second error passes and begins a cooldown that stops the third.
    rule = "{name: r, when: visual_index, contains: error, cooldown: 10m}"
    found = near(tmp_path, rule, [*errors(0, 595, 599), end(9_000)])
    assert told(found)[0] == (3, "stopped by cooldown until 10:10:00", "")


EVENTS = st.lists(
    st.tuples(st.integers(0, 1_500), st.sampled_from(["Slack", "deadline", "error"])), min_size=2, max_size=12
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS, rule=st.sampled_from([TOGETHER, SEQUENCE, ERRORS % "3 within 5m"]))
def test_every_suggested_time_really_fires_where_it_says(tmp_path: Path, events: list[Any], rule: str) -> None:
    bodies = [
        (seen if text != "deadline" else said)(at, f"{text} {number}")
        for number, (at, text) in enumerate(sorted(events))
    ]
    path = write(tmp_path, [*bodies, end(9_000)])
    before = {one.match.id for one in replay(fresh(program_of(rule)), [path]).firings}
    for one in near(tmp_path, rule, [*bodies, end(9_000)]).near:
        assert one.hint
        edited = _edited(rule, one)
        if edited is not None:
            firings = replay(fresh(compile_rulebook(edited)), [path]).firings
            # Of five errors at one moment the edited rule takes two and two: what nearly fired may be the fifth.
            beside_ms = 300_000 if "count" in rule else 0
            fired = [event.at_ms for firing in firings for event in firing.match.events]
            assert any(abs(at_ms - one.event.at_ms) <= beside_ms for at_ms in fired)
            assert {firing.match.id for firing in firings} != before


def _edited(rule: str, one: Near) -> Rulebook | None:
    """Return the rule after its author did as the hint says."""
    key, _, rest = one.hint.partition(": ")
    amount = rest.removesuffix(" would fire")
    if key == "count":
        return rulebook_of(ERRORS % amount)
    if key == "within" and duration_ms(amount):
        old = "within: 2m" if rule is TOGETHER else "within: 1m"
        return rulebook_of(rule.replace(old, f"within: {amount}"))
    return None
