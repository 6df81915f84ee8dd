"""Fresh evaluators for the commands that replay recordings. Apart, for it loads what most commands never need."""

from __future__ import annotations

from collections.abc import Callable

from engine.cli.settings import Settings
from engine.core.compile import Program
from engine.core.evaluator import Evaluator
from engine.run.clock import zone_offset

__all__ = ["evaluators"]


def evaluators(settings: Settings) -> Callable[[Program], Evaluator]:
    """Return what makes a fresh evaluator with the zone, limits and destinations that are configured."""
    zone = zone_offset(settings.config.zone)

    def make(program: Program) -> Evaluator:
        return Evaluator(program, settings.routes(program), zone, limits=settings.config.limits)

    return make
