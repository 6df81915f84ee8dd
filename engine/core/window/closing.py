"""Whether a pattern was close to firing: what is worth a record when its window closes without that."""

from __future__ import annotations

from typing import Any

from engine.model.window import Count, Held, Sequence, Together

__all__ = ["was_near"]


def was_near(spec: Any, state: Any) -> bool:
    """Tell whether a state has two thirds of what its pattern asks for (RULES 12.3), whatever became of it.

    Patterns that compare values, and silences, know no nearly. Shape: `state` of the pattern's own operator.
    """
    match spec:
        case Count(at_least=wanted):
            has: float = len(state.items) + sum(map(len, state.older))
        case Together(at_least=wanted, steps=steps):
            has = sum(place >= 0 for step, place in zip(steps, state.places, strict=False) if not step.negated)
        case Sequence(at_least=wanted):
            has = max((len(steps) for _, steps, _ in state.chains), default=0)
        case Held(for_ms=wanted):
            has = 0 if state.start_ms is None or state.fired else state.end_ms - state.start_ms
        case _:
            return False
    return 3 * has >= 2 * wanted and has > 0
