"""Which devices to record: ids, globs, `all` and `primary` against what the recorder lists. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple

__all__ = ["ChannelError", "Choice", "Device", "choose", "kind_of", "permissions_for"]

_KINDS = {"screen": "display"}
_ASK = {"microphone": "mic:default", "screen_capture": "display:1"}


class ChannelError(Exception):
    """There is nothing to record, or the primary display is none of the chosen ones."""


class Device(NamedTuple):
    """A device as the recorder lists it: `mic:default`, `display:1`, `system_audio:default`, `camera:0`."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What to record, in the recorder's order. `unmatched` are patterns that fit no device: tell the user."""

    ids: tuple[str, ...]
    stored: frozenset[str]
    primary: str | None
    unmatched: tuple[str, ...]


def kind_of(channel_id: str) -> str:
    """Return mic, system_audio, display or camera."""
    kind = channel_id.partition(":")[0].lower()
    return _KINDS.get(kind, kind)


def choose(devices: Sequence[Device], patterns: Iterable[str], store: Iterable[str], primary: str | None) -> Choice:
    """Match patterns to devices. `all` is every device but cameras; a bare kind (`mic`) is the first of that kind.

    `primary` names one display by id or name, None takes the first chosen. Errors: ChannelError.
    """
    chosen: set[str] = set()
    unmatched: list[str] = []
    for pattern in patterns:
        found = _matching(devices, pattern, primary)
        chosen.update(found)
        if not found:
            unmatched.append(pattern)
    ids = tuple(device.id for device in devices if device.id in chosen)
    if not ids:
        there = ", ".join(device.id for device in devices) or "none at all"
        raise ChannelError(f"no device fits {', '.join(unmatched) or 'the settings'}; the recorder lists {there}")
    displays = [device for device in devices if device.id in chosen and kind_of(device.id) == "display"]
    leading = _primary(displays, primary)
    stored = {each for pattern in store for each in _matching(devices, pattern, leading)} & chosen
    return Choice(ids, frozenset(stored), leading, tuple(unmatched))


def permissions_for(patterns: Iterable[str]) -> tuple[str, ...]:
    """Return which permissions the patterns may need: microphone, screen_capture (also for system audio)."""
    wanted = set(patterns)
    if "all" in wanted:
        return tuple(_ASK)
    screen = {"primary", "screen", "display", "system_audio"} & wanted or any(
        fnmatchcase(each, pattern) for pattern in wanted for each in ("system_audio:default", "display:1")
    )
    screen = screen or any(kind_of(pattern) in ("display", "system_audio") for pattern in wanted)
    mic = any(fnmatchcase("mic:default", pattern) or kind_of(pattern) == "mic" for pattern in wanted)
    return tuple(kind for kind, needed in zip(_ASK, (mic, screen), strict=True) if needed)


def _matching(devices: Sequence[Device], pattern: str, primary: str | None) -> list[str]:
    if pattern == "all":
        return [device.id for device in devices if kind_of(device.id) != "camera"]
    if pattern == "primary":
        displays = [device for device in devices if kind_of(device.id) == "display"]
        named = [device for device in displays if primary in (device.id, device.name)]
        return [device.id for device in (named or displays)[:1]]
    if ":" not in pattern and not set(pattern) & set("*?["):
        return [device.id for device in devices if kind_of(device.id) == kind_of(pattern)][:1]
    return [device.id for device in devices if fnmatchcase(device.id, pattern)]


def _primary(displays: Sequence[Device], wanted: str | None) -> str | None:
    if wanted is None:
        return displays[0].id if displays else None
    for display in displays:
        if wanted in (display.id, display.name):
            return display.id
    there = ", ".join(display.id for display in displays) or "no display"
    raise ChannelError(f"the primary display {wanted!r} is not among the chosen ones: {there}")
