"""Two thirds of what a pattern asks for are near, by whatever operator counts them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.window.closing import was_near
from engine.core.window.operators import OPERATORS
from engine.model.condition import AllOf
from engine.model.window import Absent, Changes, Count, Held, Sequence, StepSpec, Together
from tests.core.window.items import item

STEPS = tuple(StepSpec(name, AllOf(()), name == "no") for name in ("a", "b", "no", "c"))
COUNT = Count(3, 60_000)
TOGETHER = Together(STEPS, 60_000, 3)
SEQUENCE = Sequence(STEPS, 60_000, 3)
HELD = Held(30_000, 20_000)
MANY = Count(90, 600_000)


@pytest.mark.parametrize(
    ("spec", "hits", "near"),
    [
        (COUNT, [(0, 0)], False),
        (COUNT, [(0, 0), (9_000, 0)], True),
        (MANY, [(number, 0) for number in range(59)], False),
        (MANY, [(number, 0) for number in range(60)], True),
        (TOGETHER, [(0, 0)], False),
        (TOGETHER, [(0, 0), (5_000, 3)], True),
        (SEQUENCE, [(0, 0)], False),
        (SEQUENCE, [(0, 0), (5_000, 1)], True),
        (HELD, [(0, 0), (19_000, 0)], False),
        (HELD, [(0, 0), (19_000, 0), (20_000, 0)], True),
        (HELD, [(0, 0), (19_000, 0), (30_000, 0)], False),  # it fired
        (Absent(60_000), [(0, 0)], False),
        (Changes("_.text"), [(0, 0)], False),
    ],
)
def test_two_thirds_are_near(spec: Any, hits: list[tuple[int, int]], near: bool) -> None:
    operator = OPERATORS[type(spec)]
    state = operator.EMPTY
    for number, (at_ms, role) in enumerate(hits):
        state = operator.on_hit(spec, state, item(at_ms, (role,), number=number)).state
    assert was_near(spec, state) is near
    assert not was_near(spec, operator.EMPTY)
