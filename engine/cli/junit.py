"""Test results as JUnit XML, for CI: one suite a file, one case a test, and one for each golden firing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree

from engine.cli.golden import Difference, Entry, entry_words, identity
from engine.cli.tests_view import failure_lines, place_text
from engine.run.rule_tests import TestResult

__all__ = ["as_junit"]

# XML 1.0 has no spelling for some of these, and a terminal obeys the others.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(
    results: Iterable[TestResult],
    golden: Difference[Entry] | None = None,
    expected: Sequence[Entry] = (),
    file: str = "",
) -> str:
    """Return one XML document. The failure text is what the terminal shows. `file` is the golden file's name."""
    by_file: dict[str, list[TestResult]] = {}
    for result in results:
        by_file.setdefault(result.file, []).append(result)
    root = ElementTree.Element("testsuites")
    for name, group in by_file.items():
        suite = _suite(root, name, len(group), sum(not result.passed for result in group))
        for result in group:
            _test_case(suite, name, result)
    if golden is not None:
        _golden_suite(root, golden, expected, file)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(root: ElementTree.Element, name: str, tests: int, failures: int) -> ElementTree.Element:
    return ElementTree.SubElement(
        root, "testsuite", name=_writable(name), tests=str(tests), failures=str(failures), errors="0"
    )


def _test_case(suite: ElementTree.Element, file: str, result: TestResult) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", name=_writable(result.test.name), classname=_writable(result.rule.name),
        file=_writable(file), line=str(result.test.span.line),
    )  # fmt: skip
    if not result.passed:
        told = "\n".join((place_text(result), *failure_lines(result)))
        _fail(case, f"expected {result.mismatches[0].expected}", told)


def _golden_suite(root: ElementTree.Element, golden: Difference[Entry], expected: Sequence[Entry], file: str) -> None:
    """Add a case for each firing of the golden file, and a failed one for each that is new."""
    suite = _suite(root, file, len(expected) + len(golden.new), golden.size)
    gone = [identity(entry) for entry in golden.gone]
    for entry in expected:
        case = _golden_case(suite, entry)
        if identity(entry) in gone:
            gone.remove(identity(entry))
            _fail(case, "expected a firing, got none", f"- {entry_words(entry)}")
    for entry in golden.new:
        _fail(_golden_case(suite, entry), "expected none, got a firing", f"+ {entry_words(entry)}")


def _golden_case(suite: ElementTree.Element, entry: Entry) -> ElementTree.Element:
    return ElementTree.SubElement(
        suite, "testcase", name=_writable(entry_words(entry)), classname=_writable(entry["rule"])
    )


def _fail(case: ElementTree.Element, message: str, text: str) -> None:
    failure = ElementTree.SubElement(case, "failure", message=_writable(message))
    failure.text = _writable(text)


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)
