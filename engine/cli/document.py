"""The JSON that `test-rule`, `test` and `backtest` print: one document, stable names, `version` first.

Its schema is docs/test-report.schema.json; keys may be added, none changes its meaning within a version.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.cli.golden import Difference, Entry
from engine.cli.replay_view import found_in
from engine.core.compile import Program
from engine.core.decode import event_id
from engine.core.explain import spans
from engine.core.moment import iso_text
from engine.core.near import Near
from engine.model.event import Event
from engine.model.match import Firing, Reason
from engine.model.rule import Rule
from engine.run.evidence import pieces, reason
from engine.run.outcome import item_count
from engine.run.replay import Replay
from engine.run.rule_tests import TestResult

__all__ = ["VERSION", "Report", "report_document", "tests_document", "write"]

VERSION = 1
# A rule that fires all the time is told of by its first firings held; the count has them all.
MOST_HELD = 1_000
# JSON lets these stand as they are inside strings; a terminal does not.
_UNSAFE = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(slots=True)
class Report:
    """What goes into a document. Shape: `against` is (version, its program, what differs)."""

    program: Program
    rules: Sequence[Rule]
    replayed: Replay
    results: Sequence[TestResult] = ()
    recordings: Sequence[str] = ()
    near: dict[str, list[Near]] = field(default_factory=dict)
    golden: Difference[Entry] | None = None
    against: tuple[str, Program, Difference[Firing]] | None = None


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


def report_document(report: Report) -> dict[str, Any]:
    """Return what rules made of recordings, and of their own tests."""
    by_rule: dict[str, list[Firing]] = {rule.name: [] for rule in report.rules}
    replayed = report.replayed
    for firing in replayed.firings:
        if firing.match.rule in by_rule:
            by_rule[firing.match.rule].append(firing)
    listed = [_rule(report, rule, by_rule[rule.name]) for rule in report.rules]
    told = sum(len(rule["firings"]) for rule in listed)
    summary = {
        "lines": replayed.lines, "bad_lines": replayed.counters["lines.bad"], "events": replayed.events,
        "firings": told, "from": iso_text(replayed.first_ms) if replayed.events else None,
        "to": iso_text(replayed.last_ms) if replayed.events else None, **_test_sum(report.results),
    }  # fmt: skip
    document: dict[str, Any] = {"version": VERSION, "rules": listed}
    if report.golden is not None:
        document["golden"] = {"gone": report.golden.gone, "new": report.golden.new}
    if report.against is not None:
        name, old, changed = report.against
        document["against"] = {
            "version": name,
            "gone": [{"rule": one.match.rule, **_firing(old, one)} for one in changed.gone],
            "new": [{"rule": one.match.rule, **_firing(report.program, one)} for one in changed.new],
        }
    document["summary"] = summary
    return document


def _rule(report: Report, rule: Rule, firings: Sequence[Firing]) -> dict[str, Any]:
    told = [one for one in firings if one.reason in (None, Reason.QUIET)]
    held = [one for one in firings if one.reason not in (None, Reason.QUIET, Reason.DIGEST)]
    return {
        "rule": rule.name,
        "file": rule.span.file,
        "source": list(report.recordings),
        "events": report.replayed.events,
        "firings": [_firing(report.program, one) for one in told],
        "suppressed": dict(Counter(one.reason.value for one in firings if one.reason is not None)),
        "held": [_held(one) for one in held[:MOST_HELD]],
        "near": [_near(one) for one in report.near.get(rule.name, [])],
        "coercions": _coercions(report.replayed, rule.name),
        "tests": [_test(result) for result in report.results if result.rule.name == rule.name],
    }


def _test_sum(results: Sequence[TestResult]) -> dict[str, int]:
    passed = sum(result.passed for result in results)
    return {"tests": len(results), "passed": passed, "failed": len(results) - passed}


def _test(result: TestResult) -> dict[str, Any]:
    return {
        "name": result.test.name,
        "file": result.file,
        "line": result.test.span.line,
        "passed": result.passed,
        "variants": result.variants,
        "mismatches": [
            {
                "expected": one.expected, "got": one.got, "where": one.where, "key": one.key,
                "line": result.place(one).line, "column": result.place(one).column,
            }
            for one in result.mismatches
        ],
    }  # fmt: skip


def _firing(program: Program, firing: Firing) -> dict[str, Any]:
    match = firing.match
    rule = program.rules[program.numbers[match.rule]].rule
    found: dict[str, Any] = {
        "at": iso_text(match.at_ms),
        "id": match.id,
        "kind": firing.kind,
        "group": match.group,
        "why": "" if firing.kind == "digest" else reason(rule, match, iso_text),
        "events": [_event(program, match.rule, step, event) for step, event in pieces(match)],
        "gates": [firing.reason.value] if firing.reason is not None else [],
        "deferred": firing.reason is Reason.QUIET,
        "suppressed_before": firing.suppressed,
        "rendered": {"destination": list(firing.destinations), "title": firing.title, "body": firing.body},
    }
    if firing.kind == "digest":
        found["items"] = item_count(firing)
    return found


def _held(firing: Firing) -> dict[str, Any]:
    until_ms = firing.until_ms
    return {
        "at": iso_text(firing.match.at_ms),
        "group": firing.match.group,
        "reason": firing.reason.value if firing.reason is not None else None,
        "until": None if until_ms is None else iso_text(until_ms),
        "lines": [event.line_no for event in firing.match.events],
    }


def _event(program: Program, rule: str, step: str, event: Event) -> dict[str, Any]:
    return {
        "file": event.path,
        "line": event.line_no,
        "id": event_id(event),
        "step": step or None,
        "at": iso_text(event.at_ms),
        "stream": event.stream,
        "text": event.text,
        "spans": [list(span) for span in spans(found_in(program.rules[program.numbers[rule]], event, step))],
    }


def _near(near: Near) -> dict[str, Any]:
    event = near.event
    return {
        "at": iso_text(event.seen_ms), "file": event.path, "line": event.line_no, "text": event.text,
        "missing": near.missing, "distance": round(near.distance, 3), "suggestion": near.hint,
    }  # fmt: skip


def _coercions(replayed: Replay, rule: str) -> dict[str, int]:
    prefix = f"coercion.{rule}."
    found = {name.removeprefix(prefix): count for name, count in replayed.counters.items() if name.startswith(prefix)}
    return dict(sorted(found.items()))
