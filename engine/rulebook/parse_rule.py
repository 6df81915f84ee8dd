"""One rule: identity, and the parts that the modules beside this one read."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from engine.model.condition import Condition
from engine.model.rule import Partials, Rule, Severity
from engine.rulebook.keys import LATER_KEYS, PARTIALS, RULE_KEYS, SEVERITIES
from engine.rulebook.parse_action import read_action
from engine.rulebook.parse_condition import Scope, read_around, read_classify
from engine.rulebook.parse_digest import read_digest, read_summarize
from engine.rulebook.parse_effect import check_effects, check_partials
from engine.rulebook.parse_expression import read_paths
from engine.rulebook.parse_gates import read_gates
from engine.rulebook.parse_health import read_health
from engine.rulebook.parse_incident import read_incident
from engine.rulebook.parse_pattern import is_timer
from engine.rulebook.parse_reader import Reader
from engine.rulebook.parse_tests import read_tests
from engine.rulebook.parse_timer import read_zone
from engine.rulebook.parse_window import read_lateness, read_pattern
from engine.rulebook.scalars import ScalarError, rule_name
from engine.rulebook.yaml_guard import Mapping, Pair

__all__ = ["AT_TOP", "Given", "Written", "read_rule"]

AT_TOP = "write it at the top of a file with rules:"
_ELSEWHERE = {
    "rules": AT_TOP,
    "defaults": AT_TOP,
    "vars": "write it at the top of the file",
    "else": "write it under classify",
    "inputs": "write it at the top of a pack, with rules:",
    "with": "it goes with use: and the name of a pack",
    "without": "it goes with use: and the name of a pack",
}


class Written(NamedTuple):
    """A rule and how it stands in its file. `node` has the file's defaults added."""

    rule: Rule
    node: Mapping


class Given(NamedTuple):
    """What a file gives to its rules. `name` is for the only rule of a file and empty in a list."""

    name: str = ""
    defaults: tuple[Pair, ...] = ()
    variables: tuple[tuple[str, Any], ...] = ()


def read_rule(reader: Reader, own: Mapping, given: Given) -> Written:
    """Return the rule as far as it can be read; what is wrong with it is reported."""
    reader.check_keys(own, RULE_KEYS, LATER_KEYS, _ELSEWHERE)
    node = Mapping(own.span, own.pairs + tuple(pair for pair in given.defaults if own.get(pair.key.text) is None))
    check_effects(reader, own, node)
    around, zone = read_around(reader, node), read_zone(reader, node)
    pattern = read_pattern(reader, around)
    check_partials(reader, own, pattern.condition)
    labels, otherwise = _classify(reader, node, around.scope)
    action = read_action(reader, node)
    rule = Rule(
        name=_name(reader, node, given.name),
        condition=pattern.condition,
        span=own.span,
        description=_text(reader, node, "description"),
        severity=cast(Severity, _choice(reader, node, "severity", SEVERITIES)),
        tags=_texts(reader, node, "tags"),
        owner=_text(reader, node, "owner"),
        partials=cast(Partials, _choice(reader, node, "partials", PARTIALS)),
        classify=labels,
        classify_else=otherwise,
        window=pattern.window,
        lateness_ms=read_lateness(reader, node),
        by=_by(reader, node),
        gates=read_gates(reader, node, around.scope, zone),
        notify=action.notify,
        title=action.title,
        message=action.message,
        record=action.record,
        emit=action.emit,
        digest=None if (digest := node.get("digest")) is None else read_digest(reader, digest, zone),
        summarize=None if (summary := node.get("summarize")) is None else read_summarize(reader, summary),
        incident=read_incident(reader, node),
        expect=None if (expect := node.get("expect")) is None else read_health(reader, expect),
        variables=given.variables,
        tests=() if (tests := node.get("tests")) is None else read_tests(reader, tests),
    )
    return Written(rule, node)


def _name(reader: Reader, node: Mapping, fallback: str) -> str:
    written = node.get("name")
    if written is None and not fallback:
        reader.error(node.span, "missing-key", "each rule under `rules` needs a name", "add name: slack-on-screen")
        return ""
    text = fallback if written is None else reader.text(written, "name")
    try:
        return rule_name(text) if text is not None else ""
    except ScalarError as fault:
        at = node.span if written is None else written.span
        hint = fault.hint if written is not None else f"add name: {fault.hint.removeprefix('write ')}"
        reader.error(at, "bad-name", f"name: {fault.message}", hint)
        return ""


def _classify(reader: Reader, node: Mapping, scope: Scope) -> tuple[tuple[tuple[str, Condition], ...], str | None]:
    written = node.get("classify")
    return ((), None) if written is None else read_classify(reader, written, scope)


def _by(reader: Reader, node: Mapping) -> tuple[str, ...]:
    """Read what splits events into groups. A timer has no events, so a default means nothing to it."""
    written = node.get("by")
    return () if written is None or is_timer(node) else read_paths(reader, written, "by")


def _text(reader: Reader, node: Mapping, key: str) -> str:
    written = node.get(key)
    return "" if written is None else reader.text(written, key) or ""


def _texts(reader: Reader, node: Mapping, key: str) -> tuple[str, ...]:
    written = node.get(key)
    return () if written is None else reader.texts(written, key)


def _choice(reader: Reader, node: Mapping, key: str, known: tuple[str, ...]) -> str:
    """Read a word of a closed list; the first one is the default."""
    written = node.get(key)
    return known[0] if written is None else reader.choice(written, key, known) or known[0]
