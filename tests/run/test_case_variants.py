"""What `same_under` makes of a case: disturbances that a real journal can show, and no others."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.run.case_given import Arrival, restamped
from engine.run.case_variants import MOST, SHUFFLES, Variant, variants

LATENESS = 10_000
NAMES = ("duplicates", "shuffle", "restart", "reload", "ticks")


def _case(offsets: list[tuple[int, bool]]) -> list[Arrival]:
    at_ms, made = 1_000_000_000_000, []
    for number, (gap_ms, is_line) in enumerate(offsets):
        at_ms += gap_ms
        body = {"channel": "transcript", "data": {"text": str(number), "start": at_ms, "end": at_ms}}
        made.append(restamped(Arrival(at_ms, body), at_ms) if is_line else Arrival(at_ms, act="ack"))
    return made


CASES = st.lists(st.tuples(st.integers(0, 15_000), st.booleans()), min_size=1, max_size=12).map(_case)


def _variants(names: tuple[str, ...], arrivals: list[Arrival]) -> list[Variant]:
    return list(variants(names, arrivals, arrivals[0].at_ms, arrivals[-1].at_ms, LATENESS))


def _texts(arrivals: list[Arrival]) -> list[str]:
    return [arrival.body["data"]["text"] for arrival in arrivals if arrival.body is not None]


@settings(max_examples=150, deadline=None)
@given(CASES)
def test_a_disturbed_case_is_plausible(arrivals: list[Arrival]) -> None:
    end_ms = arrivals[-1].at_ms
    acts = [arrival for arrival in arrivals if arrival.act]
    for variant in _variants(NAMES, arrivals):
        times = [arrival.at_ms for arrival in variant.arrivals]
        assert times == sorted(times) and times[-1] <= end_ms
        assert [one for one in variant.arrivals if one.act == "ack"] == acts
        for one in variant.arrivals:
            if one.body is not None:
                late_ms = one.at_ms - one.body["data"]["start"]
                assert 0 <= late_ms < LATENESS, "never before its time, never too late"
                assert one.body["unix_ts"] == one.at_ms / 1000


@settings(max_examples=100, deadline=None)
@given(CASES)
def test_a_shuffle_loses_nothing_and_crosses_no_act(arrivals: list[Arrival]) -> None:
    found = _variants(("shuffle",), arrivals)
    assert len(found) <= SHUFFLES and not any(variant.exact for variant in found)
    orders = [tuple(_texts(variant.arrivals)) for variant in found]
    assert len({*orders}) == len(orders) and tuple(_texts(arrivals)) not in orders
    for variant in found:
        assert _parts(variant.arrivals) == _parts(arrivals)


def _parts(arrivals: list[Arrival]) -> list[set[str]]:
    """Return what is said between two acts."""
    parts: list[set[str]] = [set()]
    for arrival in arrivals:
        if arrival.body is None:
            parts.append(set())
        else:
            parts[-1].add(arrival.body["data"]["text"])
    return parts


def test_more_than_neighbours_change_places() -> None:
    arrivals = _case([(0, True), (1_000, True), (1_000, True), (1_000, True), (30_000, True)])
    orders = {tuple(_texts(variant.arrivals)) for variant in _variants(("shuffle",), arrivals)}
    assert ("1", "2", "3", "0", "4") in orders
    assert len(orders) >= 8


def test_lines_too_far_apart_keep_their_order() -> None:
    assert _variants(("shuffle",), _case([(0, True), (10_000, True), (11_000, True)])) == []


def test_every_step_is_interrupted_and_the_end_and_all_at_once() -> None:
    arrivals = _case([(0, True), (5_000, True)])
    acts = [[one.act for one in variant.arrivals] for variant in _variants(("restart",), arrivals)]
    assert acts == [["restart", "", ""], ["", "restart", ""], ["", "", "restart"],
                    ["restart", "", "restart", "", "restart"]]  # fmt: skip


def test_a_long_case_is_disturbed_at_places_spread_evenly() -> None:
    arrivals = _case([(1_000, True)] * 300)
    found = _variants(("restart",), arrivals)
    assert len(found) == MOST + 1
    places = [next(place for place, one in enumerate(v.arrivals) if one.act) for v in found[:-1]]
    assert places[-1] == 300 and max(b - a for a, b in pairwise(places)) <= 6
    long = _case([(10, True)] * 20_000)
    assert len(_variants(("restart",), long)) == 5, "a long recording is not played sixty times"


def test_an_echo_is_known_by_what_it_says() -> None:
    arrivals = _case([(0, True), (5_000, True)])
    *single, echoed = _variants(("duplicates",), arrivals)
    assert [_texts(variant.arrivals) for variant in single] == [["0", "0", "1"], ["0", "1", "1"]]
    assert _texts(echoed.arrivals) == ["0", "0", "1"]
    bare = [Arrival(one.at_ms, {"channel": "transcript", "data": {"text": "x"}}) for one in arrivals]
    assert len(_variants(("duplicates",), bare)) == 2, "without a start it is another event three seconds later"


def test_a_line_without_a_time_of_its_own_stays_where_it_is() -> None:
    timed = _case([(0, True), (2_000, True), (2_000, True)])
    first = Arrival(timed[0].at_ms, {"channel": "alert", "unix_ts": timed[0].at_ms / 1000, "data": {"label": "x"}})
    for variant in _variants(("shuffle",), [first, *timed[1:]]):
        assert variant.arrivals[0] == first
