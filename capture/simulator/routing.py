"""What an endpoint is, and how a call finds its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from capture.simulator.cloud import Cloud
from capture.simulator.wire import Call

__all__ = ["Endpoint", "Handler", "RefusalError", "Router", "action_of", "need", "page_of"]

Handler: TypeAlias = Callable[[Cloud, Call], Any]
"""Takes a call with its path parameters filled in and returns the contents of `data`. Errors: RefusalError."""


class RefusalError(Exception):
    """The cloud says no: an HTTP status and a message, as the SDK shows it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Endpoint(NamedTuple):
    """One line of the API: `GET`, `/rtstream/{id}`, and who answers."""

    method: str
    template: str
    handler: Handler

    @property
    def name(self) -> str:
        """`GET /rtstream/{id}`: the name under which calls are counted."""
        return f"{self.method} {self.template}"


class Router:
    """Finds the endpoint of a call; the first that fits wins, so fixed names come before parameters."""

    def __init__(self, endpoints: tuple[Endpoint, ...]) -> None:
        self._known = [(re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", e.template)), e) for e in endpoints]

    def find(self, call: Call) -> Endpoint:
        """Fill in the call's parameters and return its endpoint. Errors: RefusalError 404 or 405."""
        path_known = False
        for pattern, endpoint in self._known:
            found = pattern.fullmatch(call.path)
            path_known = path_known or found is not None
            if found and endpoint.method == call.method:
                call.params = found.groupdict()
                return endpoint
        if path_known:
            raise RefusalError(405, f"{call.method} is not allowed here")
        raise RefusalError(404, f"there is no {call.path}")


def need(table: dict[str, Any], key: str, what: str) -> Any:
    """Return the entry. Errors: RefusalError 404, naming what is missing."""
    if key not in table:
        raise RefusalError(404, f"{what} {key} does not exist")
    return table[key]


def action_of(call: Call, *allowed: str) -> str:
    """Return the body's `action`. Errors: RefusalError 400."""
    action = call.body.get("action")
    if action not in allowed:
        raise RefusalError(400, f"action must be one of {', '.join(allowed)}, not {action!r}")
    return str(action)


def page_of(rows: list[dict[str, Any]], call: Call, *, most: int = 1000) -> tuple[list[dict[str, Any]], bool]:
    """Return the page the query asks for, and whether there is another."""
    try:
        page, size = int(call.query.get("page", 1)), int(call.query.get("page_size", 100))
    except ValueError:
        raise RefusalError(400, "page and page_size must be whole numbers") from None
    if page < 1 or not 1 <= size <= most:
        raise RefusalError(400, f"page starts at 1, page_size goes up to {most}")
    return rows[(page - 1) * size : page * size], len(rows) > page * size
