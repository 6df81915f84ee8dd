"""Test results as JUnit XML, for CI: one suite a rule file, one case a test."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from engine.run.rule_tests import TestResult

__all__ = ["as_junit"]

# XML 1.0 has no spelling for some of these, and a terminal obeys the others.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(results: Iterable[TestResult]) -> str:
    """Return one XML document. The failure text is what the terminal shows."""
    by_file: dict[str, list[TestResult]] = {}
    for result in results:
        by_file.setdefault(result.rule.span.file, []).append(result)
    root = ElementTree.Element("testsuites")
    for file, group in by_file.items():
        failures = sum(not result.passed for result in group)
        suite = ElementTree.SubElement(
            root, "testsuite", name=file, tests=str(len(group)), failures=str(failures), errors="0"
        )
        for result in group:
            _case(suite, result)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ElementTree.Element, result: TestResult) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", name=_writable(result.test.name), classname=_writable(result.rule.name),
        file=result.rule.span.file, line=str(result.test.span.line),
    )  # fmt: skip
    if not result.passed:
        told = "\n".join(f"expected {one.expected}\ngot {one.got}" for one in result.mismatches)
        first = result.mismatches[0]
        failure = ElementTree.SubElement(case, "failure", message=_writable(f"expected {first.expected}"))
        failure.text = _writable(told)


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)
