"""Random programs of everything that can happen to a log: nothing is lost in silence, nothing comes twice or early."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.source.program import World

GROUPS = 12
EACH = 40
# Programs that each found a mistake which the first few hundred do not.
TELLING = (523, 583, 690, 696, 741, 776, 845, 1189, 1978, 2449, 2517, 2612, 3326, 3575, 3957, 4263, 4510)
SEEDS = [*(range(group * EACH, (group + 1) * EACH) for group in range(GROUPS)), TELLING]


@pytest.mark.parametrize("seeds", SEEDS, ids=lambda seeds: f"from {seeds[0]}")
def test_random_programs(tmp_path: Path, seeds: Sequence[int]) -> None:
    for seed in seeds:
        folder = tmp_path / str(seed)
        folder.mkdir()
        world = World(folder, seed)
        try:
            world.run(30)
        finally:
            world.stop()
        assert not world.verdict(), f"seed {seed}: {world.verdict()} after {' '.join(world.steps)}"


def test_the_oracle_sees_a_lost_line_a_line_twice_and_a_wrong_order(tmp_path: Path) -> None:
    world = World(tmp_path, 1)
    world.write()
    world.write()
    world.read()
    assert not world.verdict()
    good = list(world.delivered)
    world.stop()
    for delivered in (good[1:], [*good, good[0]], good[::-1]):
        world.delivered = delivered
        assert world.verdict()
