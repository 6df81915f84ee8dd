"""States by rule and group: kept while they differ from empty, bounded, and saved as far as they changed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.core.shelf import Shelf, pack, unpack


def _shelf(most: int = 3) -> Shelf[int]:
    return Shelf(":s", 0, lambda state: b"%d" % state, most)


def test_only_what_changed_is_handed_out_and_empty_is_forgotten() -> None:
    shelf = _shelf()
    assert shelf.put("r#1", "a", 1) is None and shelf.put("r#1", "b", 0) is None
    assert shelf.changes() == {("r#1:s", "a"): b"1"} and shelf.changes() == {}
    shelf.put("r#1", "a", 1)
    assert shelf.changes() == {} and shelf.snapshot() == {("r#1:s", "a"): b"1"}
    shelf.put("r#1", "a", 0)
    assert shelf.changes() == {("r#1:s", "a"): None} and shelf.groups("r#1") == {} and shelf.get("r#1", "a") == 0


def test_the_state_idle_for_longest_that_may_go_makes_room() -> None:
    shelf = _shelf()
    for group, state in (("a", 5), ("b", 1), ("c", 1)):
        shelf.put("r#1", group, state)
    assert shelf.put("r#1", "d", 1, lambda state: state < 5) == "b"
    assert shelf.put("r#1", "e", 5) == "a"
    assert shelf.put("r#1", "f", 5, lambda state: state > 9) == "c"
    assert shelf.evicted == {"r": 3} and list(shelf.groups("r#1")) == ["d", "e", "f"]
    assert shelf.changes()["r#1:s", "a"] is None


_values = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(), st.text("\ud800a"), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text("ab"), inner, max_size=2)),
    max_leaves=6,
)


@given(_values)
def test_any_plain_value_comes_back_from_bytes(value: Any) -> None:
    # Whole numbers of more than 64 bits come back as the nearest float, as they do from a line of the journal.
    packed = unpack(pack(1, value))
    assert unpack(pack(1, packed)) == packed
    assert packed == value or any(abs(number) >= 2**63 for number in _numbers(value))


def _numbers(value: Any) -> list[int]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for part in value for number in _numbers(part)]
    return [value] if isinstance(value, int) else []
