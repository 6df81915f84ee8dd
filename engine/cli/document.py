"""The JSON that `test-rule`, `test` and `backtest` print: one document, stable names, `version` first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson

from engine.core.compile import Program
from engine.core.decode import event_id
from engine.core.explain import explain, spans
from engine.core.moment import iso_text
from engine.core.near import Near
from engine.core.subject import Subject
from engine.model.event import Event
from engine.model.match import Firing, Reason
from engine.model.rule import Rule
from engine.run.replay import Replay
from engine.run.rule_tests import TestResult

__all__ = ["VERSION", "replay_document", "tests_document", "write"]

VERSION = 1
# JSON lets these stand as they are inside strings; a terminal does not.
_UNSAFE = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def write(document: dict[str, Any]) -> str:
    """Return a document as indented JSON with a final newline, and without anything that moves a cursor."""
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2).decode("utf-8", "replace") + "\n"
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def tests_document(results: Sequence[TestResult]) -> str:
    """Return the results of rule tests alone."""
    rules: dict[str, list[TestResult]] = {}
    for result in results:
        rules.setdefault(result.rule.name, []).append(result)
    listed = [
        {"rule": name, "file": group[0].rule.span.file, "tests": [_test(result) for result in group]}
        for name, group in rules.items()
    ]
    return write({"version": VERSION, "rules": listed, "summary": _test_sum(results)})


def replay_document(
    program: Program,
    rules: Sequence[Rule],
    replayed: Replay,
    near: dict[str, list[Near]],
    results: Sequence[TestResult],
) -> dict[str, Any]:
    """Return what rules made of recordings, and of their own tests."""
    by_rule: dict[str, list[Firing]] = {rule.name: [] for rule in rules}
    for firing in replayed.firings:
        if firing.match.rule in by_rule:
            by_rule[firing.match.rule].append(firing)
    listed = [
        {
            "rule": rule.name,
            "file": rule.span.file,
            "events": replayed.events,
            "firings": [_firing(program, one) for one in by_rule[rule.name] if one.reason in (None, Reason.QUIET)],
            "suppressed": dict(Counter(one.reason.value for one in by_rule[rule.name] if one.reason is not None)),
            "near": [_near(one) for one in near.get(rule.name, [])],
            "coercions": _coercions(replayed, rule.name),
            "tests": [_test(result) for result in results if result.rule.name == rule.name],
        }
        for rule in rules
    ]
    told = sum(len(rule["firings"]) for rule in listed if isinstance(rule["firings"], list))
    bad = replayed.counters["lines.bad"]
    summary = {
        "lines": replayed.lines, "bad_lines": bad, "events": replayed.events, "firings": told,
        "from": iso_text(replayed.first_ms) if replayed.events else None,
        "to": iso_text(replayed.last_ms) if replayed.events else None, **_test_sum(results),
    }  # fmt: skip
    return {"version": VERSION, "rules": listed, "summary": summary}


def _test_sum(results: Sequence[TestResult]) -> dict[str, int]:
    passed = sum(result.passed for result in results)
    return {"tests": len(results), "passed": passed, "failed": len(results) - passed}


def _test(result: TestResult) -> dict[str, Any]:
    return {
        "name": result.test.name,
        "line": result.test.span.line,
        "passed": result.passed,
        "variants": result.variants,
        "mismatches": [{"expected": one.expected, "got": one.got, "where": one.where} for one in result.mismatches],
    }


def _firing(program: Program, firing: Firing) -> dict[str, Any]:
    return {
        "at": iso_text(firing.match.at_ms),
        "id": firing.match.id,
        "group": firing.match.group,
        "events": [_event(program, firing.match.rule, event) for event in firing.match.events],
        "deferred": firing.reason is Reason.QUIET,
        "suppressed_before": firing.suppressed,
        "rendered": {"destination": list(firing.destinations), "title": firing.title, "body": firing.body},
    }


def _event(program: Program, rule: str, event: Event) -> dict[str, Any]:
    found = explain(program.rules[program.numbers[rule]], Subject(event))
    return {
        "file": event.path,
        "line": event.line_no,
        "id": event_id(event),
        "at": iso_text(event.at_ms),
        "stream": event.stream,
        "text": event.text,
        "spans": [list(span) for span in spans(found)],
    }


def _near(near: Near) -> dict[str, Any]:
    event = near.event
    return {
        "at": iso_text(event.seen_ms), "file": event.path, "line": event.line_no, "text": event.text,
        "missing": near.missing, "distance": round(near.distance, 3), "suggestion": near.hint,
    }  # fmt: skip


def _coercions(replayed: Replay, rule: str) -> dict[str, int]:
    prefix = f"coercion.{rule}."
    return {name.removeprefix(prefix): count for name, count in replayed.counters.items() if name.startswith(prefix)}
