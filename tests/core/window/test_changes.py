"""Changes of a value against a look back from each event."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.window import changes
from engine.model.window import Changes, Item
from tests.core.window.quiet_items import BASE, after_lateness, at_base, clock, in_order, item, play, same_anyhow

SPEC = Changes("data.app")
END = at_base(100)


def told(*values: str | None) -> list[tuple[int, str, str, int]]:
    """Return (when, previous, value, since), one event a minute of the base."""
    items = [item(at, value=value) for at, value in enumerate(values)]
    fired = same_anyhow(changes, SPEC, items, END, [at_base(2)])
    return [
        (one.items[-1].at_ms - BASE, one.found["previous"], one.found["value"], (one.since_ms or 0) - BASE)
        for one in fired
    ]


def test_it_fires_when_the_value_is_another() -> None:
    assert told("a", "a", "b", "b", "a") == [(2, "a", "b", 0), (4, "b", "a", 2)]


def test_the_first_value_is_silent() -> None:
    assert told("a") == []


def test_null_says_nothing() -> None:
    assert told(None, "a", None, "a", None, "b") == [(5, "a", "b", 1)]


def test_the_evidence_is_the_event_that_changed_it() -> None:
    second = item(1, value="b")
    (fired,) = play(changes, SPEC, [item(0, value="a"), second], END)
    assert fired.items == (second,)
    assert fired.at_ms is None


def test_of_a_hostile_text_only_the_beginning_counts_and_is_kept() -> None:
    long = "x" * 1_000_000
    state = changes.on_hit(SPEC, changes.EMPTY, item(0, value=long)).state
    assert len(state.value or "") == changes.MAX_VALUE
    assert changes.on_hit(SPEC, state, item(1, value=long + "y")).out == ()


def test_words_for_people_do_not_steer_a_terminal() -> None:
    assert changes.words(SPEC, changes.EMPTY, BASE, clock) == "waits for the first value"
    state = changes.on_hit(SPEC, changes.EMPTY, item(0, value="a\x1b[2J\n\u202eb")).state
    assert changes.words(SPEC, state, BASE, clock) == '"a [2J  b" since 09:00:00'
    state = changes.on_hit(SPEC, changes.EMPTY, item(0, value="x" * 61)).state
    assert changes.words(SPEC, state, BASE, clock) == f'"{"x" * 60}..." since 09:00:00'


_items = st.lists(
    st.builds(
        lambda at, value: item(at, value=value), st.integers(0, 60), st.sampled_from(["a", "b", "c", None])
    ),
    max_size=14,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(_items, st.lists(st.integers(BASE, END), max_size=4))
def test_it_fires_as_the_definition_says(items: list[Item], calls: list[int]) -> None:
    items = [one for one in in_order(items)]
    expected = []
    for number, one in enumerate(items):
        before = [earlier.value for earlier in items[:number] if earlier.value is not None]
        if one.value is not None and before and before[-1] != one.value:
            expected.append((one, before[-1]))
    fired = same_anyhow(changes, SPEC, items, END, calls)
    assert [(one.items[-1], one.found["previous"]) for one in fired] == expected


@settings(max_examples=100, deadline=None)
@given(st.permutations(range(30)), st.lists(st.sampled_from(["a", "b"]), min_size=10, max_size=10))
def test_the_newest_event_says_what_the_value_is_whatever_comes_late(order: list[int], values: list[str]) -> None:
    items = [item(at, value=value) for at, value in zip(order, values, strict=False)]
    state = after_lateness(changes, SPEC, items)
    newest = max(items, key=lambda one: one.at_ms)
    assert (state.value, state.newest_ms) == (newest.value, newest.at_ms)
