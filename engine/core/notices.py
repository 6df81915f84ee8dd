"""Who is told what: the destinations behind a rule's names, its words, and one notification a destination.

Invariant: ids and keys are made of evidence and due instants alone, so a replay gives them again.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple

from engine.core.compile import CompiledRule, Program
from engine.core.gates import Deferred
from engine.core.json_text import json_text
from engine.core.moment import clock_text
from engine.core.render import Renderer, deferred_text
from engine.model.event import Event
from engine.model.match import Firing, Match
from engine.model.notification import Notification, SummaryRequest
from engine.model.rule import Rule

__all__ = ["Notices", "Said", "Told", "notice_id"]

RECORD = "record:"


class Said(NamedTuple):
    """What the engine has to say about a rule, for the rules that hear `engine.<name>`."""

    name: str
    fields: dict[str, Any]
    at_ms: int


class Told(NamedTuple):
    """What a call of the dispatcher gave.

    Of `on_match` the first firing is that of the match, and `data` that of the event it writes back, if any; `written`
    are the events of digests. `broken` are the rules whose work raised when its time came: a fault in one must not end
    the others.
    """

    firings: list[Firing]
    notifications: list[Notification]
    said: list[Said]
    broken: list[tuple[CompiledRule, Exception]]
    written: list[Event]
    data: dict[str, Any] | None = None

    @classmethod
    def nothing(cls) -> Told:
        """Return what has nothing in it yet."""
        return cls([], [], [], [], [])


class Notices:
    """Makes messages. It remembers nothing but compiled templates."""

    def __init__(
        self, program: Program, routes: dict[str, tuple[str, ...]], zone_offset: Callable[[str, int], int]
    ) -> None:
        self._heard = program.heard
        self._routes = routes
        self.zone_offset = zone_offset
        self._renderers: dict[str, Renderer] = {}

    def destinations(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the destinations behind the names of a rule, each once, in order."""
        return tuple(dict.fromkeys(one for name in names for one in self._routes.get(name, (name,))))

    def renderer(self, compiled: CompiledRule) -> Renderer:
        """Return the compiled texts of a rule."""
        renderer = self._renderers.get(compiled.owner)
        if renderer is None:
            renderer = self._renderers[compiled.owner] = Renderer(compiled.rule)
        return renderer

    def local_min(self, at_ms: int) -> int:
        """Return the minutes east of UTC here at an instant."""
        return self.zone_offset("local", at_ms)

    def writes(self, compiled: CompiledRule) -> bool:
        """Tell whether the rule's firings are events that others may hear."""
        return compiled.rule.emit is not None or compiled.rule.name in self._heard

    def tell(self, told: Told, rule: Rule, firing: Firing, request: SummaryRequest | None = None) -> None:
        """Add a firing that goes out now, and a notification for each of its destinations."""
        match = firing.match
        told.firings.append(firing)
        told.notifications.extend(
            Notification(f"{match.id}:{name}", match.id, rule.name, match.group, name, firing.title, firing.body,
                         rule.severity, match.at_ms, firing.suppressed, request)
            for name in firing.destinations
        )  # fmt: skip

    def record(self, match: Match, file: str) -> Notification:
        """Return the line a rule records: the event with the rule's name and class and what its pattern found."""
        last = match.events[-1]
        found = {name: value for name, value in match.found.items() if not isinstance(value, dict | list)}
        line = {
            "at": last.at_ms, "rule": match.rule, "group": match.group, "class": last.label, "kind": last.kind,
            "stream": last.stream, "session": last.session, "text": last.text, **found, "event": last.body,
        }  # fmt: skip
        return Notification(f"{match.id}:record", match.id, match.rule, match.group, RECORD + file, "",
                            json_text(line), "info", match.at_ms)  # fmt: skip

    def after_quiet(
        self, rule: Rule, group: str, waited: tuple[Deferred, ...], more: int, now_ms: int
    ) -> list[Notification]:
        """Return the messages that waited, as one for each destination; the rule's own get them all."""
        own = self.destinations(rule.notify)
        names = dict.fromkeys((*own, *(name for item in waited for name in item.also)))
        told: list[Notification] = []
        for name in names:
            items = waited if name in own else tuple(item for item in waited if name in item.also)
            left = more if name in own else 0
            title, body = self._waited(rule, items, left, now_ms)
            firing = items[0].firing
            told.append(
                Notification(f"{firing}:quiet:{name}", firing, rule.name, group or None, name, title, body,
                             rule.severity, now_ms, left)
            )  # fmt: skip
        return told

    def _waited(self, rule: Rule, items: tuple[Deferred, ...], more: int, now_ms: int) -> tuple[str, str]:
        if len(items) == 1 and not more:
            return items[0].title, items[0].body
        offset_min = self.local_min(now_ms)
        return deferred_text(rule.name, [(clock_text(item.at_ms, offset_min), item.body) for item in items], more)


def notice_id(*parts: str) -> str:
    """Return the id of a firing that no evidence of its own names."""
    return blake2b("\x1f".join(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()
