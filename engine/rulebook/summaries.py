"""The `summaries:` of `engine.yaml`: who may sum up, and how often.

Captured text goes to a service only when this block names it for that, or to VideoDB, which recorded it. A key in the
environment alone chooses nothing but VideoDB, and is never sent to an address of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from engine.core.moment import DAY_MS
from engine.core.voice import BASIC, is_safe, usual, videodb
from engine.model.config import Summaries
from engine.model.errors import Span
from engine.rulebook.environment import insert
from engine.rulebook.parse_reader import Reader
from engine.rulebook.scalars import ScalarError, duration_ms, rate
from engine.rulebook.yaml_guard import Mapping as YamlMap
from engine.rulebook.yaml_guard import Node, Scalar

__all__ = ["SUMMARIES_KEYS", "read_summaries"]

SUMMARIES_KEYS = ("use", "url", "key", "model", "timeout", "budget")

_VOICES = ("auto", "offline", "videodb", "openai")
_OPENAI = "https://api.openai.com/v1"
_OPENAI_MODEL = "gpt-4o-mini"
_EXAMPLE = "{use: openai, key: '${OPENAI_API_KEY}'}"
# The courier ends a process in which a send takes 90 s; a summary is waited for before the send.
_LONGEST_MS = 60_000
_MOST_A_DAY = 10_000
_MOST_MODEL = 100


class _Given(NamedTuple):
    """What the block says. Shape: None for what it does not say; `wrong` says that a problem was reported."""

    use: str
    url: str | None
    key: str | None
    model: str | None
    secrets: frozenset[str]
    wrong: bool


def read_summaries(
    reader: Reader, node: Node | None, environment: Mapping[str, str]
) -> tuple[Summaries, frozenset[str]]:
    """Return the settings, and the secrets in them. Without the block: VideoDB if its key is there, else nobody."""
    if node is None:
        found = usual(environment)
        return found, _hidden(found)
    if isinstance(node, Scalar):
        use = reader.choice(node, "summaries", _VOICES) or "offline"
        return _told(reader, node, _Given(use, None, None, None, frozenset(), wrong=False), environment, Summaries())
    block = reader.mapping(node, "summaries", _EXAMPLE)
    if block is None:
        return Summaries(), frozenset()
    reader.check_keys(block, SUMMARIES_KEYS)
    return _told(reader, block, _given(reader, block, environment), environment, _limits(reader, block))


def _given(reader: Reader, block: YamlMap, environment: Mapping[str, str]) -> _Given:
    before = len(reader.problems)
    use = block.get("use")
    url, key = (_inserted(reader, block, name, environment) for name in ("url", "key"))
    node = block.get("key")
    if key is not None and node is not None and not key[1]:
        reader.error(node.span, "plain-secret", "`key` stands in the file itself", "put it into .env; write ${NAME}")
    model = block.get("model")
    name = reader.text(model, "model") if model is not None else None
    if model is not None and name is not None and not (0 < len(name) <= _MOST_MODEL and name.isprintable()):
        reader.error(model.span, "wrong-form", "`model` is no model's name", "such as gpt-4o-mini")
    return _Given(
        "auto" if use is None else reader.choice(use, "use", _VOICES) or "offline",
        url[0] if url else None,
        key[0] if key else None,
        name,
        (url[1] if url else frozenset()) | (key[1] if key else frozenset()),
        wrong=len(reader.problems) > before,
    )


def _inserted(
    reader: Reader, block: YamlMap, name: str, environment: Mapping[str, str]
) -> tuple[str, frozenset[str]] | None:
    node = block.get(name)
    if node is None or reader.text(node, name) is None or not isinstance(node, Scalar):
        return None
    filled = insert(reader, node, environment)
    return None if filled is None else (filled.text.strip(), filled.values)


def _limits(reader: Reader, block: YamlMap) -> Summaries:
    usual_ms, usual_budget = Summaries().timeout_ms, Summaries().budget
    timeout_ms = reader.optional(block, "timeout", "bad-duration", _timeout_ms)
    budget = reader.optional(block, "budget", "bad-rate", _budget)
    return Summaries(
        timeout_ms=usual_ms if timeout_ms is None else timeout_ms, budget=usual_budget if budget is None else budget
    )


def _told(
    reader: Reader, node: Node, given: _Given, environment: Mapping[str, str], limits: Summaries
) -> tuple[Summaries, frozenset[str]]:
    """Return what the block comes to, with its limits."""
    if given.wrong:
        return Summaries(), given.secrets
    if given.use == "openai" or (given.use == "auto" and (given.url is not None or given.key is not None)):
        found = _openai(reader, node, given, environment)
    else:
        _refuse_unused(reader, node, given)
        found = _videodb(reader, node, given, environment) if given.use != "offline" else Summaries()
    filled = Summaries(found.use, found.url, found.key, found.model, limits.timeout_ms, limits.budget)
    return filled, given.secrets | _hidden(filled)


def _openai(reader: Reader, node: Node, given: _Given, environment: Mapping[str, str]) -> Summaries:
    url = (given.url or environment.get("OPENAI_BASE_URL", "").strip() or _OPENAI).rstrip("/")
    # The environment's key belongs to the environment's address: not to one that a copied file names.
    key = given.key if given.key is not None or given.url is not None else environment.get("OPENAI_API_KEY", "").strip()
    if not is_safe(url):
        hint = "begin with https, or with http for this machine only; no user, no query"
        reader.error(_at(node, "url"), "bad-url", "summaries: `url` is not an address that is safe to send to", hint)
    if url == _OPENAI and not key:
        hint = "write key: ${OPENAI_API_KEY} and set that variable"
        reader.error(_at(node, "use"), "no-key", "summaries: OpenAI needs a key", hint)
    if not given.model and url != _OPENAI:
        reader.error(_at(node, "url"), "no-model", "summaries: `model` is missing", "name one that the server has")
    return Summaries("openai", url, key or "", given.model or _OPENAI_MODEL)


def _videodb(reader: Reader, node: Node, given: _Given, environment: Mapping[str, str]) -> Summaries:
    found = videodb(environment)
    if found is None and given.use == "videodb":
        hint = "set VIDEO_DB_API_KEY; VIDEO_DB_API, if set, begins with https"
        reader.error(_at(node, "use"), "no-key", "summaries: VideoDB needs a key", hint)
    if found is None:
        return Summaries()
    return Summaries("videodb", found.url, found.key, given.model or BASIC)


def _refuse_unused(reader: Reader, node: Node, given: _Given) -> None:
    unused = ["url", "key", "model"] if given.use == "offline" else ["url", "key"]
    for name in unused:
        if isinstance(node, YamlMap) and node.get(name) is not None:
            reader.error(
                _at(node, name), "no-effect", f"`{name}` has no effect with use: {given.use}", f"remove {name}"
            )


def _at(node: Node, key: str) -> Span:
    """Return where to point: at the value of a key, else at the whole block."""
    found = node.get(key) if isinstance(node, YamlMap) else None
    return node.span if found is None else found.span


def _hidden(found: Summaries) -> frozenset[str]:
    """Return what no text that we write may show."""
    return frozenset({found.key} if found.key else ())


def _timeout_ms(value: object) -> int:
    length_ms = duration_ms(value)
    if not 1_000 <= length_ms <= _LONGEST_MS:
        raise ScalarError("a model is waited for from 1 s to 60 s", "write 30s")
    return length_ms


def _budget(value: object) -> int:
    """Return the calls a day. Zero asks no model at all."""
    count, per_ms = (value, DAY_MS) if isinstance(value, int) and not isinstance(value, bool) else rate(value)
    if per_ms != DAY_MS:
        raise ScalarError("summaries are counted by the day", "write 200/day")
    if not 0 <= count <= _MOST_A_DAY:
        raise ScalarError("a budget is from 0 to 10,000 summaries a day", "write 200/day")
    return count
