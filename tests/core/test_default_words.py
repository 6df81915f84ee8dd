"""The message of a rule that writes none, for every pattern."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.default_words import BODY_MAX, default_words, span_text
from engine.model.condition import AllOf
from engine.model.errors import NOWHERE
from engine.model.match import Match
from engine.model.rule import Rule
from engine.model.window import (
    Absent,
    Changes,
    Count,
    FirstSeen,
    Held,
    Sequence,
    Spike,
    StepSpec,
    Timer,
    Together,
    Track,
    Window,
)  # fmt: skip
from tests.core.dispatching import AT, MINUTE_MS, at_ms, happened

RULE = Rule("r", AllOf(()), NOWHERE)
SLACK, SAID = (StepSpec(name, AllOf(())) for name in ("slack", "said"))
TEN_MIN = 10 * MINUTE_MS
SPAN = {"key": "Slack", "start": at_ms(4), "end": at_ms(29.2), "seconds": 1512}


def _words(window: Window | None, since: float | None = None, **found: Any) -> str:
    events = (happened(1, "first"), happened(9, "last text"))
    match = Match("id", "r", None, at_ms(10), events, found, None if since is None else at_ms(since))
    return default_words(replace(RULE, window=window), match, lambda _: 60)


@pytest.mark.parametrize(
    ("window", "found", "words"),
    [
        (None, {}, "last text"),
        (Count(3, TEN_MIN), {"count": 3}, "3 times within 10m; last: last text"),
        (Count(3, TEN_MIN, "data.path"), {"count": 4},
         "4 different values of data.path within 10m; last: last text"),
        (Together((SLACK, SAID), TEN_MIN, 2), {"steps": {"slack": 1, "said": 0}}, "slack: last text\nsaid: first"),
        (Sequence((SLACK, SAID), TEN_MIN, 2), {"steps": {"slack": 0, "said": 9}}, "slack: first"),
        (Sequence((SLACK, SAID), TEN_MIN, 2), {}, "last text"),
        (Absent(TEN_MIN), {}, "Nothing for 10m; last: last text"),
        (Absent(TEN_MIN, 2, "active"), {}, "At most 2 for 10m while a session is active; last: last text"),
        (Held(25 * MINUTE_MS, MINUTE_MS), {}, "For 9m: last text"),
        (Changes("data.x"), {"previous": "Slack", "value": "Editor"}, "Editor (was Slack)"),
        (Changes("data.x"), {"previous": None, "value": 5}, "5 (was nothing)"),
        (FirstSeen("data.x", 1), {"value": "a\nhost"}, "New: a host\nlast text"),
        (FirstSeen("_.text", 1), {"value": "last text"}, "New: last text"),
        (Spike(3, TEN_MIN, TEN_MIN, 5), {"count": 9, "usual": 2.0}, "9 within 10m, usually 2; last: last text"),
        (Track("x", 1, 1), SPAN, "Slack, 25m12s (11:04-11:29)"),
        (Timer(every_ms=TEN_MIN), {}, "It is 11:10"),
    ],
)  # fmt: skip
def test_every_pattern_says_what_it_found(window: Window | None, found: dict[str, Any], words: str) -> None:
    assert _words(window, **found) == words


def test_a_thing_lasts_from_where_it_began() -> None:
    assert _words(Held(1, 1), since=-15) == "For 25m: last text"


def test_a_session_event_is_no_last_word_of_a_silence() -> None:
    match = Match("id", "r", None, AT, (happened(0, "x", kind="session"),), {})
    assert default_words(replace(RULE, window=Absent(TEN_MIN)), match, lambda _: 0) == "Nothing for 10m"


def test_a_timer_says_its_description() -> None:
    rule = replace(RULE, window=Timer(at_min=(600,)), description="Stand up")
    assert default_words(rule, Match("id", "r", None, AT, (happened(0, None),), {}), lambda _: 0) == "Stand up"


def test_an_event_without_words_says_so() -> None:
    for kind in ("transcript", "visual_index", "audio_index"):
        match = Match("id", "r", None, AT, (happened(0, " ", kind=kind),), {})
        assert default_words(RULE, match, lambda _: 0) == "(no text)"


@pytest.mark.parametrize(
    ("end", "text"), [(0.5, "10:00"), (1, "10:00-10:01"), (24 * 60, "10:00-10:00"), (-1, "10:00-09:59")]
)
def test_a_span_reads_as_one_time_where_a_minute_holds_it(end: float, text: str) -> None:
    assert span_text(AT, at_ms(end), lambda _: 0) == text


_windows: st.SearchStrategy[Window | None] = st.sampled_from((
    None, Count(1, 1), Count(1, 1, "p"), Together((SLACK,), 1, 1), Sequence((SLACK,), 1, 1), Absent(1), Held(1, 1),
    Changes("p"), FirstSeen("p", 1), Spike(1, 1, 1, 1), Timer(every_ms=1),
))  # fmt: skip
_odd = st.one_of(
    st.none(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers()), st.just("x" * 99_999)
)


@given(_windows, st.dictionaries(st.sampled_from(("count", "usual", "value", "previous", "steps")), _odd),
       st.one_of(st.none(), st.just("x" * 99_999), st.text(max_size=3)))  # fmt: skip
def test_whatever_was_found_there_are_words_and_not_too_many(
    window: Window | None, found: dict[str, Any], text: str | None
) -> None:
    match = Match("id", "r", None, AT, (happened(0, text),), found)
    assert 0 < len(default_words(replace(RULE, window=window), match, lambda _: 0)) <= BODY_MAX
