"""Decision records: bounded, readable whatever they quote, and apart for what was told and what was held."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.decision import (
    MAX_EVIDENCE,
    RING,
    age_text,
    decision_of,
    decision_of_fault,
    decision_of_request,
    decision_of_window,
    decision_words,
    decisions_of,
    read_decision,
    rings,
)
from engine.core.moment import clock_text
from engine.model.condition import AllOf
from engine.model.errors import NOWHERE
from engine.model.event import Event
from engine.model.match import Firing, Match, Reason
from engine.model.request import Request
from engine.model.rule import Rule
from engine.store.limits import DECISIONS_KEPT
from tests.core.events import AT
from tests.core.generate import event_of
from tests.core.running import said

RULE = Rule("r", AllOf(()), NOWHERE)


def clock(at_ms: int) -> str:
    return clock_text(at_ms, 0)


def event(text: str | None, line_no: int = 1) -> Event:
    return event_of(said(0, text or ""))._replace(text=text, path="rec.jsonl", line_no=line_no)


def firing(*events: Event, reason: Reason | None = None, **more: object) -> Firing:
    match = Match("id", "r", "display:1", AT, events, {})
    return Firing(match, reason, **more)  # type: ignore[arg-type]


def words_of(told: Firing) -> str:
    _, at_ms, text = decision_of(told, RULE)
    decision = read_decision(at_ms, text)
    assert decision is not None
    return decision_words(decision, clock)


def test_a_firing_keeps_who_was_told_and_the_lines_it_rests_on() -> None:
    ring, at_ms, text = decision_of(firing(event("so the\n deadline", 311), destinations=("me",), suppressed=2), RULE)
    decision = read_decision(at_ms, text)
    assert decision is not None
    assert (ring, decision.kind, decision.group, decision.reason) == ("r", "fired", "display:1", None)
    assert decision.evidence == (("rec.jsonl:311", "so the deadline"),)
    assert decision_words(decision, clock) == "fired -> me (with 2 held before it)"


@pytest.mark.parametrize("reason", Reason)
def test_what_was_held_has_a_ring_of_its_own_and_says_why(reason: Reason) -> None:
    told = reason in (Reason.QUIET, Reason.RETRACTED)
    held = firing(event("x"), reason=reason, until_ms=AT + 60_000)
    assert decision_of(held, RULE)[0] == rings("r")[not told]
    assert words_of(held).split()[0].rstrip(":") in ("held", "waits", "collected", "taken")
    ends = reason in (Reason.COOLDOWN, Reason.QUIET, Reason.SNOOZED, Reason.DIGEST)
    assert words_of(held).endswith("until 10:01:00") is ends


def test_many_lines_of_evidence_are_counted_and_the_newest_named() -> None:
    _, at_ms, text = decision_of(firing(*(event("x", number) for number in range(50))), RULE)
    decision = read_decision(at_ms, text)
    assert decision is not None
    assert decision.events == 50
    assert [one.place for one in decision.evidence] == [f"rec.jsonl:{number}" for number in range(45, 50)]
    assert len(decision.evidence) == MAX_EVIDENCE


def test_the_kinds_of_firings_read_as_what_they_are() -> None:
    one = event("x")
    assert words_of(firing(one, kind="escalated", destinations=("oncall",))) == "escalated -> oncall"
    assert words_of(firing(one, kind="resolved")) == "resolved"
    assert words_of(firing(one, kind="digest")) == "sent its digest"
    assert words_of(firing(one, kind="health")) == "reported its own health"


def test_windows_and_faults_say_what_they_were_given() -> None:
    ring, at_ms, text = decision_of_window(RULE, "g", AT, "2 of 3 when the window closed")
    decision = read_decision(at_ms, text)
    assert decision is not None
    assert (ring, decision.group) == ("r:held", "g")
    assert decision_words(decision, clock) == "did not fire: 2 of 3 when the window closed"
    ring, at_ms, text = decision_of_fault(RULE, AT, "ValueError: x" * 100)
    fault = read_decision(at_ms, text)
    assert fault is not None
    assert ring == "r"
    assert decision_words(fault, clock).startswith("switched off by a fault: ValueError")
    assert len(fault.words) == 300


@pytest.mark.parametrize(
    ("request_", "found", "words"),
    [
        (Request("ack", "r", AT), 2, "acknowledged; 2 open"),
        (Request("ack", "r", AT), 0, "acknowledged, but nothing was open"),
        (Request("ack", "r", AT), None, "no such rule"),
        (Request("snooze", "r", AT, until_ms=AT + 7_200_000), 1, "snoozed until 12:00:00"),
        (Request("snooze", "r", AT, until_ms=AT), 1, "snooze taken back"),
    ],
)
def test_what_operators_asked_is_told(request_: Request, found: int | None, words: str) -> None:
    ring, at_ms, text = decision_of_request(request_, found)
    decision = read_decision(at_ms, text)
    assert decision is not None
    assert (ring, at_ms, decision_words(decision, clock)) == ("r", AT, words)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=50), st.integers(0, 20), st.text(max_size=20))
def test_any_text_is_quoted_in_part_and_read_back(text: str, excerpt: int, group: str) -> None:
    match = Match("id", "r", group, AT, (event(text),), {})
    _, at_ms, packed = decision_of(Firing(match, None), RULE, excerpt)
    decision = read_decision(at_ms, packed)
    assert decision is not None
    [line] = decision.evidence
    assert line.text == " ".join(text[: 4 * excerpt].split())[:excerpt]
    assert decision.group == (group or None)


def test_nothing_is_quoted_where_no_excerpt_is_allowed() -> None:
    _, _, packed = decision_of(firing(event("secret words")), RULE, 0)
    assert "secret" not in packed


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"kind": 1, "evidence": 5}', '{"kind": "x", "evidence": [[1]]}']
)
def test_a_record_that_is_none_is_nothing(text: str) -> None:
    assert read_decision(AT, text) is None


@pytest.mark.parametrize(("now", "words"), [(AT, "0s ago"), (AT + 65_400, "1m05s ago"), (AT - 3_000, "in 3s")])
def test_ages(now: int, words: str) -> None:
    assert age_text(now, AT) == words


def test_the_clock_is_the_readers() -> None:
    held = firing(event("x"), reason=Reason.COOLDOWN, until_ms=AT)
    _, at_ms, text = decision_of(held, RULE)
    decision = read_decision(at_ms, text)
    assert decision is not None
    berlin: Callable[[int], str] = lambda instant: clock_text(instant, 60)  # noqa: E731
    assert decision_words(decision, berlin) == "held by cooldown until 11:00:00"


def test_of_many_firings_each_ring_keeps_the_newest() -> None:
    passed = [firing(event("told", number)) for number in range(60)]
    held = [firing(event("held", number), reason=Reason.COOLDOWN) for number in range(70)]
    made = decisions_of([*passed, *held], lambda name: RULE if name == "r" else None)
    assert [ring for ring, _, _ in made] == ["r"] * RING + ["r:held"] * RING
    newest = read_decision(*made[-1][1:])
    assert newest is not None
    assert newest.evidence[0].place == "rec.jsonl:69"
    assert decisions_of(passed, lambda _: None) == []
    assert RING == DECISIONS_KEPT, "what the store holds"
