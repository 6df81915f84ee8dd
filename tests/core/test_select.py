"""The indexes against the slow matcher: what is selected is what `explain` says holds, letter for letter."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.core.compile import Program, compile_rulebook
from engine.core.explain import explain
from engine.core.necessary import Bound, Literal, Value, kinds_of, may_be, need_of, value_key
from engine.core.predicate import compile_condition, find_value
from engine.core.select import group_text, select
from engine.core.subject import Subject
from engine.model.condition import AllOf, Condition, Filter, Kinds, Selector, Text
from engine.model.errors import NOWHERE
from engine.model.match import Hit
from engine.model.rule import Rule, Rulebook
from tests.core.generate import BODIES, CONDITIONS, event_of, rulebooks

# A failure names the rule and the event, so that shrinking twenty of each would only cost minutes.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
# 500 rounds (200,000 pairs) take half a minute; the short run still asks 24,000.
DEEP = "DEEP_TESTS" in os.environ
ROUNDS = settings(
    max_examples=500 if DEEP else 60, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck)
)


@ROUNDS
@given(rulebooks(20), st.lists(BODIES, min_size=20, max_size=20))
def test_select_is_explain(rules: tuple[Rule, ...], bodies: list[dict[str, Any]]) -> None:
    program = compile_rulebook(Rulebook(rules))
    for body in bodies:
        event = event_of(body)
        selected = [hit.rule for hit in select(program, Subject(event))]
        explained = [one.rule.name for one in program.rules if explain(one, Subject(event)).holds]
        if selected != explained:  # name the one rule and event, so that the report is short
            name = min(set(selected) ^ set(explained))
            rule = next(rule for rule in rules if rule.name == name)
            raise AssertionError((name in selected, name in explained, rule.condition, rule.partials, body))


@settings(ROUNDS, max_examples=3000 if DEEP else 300)
@given(CONDITIONS, BODIES)
def test_what_is_needed_is_there_whenever_the_condition_holds(condition: Condition, body: dict[str, Any]) -> None:
    event = event_of(body)
    subject = Subject(event)
    if not compile_condition(condition)(subject):
        return
    assert may_be(condition, event.kind)
    kinds = kinds_of(condition)
    assert kinds is None or event.kind in kinds
    need = need_of(condition)
    if need is None or (subject.folded is None and isinstance(body.get("data"), dict)):
        return  # a list under `data.text` is tried with every rule
    assert any(_is_there(clue, subject) for clue in need), (need, condition, body)


def _is_there(clue: Any, subject: Subject) -> bool:
    match clue:
        case Literal(text):
            return text != "" and subject.haystack is not None and text in subject.haystack
        case Value(path, key):
            return value_key(find_value(path)(subject)) == key
        case Bound(path, up, bound):
            number = find_value(path)(subject)
            return isinstance(number, int | float) and bool(number >= bound if up else number <= bound)
    return False


def _hits(rule: Rule, body: dict[str, Any]) -> list[Hit]:
    return select(compile_rulebook(Rulebook((rule,))), Subject(event_of(body)))


def _said(text: str, **data: Any) -> dict[str, Any]:
    return {"channel": "transcript", "rtstream_name": "mic:default", "data": {"text": text, **data}}


ANY = Kinds((Selector("any"),))


def test_the_first_label_that_fits_is_the_class_and_the_group() -> None:
    labels = (("Chat", Text("word", ("slack",))), ("Late", Text("contains", ("a",))))
    rule = Rule("r", ANY, NOWHERE, classify=labels, classify_else="Other", by=("_.class",))
    assert [_hits(rule, _said(text))[0].event.label for text in ("a slack", "alas", "hm")] == ["Chat", "Late", "Other"]
    assert [_hits(rule, _said(text))[0].group for text in ("a slack", "hm")] == ["Chat", "Other"]


def test_named_groups_are_taken_from_the_field_that_was_asked() -> None:
    title = Text("regex", (r"(?P<who>\w+) joined",), ("data.title",))
    (hit,) = _hits(Rule("r", AllOf((ANY, title)), NOWHERE), _said("Bob joined", title="Ann joined"))
    assert hit.found == {"who": "Ann"}


def test_groups_are_apart_when_their_keys_are() -> None:
    assert group_text(["display:1"]) == "display:1"
    assert group_text([None]) is None
    keys: list[list[Any]] = [[None], [""], ["null"], [5], ["a", None], ["a", ""], [["a"]], [{"b": 1, "a": 2}], [2**70]]
    assert len({group_text(key) for key in keys}) == len(keys)
    assert group_text([{"b": 1, "a": 2}]) == group_text([{"a": 2, "b": 1}])


def test_superseded_and_blank_speech_reach_only_those_who_asked() -> None:
    early = Rule("r", ANY, NOWHERE, partials="early")
    partial = _said("so the", is_final=False)
    assert not _hits(Rule("r", ANY, NOWHERE), partial)
    assert len(_hits(early, partial)) == 1
    assert not _hits(early, _said(" \n"))
    seen = {"channel": "visual_index", "data": {"text": "Slack", "is_final": False}}
    assert len(_hits(Rule("r", ANY, NOWHERE), seen)) == 1  # only speech comes in parts


def test_a_wrong_type_is_counted_for_the_rule_that_met_it() -> None:
    wrong = Rule("wrong", AllOf((ANY, Filter("contains(data.n, 'x')"))), NOWHERE)
    right = Rule("right", ANY, NOWHERE)
    subject = Subject(event_of(_said("x", n=5)))
    select(compile_rulebook(Rulebook((right, wrong))), subject)
    assert subject.coerced == {"wrong": {"type": 1}}


def test_any_means_no_event_of_our_own() -> None:
    program: Program = compile_rulebook(Rulebook((Rule("r", ANY, NOWHERE),)))
    for body in ({"event": "rule.x"}, {"event": "engine.late"}, {"event": "capture.gap"}):
        assert not select(program, Subject(event_of(body)))
    assert len(select(program, Subject(event_of({"event": "unheard.of"})))) == 1
