"""Wake-ups: each key's earliest, in order of time, then of the rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.core.agenda import Agenda, Appointment

_keys = st.tuples(st.integers(0, 2), st.integers(0, 1), st.sampled_from(("", "a")))
_asks = st.lists(st.tuples(_keys, st.one_of(st.none(), st.integers(0, 20)), st.booleans()), max_size=40)


@given(_asks, st.integers(0, 20))
def test_what_is_due_comes_in_order_each_once(asks: list[tuple[Appointment, int | None, bool]], now_ms: int) -> None:
    agenda, due = Agenda(), dict[Appointment, int]()
    for who, at_ms, is_off in asks:
        if is_off:
            agenda.cancel(who)
            due.pop(who, None)
        else:
            agenda.wake(who, at_ms)
            if at_ms is not None:
                due[who] = min(at_ms, due.get(who, at_ms))
        assert agenda.wake_at_ms == min(due.values(), default=None)
    taken = []
    while (one := agenda.take(now_ms)) is not None:
        taken.append(one)
    assert taken == sorted((at_ms, who) for who, at_ms in due.items() if at_ms <= now_ms)
    assert agenda.wake_at_ms == min((at_ms for at_ms in due.values() if at_ms > now_ms), default=None)


def test_appointments_made_and_cancelled_for_ever_take_no_room() -> None:
    agenda = Agenda()
    for number in range(10_000):
        agenda.wake((0, 0, f"{number}"), number)
        agenda.cancel((0, 0, f"{number}"))
    assert len(agenda.heap) < 100
