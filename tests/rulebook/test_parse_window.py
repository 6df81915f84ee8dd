"""What a rule looks for over time: what each form means."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import pytest
import yaml

from engine.core.compile import compile_rulebook
from engine.core.necessary import kinds_of, may_be
from engine.model.condition import AllOf, AnyOf, Kinds, Not, Selector, Text
from engine.model.errors import NOWHERE
from engine.model.rule import Rule
from engine.model.window import Absent, Count, Timer, Together
from engine.rulebook.keys import KEYS
from engine.rulebook.parse import parse_file, parse_rules
from tests.rulebook.examples import EXAMPLES, files_of
from tests.rulebook.patterns import ANY, PARTS, SCREEN, SPEECH, WINDOWS


def bare(value: Any) -> Any:
    """Return the value without its places in a file."""
    if isinstance(value, tuple):
        return tuple(map(bare, value))
    if not is_dataclass(value) or isinstance(value, type):
        return value
    found = {field.name: bare(getattr(value, field.name)) for field in fields(value)}
    return type(value)(**{**found, **({"span": NOWHERE} if "span" in found else {})})


def rule(text: str) -> Rule:
    parsed = parse_file("rules/x.yaml", text.encode())
    assert parsed.problems == ()
    (only,) = parsed.rules
    return only


@pytest.mark.parametrize(("text", "window"), WINDOWS)
def test_pattern(text: str, window: Any) -> None:
    parsed = parse_rules([("rules/x.yaml", text.encode())], frozenset())
    assert parsed.problems == ()
    assert bare(parsed.rulebook.rules[0].window) == window
    assert compile_rulebook(parsed.rulebook).rules[0].rule.window is not None


@pytest.mark.parametrize(("lines", "field", "value"), PARTS)
def test_part(lines: str, field: str, value: Any) -> None:
    assert bare(getattr(rule(f"when: any\n{lines}\n"), field)) == value


def test_of_a_rule_with_steps_the_condition_holds_for_an_event_of_any_step() -> None:
    only = rule(
        "source: mic\ntogether: {a: {when: screen, contains: x}, b: {not: {when: transcript}}}\nwithin: 1m\n"
        "except: [{word: z}]\n"
    )
    assert isinstance(only.condition, AllOf)
    *around, steps = only.condition.parts
    assert [type(part).__name__ for part in around] == ["FromSource", "Not"]
    assert bare(steps) == AnyOf((AllOf((SCREEN, Text("contains", ("x",)))), SPEECH))
    assert kinds_of(only.condition) == frozenset({"visual_index", "transcript"})


def test_a_step_without_when_looks_at_what_the_rule_looks_at() -> None:
    only = rule("when: [screen, alert]\ntogether: {a: {contains: x}, b: {word: y}}\nwithin: 1m\n")
    assert kinds_of(only.condition) == frozenset({"visual_index", "alert"})


def test_a_step_that_says_in_other_words_what_it_looks_at_does_without_when() -> None:
    only = rule("together: {a: {filter: channel == 'alert'}, b: {when: screen}}\nwithin: 1m\n")
    assert isinstance(only.window, Together)
    step = only.window.steps[0].condition
    assert isinstance(step, AllOf) and step.parts[0] == ANY
    around = rule("filter: data.a == 'x'\ntogether: {a: {word: x}, b: {when: screen}}\nwithin: 1m\n")
    assert isinstance(around.window, Together)
    step = around.window.steps[0].condition
    assert isinstance(step, AllOf) and step.parts[0] == ANY


def test_blocks_of_the_rule_that_name_kinds_are_enough_for_its_steps() -> None:
    only = rule("any: [{when: rule.x}, {when: rule.y}]\ntogether: {a: {word: x}, b: {word: y}}\nwithin: 1m\n")
    assert kinds_of(only.condition) == frozenset({"rule"})


def test_steps_inherit_in_and_case() -> None:
    only = rule(
        "when: any\ncase: exact\nin: data.a\ntogether: {a: {word: x}, b: {not: {word: y, case: ignore}}}\nwithin: 1m\n"
    )
    assert isinstance(only.window, Together)
    assert bare(tuple(step.condition for step in only.window.steps)) == (
        Text("word", ("x",), ("data.a",), True),
        Text("word", ("y",), ("data.a",), False),
    )


def test_what_should_not_be_missing_is_the_condition() -> None:
    only = rule("source: mic\nabsent: {when: transcript, word: x}\nfor: 5m\n")
    assert isinstance(only.condition, AllOf)
    assert [type(part).__name__ for part in only.condition.parts] == ["FromSource", "Kinds", "Text"]
    inherited = rule("when: screen\nabsent: {contains: x}\nfor: 5m\n")
    assert kinds_of(inherited.condition) == frozenset({"visual_index"})


def test_no_event_sets_a_timer_off_whatever_the_defaults_say() -> None:
    text = "defaults: {when: any, by: _.stream, partials: early, lateness: 30s}\nrules:\n  - {name: t, every: 30m}\n"
    only = rule(text)
    assert (only.condition, only.by, only.window) == (AnyOf(()), (), Timer(every_ms=1_800_000))
    assert not any(may_be(only.condition, kind) for kind in ("transcript", "engine", "session", "other"))


def test_the_zone_of_a_rule_is_that_of_all_its_times_but_those_that_name_one() -> None:
    only = rule(
        "when: any\nzone: Asia/Tokyo\nactive: 09:00-18:00\nquiet: {hours: 22:00-07:00, zone: UTC}\n"
        "digest: {at: '18:00'}\n"
    )
    gates, digest = only.gates, only.digest
    assert gates.active is not None and gates.active.zone == "Asia/Tokyo"
    assert gates.active.source == "09:00-18:00 Asia/Tokyo"
    assert gates.quiet is not None and gates.quiet.zone == "UTC"
    assert digest is not None and digest.timers[0].zone == "Asia/Tokyo"


def test_defaults_that_a_pattern_has_no_use_for_are_no_fault() -> None:
    text = "defaults: {lateness: 30s, zone: UTC, expect: {max: 5/day}}\nrules: [{name: a, when: screen}]\n"
    only = rule(text)
    assert (only.window, only.expect is not None) == (None, True)


@pytest.mark.parametrize(
    ("lines", "notify"),
    [
        ("track: data.app\nrecord: usage.jsonl", ()),
        ("track: data.app", ("default",)),
        ("record: usage.jsonl\ndigest: {every: 30m}", ("default",)),
        ("emit: true\nescalate: [{after: 5m, notify: a}]", ("default",)),
        ("emit: true\nuntil: session.active\nresolve: x", ("default",)),
        ("emit: true\nlateness: 5s\ncount: 3 within 10m", ()),
    ],
)
def test_who_only_records_tells_nobody_unless_there_is_something_to_read(lines: str, notify: tuple[str, ...]) -> None:
    assert rule(f"when: screen\n{lines}\n").notify == notify


def test_the_patterns_of_the_worked_examples() -> None:
    found = {}
    for name in EXAMPLES:
        for each in parse_rules(files_of(name), None).rulebook.rules:
            found[each.name] = each
    kinds = {name: type(each.window).__name__ for name, each in found.items() if each.window is not None}
    assert kinds == {
        "app-usage": "Track",
        "deadline-in-slack": "Together",
        "transcript-went-quiet": "Absent",
        "repeated-errors": "Count",
    }
    assert found["transcript-went-quiet"].window == Absent(600_000, 0, "active")
    assert found["repeated-errors"].window == Count(3, 600_000)
    assert {name for name, each in found.items() if each.digest is not None} == {
        "discussion-summary", "half-hour-notes", "session-recap", "daily-recap",
    }  # fmt: skip
    assert {name for name, each in found.items() if each.incident is not None} == {
        "transcript-went-quiet", "recorder-down",
    }  # fmt: skip
    down = found["recorder-down"].incident
    assert down is not None and down.until_acked and down.until == Kinds((Selector("session", "active"),))
    assert [(step.after_ms, step.notify, step.repeat_ms, step.most) for step in down.steps] == [
        (300_000, ("oncall",), None, 1),
        (900_000, ("phone",), 900_000, 4),
    ]


BESIDE = {
    "reset": "count: 3 within 10m",
    "within": "together: {a: {word: x}, b: {word: y}}",
    "together": "within: 5m",
    "sequence": "within: 5m",
    "at_least": "sequence: {a: {word: x}, b: {word: y}, c: {word: z}}\nwithin: 5m",
    "absent": "for: 5m",
    "gap": "for: 10m",
    "while": "absent: {word: x}\nfor: 5m",
    "summarize": "digest: {every: 30m}",
    "days": "every: 30m",
    "missed": "every: 30m",
    "zone": "at: '18:00'",
    "lateness": "count: 3 within 10m",
    "resolve": "for: 10m",
    "in": "word: x",
    "case": "word: x",
}
TIMER = {"every", "at", "days", "missed", "zone"}


@pytest.mark.parametrize(("key", "example"), [(key.name, example) for key in KEYS for example in key.examples])
def test_every_example_of_the_table_loads_beside_what_it_needs(key: str, example: Any) -> None:
    when = "" if key in TIMER or key == "when" else "when: transcript\n"
    written = yaml.safe_dump({key: example}, sort_keys=False, allow_unicode=True)
    text = f"{when}{BESIDE.get(key, '')}\n{written}"
    parsed = parse_file("rules/x.yaml", text.encode())
    assert parsed.problems == ()


def test_unlike_blocks_a_negated_step_is_negated_only_if_it_is_nothing_else() -> None:
    only = rule("when: any\ntogether: {a: {word: x, not: {word: y}}, b: {not: {word: z}}}\nwithin: 1m\n")
    assert isinstance(only.window, Together)
    first, second = only.window.steps
    assert (first.negated, second.negated) == (False, True)
    assert isinstance(first.condition, AllOf) and isinstance(first.condition.parts[1], Not)
