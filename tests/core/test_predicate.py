"""What each condition means, one line an example (docs/rules.md, section 5)."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.predicate import compile_condition
from engine.core.subject import Subject
from engine.model.condition import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Equals,
    Exists,
    Filter,
    FromSource,
    Glob,
    InState,
    Kinds,
    Matches,
    Not,
    OneOf,
    Selector,
    Text,
    Where,
)
from tests.core.generate import event_of


def _holds(condition: Condition, **fields: Any) -> bool:
    body = {"channel": "transcript", "rtstream_name": "mic:default", **fields}
    return compile_condition(condition)(Subject(event_of(body)))


def _in(text: Any, op: Any, *needles: str, exact: bool = False, paths: tuple[str, ...] = ("_.text",)) -> bool:
    return _holds(Text(op, needles, paths, exact), data={"text": text})


@pytest.mark.parametrize(
    ("text", "op", "needle", "holds"),
    [
        ("reads a SLACK thread", "contains", "Slack", True),
        ("Ｓｌａｃｋ", "contains", "slack", True),
        ("cafe\u0301", "contains", "café", True),
        ("STRASSE", "contains", "straße", True),
        ("dead\n  line", "contains", "dead line", True),
        ("deadline,", "word", "deadline", True),
        ("Deadline's", "word", "deadline", True),
        ("deadlines", "word", "deadline", False),
        ("deadlines", "word", "deadline*", True),
        ("a_deadline", "word", "deadline", False),
        ("the DEAD  LINE is", "word", "dead line", True),
        (5, "contains", "5", False),
        (None, "contains", "x", False),
        (["one", "two"], "contains", "one two", True),
        (["one", 2], "contains", "one", False),
        ("Traceback shown", "regex", r"\b(error|traceback)\b", True),
        ("une école", "regex", r"\bÉCOLE\b", True),
    ],
)
def test_text_is_compared_folded(text: Any, op: str, needle: str, holds: bool) -> None:
    assert _in(text, op, needle) is holds


@pytest.mark.parametrize(
    ("text", "op", "needle", "holds"),
    [("SLACK", "contains", "Slack", False), ("a  Slack", "contains", "a Slack", True),
     ("Ｓlack", "contains", "Slack", True),
     ("Slack", "word", "slack", False), ("Slack", "regex", "slack", False), ("Slack", "regex", "Sl", True)],
)  # fmt: skip
def test_exact_keeps_letter_case_and_nothing_else(text: str, op: str, needle: str, holds: bool) -> None:
    assert _in(text, op, needle, exact=True) is holds


def test_any_needle_or_all_of_them_in_any_field() -> None:
    assert _in("a b", "contains", "x", "b") and not _in("a b", "contains_all", "x", "b")
    assert _in("a b", "contains_all", "a", "b")
    both = ("_.text", "data.title")
    assert _holds(Text("contains_all", ("a", "b"), both), data={"text": "a", "title": "ab"})
    assert not _holds(Text("contains_all", ("a", "b"), both), data={"text": "a", "title": "b"})  # all in one field
    assert not _holds(Text("contains", ("a",), ("data.tags",)), data={"tags": ["a"]})  # a list is not text


@pytest.mark.parametrize(
    ("value", "test", "holds"),
    [
        (0.9, Equals(0.9), True), ("0.9", Equals(0.9), False), (True, Equals(1), False), (1, Equals(True), False),
        (1, Equals(1.0), True), (True, Equals(True), True), ("a", OneOf(("b", "a")), True), (0, OneOf((False,)), False),
        (0.8, Compare("gte", 0.8), True), (True, Compare("gte", 0.8), False), ("0.99", Compare("gte", 0.8), False),
        (None, Compare("lt", 5), False), (2**63, Compare("gt", 5), True), (0.8, Compare("gt", 0.8), False),
        (0, Exists(True), True), (None, Exists(True), False), (None, Exists(False), True),
        (False, Exists(False), False),
        ("Bug-12", Glob("bug-*"), True), ("CAFÉ", Glob("cafe\u0301"), True), (5, Glob("*"), False),
        ("ab", Glob("?"), False),
        ("Error 5", Matches(r"error \d"), True), ("Error 5", Matches(r"error \d", exact=True), False),
        (["Error"], Matches("error"), False),
    ],
)  # fmt: skip
def test_where_keeps_types_apart(value: Any, test: Any, holds: bool) -> None:
    assert _holds(Where("n", test), data={"n": value}) is holds
    assert _holds(Where("data.n", test), data={"n": value}) is holds


def test_a_bare_name_looks_at_the_root_then_under_data() -> None:
    where = Where("label", Equals("x"))
    assert _holds(where, label="x", data={"label": "y"}) and _holds(where, data={"label": "x"})
    assert not _holds(where, label="y", data={"label": "x"}) and _holds(where, label=None, data={"label": "x"})


@pytest.mark.parametrize(
    ("path", "value"),
    [("_.kind", "transcript"), ("_.source", "mic"), ("_.final", True), ("data.a[1].b", 5), ("_.clock", "arrival")],
)
def test_a_path_may_be_of_the_view_or_any_jmespath(path: str, value: Any) -> None:
    assert _holds(Where(path, Equals(value)), data={"a": [0, {"b": 5}]})


@pytest.mark.parametrize(
    ("pattern", "stream", "holds"),
    [("mic", "mic:default", True), ("MIC", "mic:default", True), ("mic", "microscope:1", False),
     ("display:*", "display:2", True),
     ("display", "Display:2", True), ("mic", "Capture mic - cap-1", True), ("mic", None, False),
     ("screen", "screen:1", False),
     ("display", "screen:1", True), ("m*", "Capture mic - cap-1", True)],
)  # fmt: skip
def test_a_source_is_the_device_or_a_pattern_on_the_stream(pattern: str, stream: str | None, holds: bool) -> None:
    assert _holds(FromSource((pattern,)), rtstream_name=stream) is holds


def test_kinds_with_and_without_a_status() -> None:
    failed = Kinds((Selector("session", "failed"), Selector("alert")))
    session = {"channel": "capture_session", "capture_session_id": "c"}
    assert _holds(failed, **session, status="failed") and not _holds(failed, **session, status="active")
    assert _holds(failed, channel="alert")
    both = Kinds((Selector("any"), Selector("session", "failed")))
    assert _holds(both, **session, status="active") and not _holds(both, event="rule.x", channel="rule")
    assert _holds(Kinds((Selector("session"), Selector("session", "failed"))), **session, status="active")


def test_blocks_and_negation() -> None:
    x, y = Text("contains", ("x",)), Text("contains", ("y",))
    data = {"data": {"text": "x"}}
    assert _holds(AllOf((x, x, x)), **data) and not _holds(AllOf((x, y)), **data) and _holds(AllOf(()), **data)
    assert _holds(AnyOf((y, x)), **data) and not _holds(AnyOf((y,)), **data) and not _holds(AnyOf(()), **data)
    assert _holds(Not(y), **data) and _holds(Not(x), data={})  # true for an event without text


def test_a_filter_is_total() -> None:
    assert not _holds(Filter("contains(data.n, 'x') && data.n > `5`"), data={"n": {}})
    assert _holds(Filter("contains(data.n, 'x') || _.kind == 'transcript'"), data={"n": 5})


def test_the_state_of_sessions_is_asked_of_the_subject() -> None:
    subject = Subject(event_of({"channel": "transcript"}), in_state=lambda status: status == "active")
    assert compile_condition(InState("active"))(subject) and not compile_condition(InState("failed"))(subject)
