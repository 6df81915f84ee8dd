"""`engine.yaml` to a `Config`, or all its problems at once.

`${NAME}` is known for this file and for no other. No problem carries the text of a line, and no message an address:
this is the file that holds the secrets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from engine.model.config import Config, Limits, Privacy
from engine.model.errors import ConfigError, Problem
from engine.rulebook.destinations import (
    Destinations,
    members_of,
    positive_count,
    positive_duration,
    read_destinations,
)
from engine.rulebook.environment import insert
from engine.rulebook.parse_reader import Reader, count
from engine.rulebook.scalars import duration_ms, zone_name
from engine.rulebook.summaries import read_summaries
from engine.rulebook.yaml_guard import Mapping as YamlMap
from engine.rulebook.yaml_guard import Node, Scalar, load

__all__ = ["load_config"]

_KEYS = ("destinations", "default", "journal", "rules", "state", "output", "zone", "limits", "privacy", "summaries")
_LIMITS = ("max_line_bytes", "pending", "groups", "lateness")
_PRIVACY = ("excerpt", "keep_sent", "keep_dead")
# Our own hints write slack://... and stay.
_ADDRESS = re.compile(r"://(?!\.\.\.).*", re.DOTALL)


def load_config(content: bytes, file: str, environment: Mapping[str, str]) -> Config:
    """Return the configuration; an empty file means all defaults.

    Errors: `ConfigError` with every problem, in file order. Warnings count: a hidden character in an address is a
    wrong address.
    """
    document = load(content, file)
    reader = Reader(file, document.lines)
    config = Config()
    if isinstance(document.node, YamlMap):
        config = _config(reader, document.node, environment)
    elif document.node is None or (isinstance(document.node, Scalar) and document.node.value is None):
        summaries, secrets = read_summaries(reader, None, environment)
        config = Config(summaries=summaries, secrets=secrets)
    else:
        reader.error(document.node.span, "wrong-form", "the file is not a mapping", "begin with destinations:")
    problems = sorted((*document.problems, *reader.problems), key=lambda each: (each.span.line, each.span.column))
    if problems:
        plural = "s" if len(problems) > 1 else ""
        raise ConfigError(f"{file}: {len(problems)} problem{plural}", tuple(_silent(each) for each in problems))
    return config


def _silent(problem: Problem) -> Problem:
    """Return the problem without anything that could be part of an address."""
    message, hint = (_ADDRESS.sub("://...", text) for text in (problem.message, problem.hint))
    return replace(problem, message=message, hint=hint, line_text="")


def _config(reader: Reader, top: YamlMap, environment: Mapping[str, str]) -> Config:
    reader.check_keys(top, _KEYS)
    node = top.get("destinations")
    found = read_destinations(reader, node, environment) if node else Destinations()
    journals = _paths(reader, top, "journal", environment)
    rules = _paths(reader, top, "rules", environment)
    privacy = _privacy(reader, top.get("privacy"))
    summaries, secrets = read_summaries(reader, top.get("summaries"), environment)
    named = {name: replace(destination, excerpt=privacy.excerpt) for name, destination in found.named.items()}
    return Config(
        destinations=named,
        groups=found.groups,
        default=_default(reader, top.get("default"), found),
        journals=journals,
        rules=rules or Config().rules,
        state=_path(reader, top, "state", environment),
        output=_path(reader, top, "output", environment),
        zone=reader.optional(top, "zone", "bad-zone", zone_name) or "local",
        limits=_limits(reader, top.get("limits")),
        privacy=privacy,
        summaries=summaries,
        secrets=found.secrets | secrets,
    )


def _default(reader: Reader, node: Node | None, found: Destinations) -> tuple[str, ...]:
    """Return what `default` stands for, groups resolved."""
    names = members_of(reader, node, "default", found.known) if node else ()
    behind = (found.groups.get(name, (name,)) for name in names)
    return tuple(dict.fromkeys(name for each in behind for name in each)) or Config().default


def _paths(reader: Reader, top: YamlMap, key: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    node = top.get(key)
    filled = (insert(reader, scalar, environment) for scalar in (reader.scalars(node, key) if node else ()))
    return tuple(dict.fromkeys(each.text for each in filled if each and each.text))


def _path(reader: Reader, top: YamlMap, key: str, environment: Mapping[str, str]) -> str | None:
    node = top.get(key)
    if node is not None and not isinstance(node, Scalar):
        reader.error(node.span, "wrong-form", f"`{key}` takes one path", f"write {key}: ~/some/folder")
        return None
    return next(iter(_paths(reader, top, key, environment)), None)


def _limits(reader: Reader, node: Node | None) -> Limits:
    block = reader.mapping(node, "limits", "{pending: 10000}") if node else None
    limits = Limits()
    if block is None:
        return limits
    reader.check_keys(block, _LIMITS)
    for key in ("max_line_bytes", "pending", "groups"):
        number = block.get(key)
        if number is not None:
            limits = replace(limits, **{key: positive_count(reader, number, key)})
    lateness_ms = reader.optional(block, "lateness", "bad-duration", duration_ms)
    return limits if lateness_ms is None else replace(limits, lateness_ms=lateness_ms)


def _privacy(reader: Reader, node: Node | None) -> Privacy:
    block = reader.mapping(node, "privacy", "{excerpt: 200}") if node else None
    privacy = Privacy()
    if block is None:
        return privacy
    reader.check_keys(block, _PRIVACY)
    excerpt = block.get("excerpt")
    characters = count(reader, excerpt, "excerpt") if excerpt else None
    return Privacy(
        privacy.excerpt if characters is None else characters,
        reader.optional(block, "keep_sent", "bad-duration", positive_duration) or privacy.keep_sent_ms,
        reader.optional(block, "keep_dead", "bad-duration", positive_duration) or privacy.keep_dead_ms,
    )
