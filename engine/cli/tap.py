"""Test results in the Test Anything Protocol, version 14: a plan, one line a test, and why one failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.cli.golden import Difference, Entry, entry_words, identity
from engine.cli.tests_view import failure_lines, place_text
from engine.run.rule_tests import TestResult
from engine.sink.neutralize import safe_line

__all__ = ["as_tap"]


def as_tap(
    results: Iterable[TestResult], golden: Difference[Entry] | None = None, expected: Sequence[Entry] = ()
) -> str:
    """Return the document. Source: https://testanything.org/tap-version-14-specification.html."""
    points = [_test(result) for result in results]
    if golden is not None:
        points += _golden(golden, expected)
    lines = ["TAP version 14", f"1..{len(points)}"]
    for number, (passed, name, why) in enumerate(points, 1):
        lines.append(f"{'ok' if passed else 'not ok'} {number} - {_name(name)}")
        if why:
            lines += ["  ---", *(f"  {line}" for line in why), "  ..."]
    return "\n".join(lines) + "\n"


Point = tuple[bool, str, list[str]]


def _test(result: TestResult) -> Point:
    name = f"{result.rule.name}: {result.test.name}"
    if result.passed:
        return True, name, []
    told = [f"    {line}" for line in failure_lines(result)]
    return False, name, [f"at: {_quoted(place_text(result))}", "message: |", *told]


def _golden(golden: Difference[Entry], expected: Sequence[Entry]) -> list[Point]:
    gone = [identity(entry) for entry in golden.gone]
    points: list[Point] = []
    for entry in expected:
        passed = identity(entry) not in gone
        if not passed:
            gone.remove(identity(entry))
        points.append((passed, entry_words(entry), [] if passed else ["message: the firing is gone"]))
    return points + [(False, entry_words(entry), ["message: the firing is new"]) for entry in golden.new]


def _name(text: str) -> str:
    """Return a description in one line; `#` begins a directive."""
    return safe_line(text, 200).replace("\\", "\\\\").replace("#", "\\#")


def _quoted(text: str) -> str:
    return "'" + safe_line(text, 400).replace("'", "''") + "'"
