"""A model server on 127.0.0.1 that speaks `/chat/completions`: it answers as told and keeps what it was asked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.servers.http_sink import Answer, HttpSink, Seen, always

__all__ = ["LlmStub", "completion", "lines", "obedient", "saying"]

_ORDER = re.compile(r"SAY:(.*)")


class LlmStub(HttpSink):
    """Use it in `with`. `prompts` are (instructions, material) in the order they came."""

    @property
    def url(self) -> str:
        return f"http://{self.host}/v1"

    @property
    def prompts(self) -> list[tuple[str, str]]:
        return [texts_of(seen) for seen in self.seen]


def texts_of(seen: Seen) -> tuple[str, str]:
    system, user = seen.json()["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    return system["content"], user["content"]


def completion(content: Any, **headers: str) -> Answer:
    """What a server sends around the model's own words."""
    body = {"id": "c-1", "choices": [{"index": 0, "message": {"role": "assistant", "content": content}}]}
    return Answer(200, {"Content-Type": "application/json", **headers}, json.dumps(body).encode())


def lines(*told: str) -> str:
    """The agreed form of an answer."""
    return json.dumps({"summary": list(told)})


def saying(*told: str) -> Callable[[Seen], Answer]:
    return always(completion(lines(*told)))


def obedient(seen: Seen) -> Answer:
    """A model that does whatever the captured text tells it: the worst there is."""
    _, material = texts_of(seen)
    return completion("\n".join(_ORDER.findall(material)))
