"""`partials`: superseded text is ignored, matched once an utterance, or taken for what it is."""

from __future__ import annotations

import pytest

from engine.core import early
from tests.core.running import Running, said

RULE = "{name: r, when: transcript, contains: dead, partials: early}"


def _partial(after_s: float, text: str, start_s: float = 0) -> dict[str, object]:
    body = said(start_s, text, is_final=False)
    return {**body, "unix_ts": body["unix_ts"] + after_s - start_s}


@pytest.mark.parametrize(
    ("partials", "reasons"),
    [("ignore", ["fired"]), ("early", ["fired"]), ("all", ["fired", "fired", "fired"])],
)
def test_who_hears_what(partials: str, reasons: list[str]) -> None:
    running = Running(RULE.replace("early", partials))
    running.feed(_partial(0, "the"), _partial(1, "the dead"), _partial(2, "the deadline"), said(0, "the deadline is"))
    assert running.reasons == reasons


def test_the_first_partial_that_fits_uses_the_utterance_up() -> None:
    running = Running(RULE)
    running.feed(_partial(0, "the"), _partial(1, "the dead"), _partial(2, "the deadline"), said(0, "the deadline is"))
    running.feed(_partial(4, "the deadline was"), said(0, "the deadline was"))  # come too late
    running.feed(_partial(10, "dead", 10), said(10, "dead end"))
    assert running.bodies == ["the dead", "dead"]
    assert "rule.r.retracted" not in running.counters


def test_a_final_that_no_longer_fits_retracts_once() -> None:
    running = Running(RULE).feed(_partial(0, "the dead"), said(0, "the debt is"), said(0, "the debt was"))
    assert running.reasons == ["fired", "retracted"]
    assert running.firings[1].match.id == running.firings[0].match.id
    assert running.counters["rule.r.retracted"] == 1


def test_what_no_gate_let_through_is_not_retracted() -> None:
    running = Running(RULE.replace("}", ", cooldown: 1h}"))
    running.feed(said(0, "dead"), _partial(5, "dead", 5), said(5, "debt"))
    assert running.reasons == ["fired", "cooldown"]


def test_a_final_uses_the_utterance_up_as_well() -> None:
    running = Running(RULE).feed(said(0, "dead end"), _partial(1, "dead"))
    assert running.reasons == ["fired"]


def test_times_of_another_clock_do_not_split_an_utterance() -> None:
    running = Running(RULE)
    for number in range(8):  # relative to a recording of long ago: the shift still settles while these come
        old = {"start": 1_600_000_000_000, "end": 1_600_000_000_000 + 300 * number, "is_final": number == 7}
        running.feed(said(number * 2, f"dead {number}", **old))
    assert running.reasons == ["fired"]


def test_a_restart_or_reload_keeps_what_was_used() -> None:
    for step in ("restart", "adopt"):
        running = Running(RULE).feed(_partial(0, "the dead"))
        if step == "restart":
            running.restart()
        else:
            running.adopt(RULE)
            running.restart()  # what was not committed before the reload must be by now
        running.feed(_partial(1, "the deadline"), said(0, "the debt"))
        assert running.reasons == ["fired", "retracted"]


def test_memory_is_bounded_and_forgets_after_ten_minutes() -> None:
    running = Running(RULE)
    running.feed(*(_partial(number / 100, f"dead {number}", number / 100) for number in range(early.MAX_KEPT + 20)))
    running.take()
    many = len(running.stored["early", ""])
    running.feed(_partial(3600, "dead", 3600))
    running.take()
    assert many > 1000 * len(running.stored["early", ""])
    assert len(running.firings) == early.MAX_KEPT + 21
