"""`same_under`: the same case disturbed in ways that must change nothing.

Invariant: a disturbance is one that a real journal and a real machine can show. A line never arrives before its own
time, never later than `lateness` allows, and never on the other side of what a person did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from engine.core.decode import draft
from engine.run.case_given import Arrival, restamped

__all__ = ["Variant", "variants"]

MOST = 60
"""Variants of one kind, spread evenly over the steps."""
SHUFFLES = 24
# A long recording under every disturbance would take minutes: so many lines are played again for one kind.
MOST_LINES = 20_000
_ECHO_MS = 3_000
_TICKS = 400


class Variant(NamedTuple):
    """One disturbed case. `exact`: its clock is the same, so times and words must be too, not only the evidence."""

    words: str
    arrivals: list[Arrival]
    exact: bool = True


def variants(
    names: Sequence[str], arrivals: list[Arrival], start_ms: int, until_ms: int, lateness_ms: int
) -> Iterator[Variant]:
    """Yield the disturbed cases of each kind."""
    for name in names:
        if name in ("restart", "reload"):
            yield from _interrupted(name, arrivals, until_ms)
        elif name == "duplicates":
            yield from _doubled(arrivals, until_ms)
        elif name == "shuffle":
            yield from _shuffled(arrivals, until_ms, lateness_ms)
        elif name == "ticks":
            yield _ticking(arrivals, start_ms, until_ms)


def _interrupted(name: str, arrivals: list[Arrival], until_ms: int) -> Iterator[Variant]:
    """Yield one interruption before each step and before the end, and one with all of them."""
    for place in _spread(len(arrivals) + 1, len(arrivals)):
        at_ms = arrivals[place].at_ms if place < len(arrivals) else until_ms
        where = f"{name} at step {place + 1}" if place < len(arrivals) else f"{name} before the end"
        yield Variant(where, [*arrivals[:place], Arrival(at_ms, act=name), *arrivals[place:]])
    every = [one for arrival in arrivals for one in (Arrival(arrival.at_ms, act=name), arrival)]
    yield Variant(f"{name} at every step", [*every, Arrival(until_ms, act=name)])


def _doubled(arrivals: list[Arrival], until_ms: int) -> Iterator[Variant]:
    """Yield each event twice at once, and all of them twice with what a listener stamps on anew three seconds later."""
    lines = [place for place, arrival in enumerate(arrivals) if arrival.body is not None]
    for number in _spread(len(lines), len(arrivals)):
        place = lines[number]
        yield Variant(
            f"duplicates at step {place + 1}", [*arrivals[: place + 1], arrivals[place], *arrivals[place + 1 :]]
        )
    echoes = [
        restamped(arrival, arrival.at_ms + _ECHO_MS)
        for arrival in arrivals
        if arrival.at_ms + _ECHO_MS <= until_ms and _is_known_again(arrival)
    ]
    if echoes:
        yield Variant("duplicates of every event 3s later", _in_time([*arrivals, *echoes]))


def _is_known_again(arrival: Arrival) -> bool:
    """Tell whether the event is known by what it is, not by the second in which it came (RULES 7, Duplicates)."""
    if arrival.body is None:
        return False
    found = draft(arrival.body)
    return found.start_ms is not None or (found.kind == "session" and found.status is not None)


def _shuffled(arrivals: list[Arrival], until_ms: int, lateness_ms: int) -> Iterator[Variant]:
    """Yield orders in which the lines could have come as well: each later by less than `lateness`.

    First each line alone as late as may be, then all of them by chance, the same in every run.
    """
    seen = {tuple(map(id, arrivals))}
    room = [_room(arrivals, place, until_ms, lateness_ms) for place in range(len(arrivals))]
    delays = [
        [room[place] if place == late else 0 for place in range(len(arrivals))]
        for late in _spread(len(arrivals), len(arrivals))
        if room[late] > 0
    ]
    chance = Random(len(arrivals))
    delays += [[chance.randint(0, most) for most in room] for _ in range(min(SHUFFLES, _afford(len(arrivals))))]
    count = 0
    for number, late in enumerate(delays):
        order = sorted(range(len(arrivals)), key=lambda place: (arrivals[place].at_ms + late[place], late[place]))
        named = tuple(id(arrivals[place]) for place in order)
        if named in seen or count == SHUFFLES:
            continue
        seen.add(named)
        count += 1
        moved = [
            restamped(arrivals[place], arrivals[place].at_ms + late[place]) if late[place] else arrivals[place]
            for place in order
        ]
        one = [place for place in range(len(arrivals)) if late[place]]
        where = f"shuffle: step {one[0] + 1} last" if len(one) == 1 else f"shuffle {number + 1}"
        yield Variant(where, moved, exact=False)


def _room(arrivals: list[Arrival], place: int, until_ms: int, lateness_ms: int) -> int:
    """Return by how much a line may come later: less than `lateness`, not after the end, not past the next act.

    A line that does not say when it happened cannot be late: for it, to come later is to happen later.
    """
    arrival = arrivals[place]
    if arrival.body is None or draft(arrival.body).start_ms is None:
        return 0
    act_ms = next((later.at_ms - 1 for later in arrivals[place:] if later.body is None), until_ms)
    return max(0, min(lateness_ms - 1 - arrival.late_ms, act_ms - arrival.at_ms, until_ms - arrival.at_ms))


def _ticking(arrivals: list[Arrival], start_ms: int, until_ms: int) -> Variant:
    """Return the case with the engine woken at every step, and at some hundreds of moments when nothing is due."""
    every_ms = max(1, (until_ms - start_ms) // _TICKS)
    moments = {*range(start_ms, until_ms + 1, every_ms), *(arrival.at_ms for arrival in arrivals)}
    return Variant("ticks", _in_time([*(Arrival(at_ms, act="tick") for at_ms in sorted(moments)), *arrivals]))


def _in_time(arrivals: list[Arrival]) -> list[Arrival]:
    return sorted(arrivals, key=lambda arrival: arrival.at_ms)


def _spread(count: int, lines: int) -> list[int]:
    """Return at most as many of `range(count)` as time allows, evenly spread, the last among them."""
    most = min(MOST, _afford(lines))
    if count <= most:
        return list(range(count))
    return sorted({(number + 1) * count // most - 1 for number in range(most)})


def _afford(lines: int) -> int:
    return max(4, MOST_LINES // max(1, lines))
