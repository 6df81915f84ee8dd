"""Numbers about what was collected: right, additive, bounded, and readable."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.statistics import MOST_NAMES, NOTHING, Tally, statistics, statistics_lines, tally_of
from engine.model.event import Event
from tests.core.dispatching import at_ms, happened


def _said(minutes: float, text: str, source: str, seconds: int) -> Event:
    return happened(minutes, text, source=source, stream=f"{source}:default", end_ms=at_ms(minutes) + seconds * 1000)


def _sum(*tallies: Tally) -> Tally:
    return sum(tallies, NOTHING)


def _told(*events: Event) -> list[str]:
    return statistics_lines(statistics(_sum(*(tally_of(event, {}) for event in events))))


def test_talk_is_measured_by_who_spoke() -> None:
    tally = _sum(
        tally_of(_said(0, "so they said", "system_audio", 30), {}),
        tally_of(_said(1, "yes", "mic", 10), {}),
        tally_of(_said(2, "and so on", "room", 5), {}),
    )
    stats = statistics(tally)
    assert stats["talk"] == {
        "you": {"ms": 10_000, "words": 1}, "they": {"ms": 30_000, "words": 3}, "room": {"ms": 5_000, "words": 3},
    }  # fmt: skip
    assert stats["talk_ratio"] == 0.25 and (stats["first"], stats["last"]) == (at_ms(0), at_ms(2) + 5_000)
    assert statistics_lines(stats) == ["Talk: you 10s (1 word), they 30s (3 words), room 5s (3 words); you 25%"]


def test_kinds_are_counted_the_most_frequent_first() -> None:
    screen = happened(0, "x", kind="visual_index")
    assert _told(screen) == []
    assert _told(happened(0, None), screen, screen) == ["3 items: 2 screen, 1 transcript"]


def test_spans_are_a_table_of_times_and_shares() -> None:
    def span(key: Any, seconds: Any) -> Tally:
        return tally_of(happened(10, None, kind="rule", body={"data": {"key": key, "seconds": seconds}}), {})

    own = tally_of(happened(10, "x"), {"key": "Slack", "seconds": 300})
    tally = _sum(span("Editor", 900), own, span("Editor", 0.5), span("odd", -1), span("odd", "x"), span(5, 5))
    stats = statistics(tally)
    assert stats["spans"] == [
        {"key": "Editor", "ms": 900_500, "seconds": 900, "count": 2, "share": 0.75},
        {"key": "Slack", "ms": 300_000, "seconds": 300, "count": 1, "share": 0.25},
    ]
    assert statistics_lines(stats)[-3:] == ["Time:", "  Editor  15m   75%", "  Slack    5m   25%"]
    assert stats["first"] == at_ms(10) - 900_000


def test_alerts_are_counted_by_label_and_a_session_has_a_length() -> None:
    alerts = [happened(0, "x", kind="alert", body={"data": {"label": label}}) for label in ("gore", "slack", "slack")]
    tally = _sum(*(tally_of(alert, {}) for alert in alerts))
    stats = statistics(tally, 3_900_000)
    assert stats["alerts"] == {"slack": 2, "gore": 1} and stats["session"] == 3_900_000
    assert statistics_lines(stats) == ["Alerts: slack 2, gore 1", "Session: 1h05m"]


def test_of_nothing_there_is_nothing_to_say() -> None:
    assert statistics_lines(statistics(NOTHING)) == [] and statistics(NOTHING)["talk_ratio"] is None


def test_a_span_of_no_length_has_no_share() -> None:
    assert statistics(tally_of(happened(0, "x"), {"key": "a", "seconds": 0}))["spans"][0]["share"] == 0


def test_names_out_of_captured_text_are_bounded() -> None:
    events = [happened(0, "x", kind="alert", body={"label": f"{number}\n" + "x" * 999}) for number in range(200)]
    tally = _sum(*(tally_of(event, {}) for event in events))
    assert len(tally.alerts) == MOST_NAMES + 1 and sum(count for _, count in tally.alerts) == 200
    assert len("\n".join(statistics_lines(statistics(tally)))) < 2_000


_events = st.builds(
    lambda minutes, text, source, kind, label, seconds: happened(
        minutes, text, source=source, kind=kind, body={"label": label, "data": {"key": label, "seconds": seconds}},
        end_ms=at_ms(minutes) + 1000,
    ),
    st.integers(0, 99), st.one_of(st.none(), st.text(max_size=20)), st.sampled_from((None, "mic", "system_audio", "z")),
    st.sampled_from(("transcript", "alert", "rule", "visual_index")), st.sampled_from(("a", "b", None, 5)),
    st.one_of(st.none(), st.integers(-1, 10**12), st.floats(), st.just("x"), st.booleans()),
)  # fmt: skip
_tallies = _events.map(lambda event: tally_of(event, {}))


@settings(max_examples=100)
@given(st.lists(_tallies, max_size=8), st.integers(0, 8))
def test_the_tally_of_parts_is_that_of_the_whole(tallies: list[Tally], place: int) -> None:
    whole = _sum(*tallies)
    assert _sum(*tallies[:place]) + _sum(*tallies[place:]) == whole
    assert whole.total == len(tallies)
    assert all(isinstance(line, str) and "\n" not in line for line in statistics_lines(statistics(whole)))
