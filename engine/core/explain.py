"""Why a rule holds for one event or does not: the slow matcher, and the oracle that `select` is tested against.

It walks the condition itself and shares no code with the indexes. Invariant (property-tested): `explain(...).holds`
equals membership in `select`.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, NamedTuple, assert_never

from engine.core.compile import CompiledRule
from engine.core.express import as_jmespath, literal
from engine.core.jmes.compile import compile_expression
from engine.core.predicate import OWN_KINDS, find_value, value_test
from engine.core.regex import compile_pattern
from engine.core.subject import Subject
from engine.core.text import compose, fold, has_word, locate, squeeze
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
    WhereTest,
)
from engine.model.event import Event

__all__ = ["Finding", "explain", "spans"]

_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Finding(NamedTuple):
    """One node of the answer. `words` say what was asked, `actual` what was found.

    Shape: `spans` are places in `_.text` that satisfied a text test; `parts` are the nodes below.
    """

    holds: bool
    words: str
    actual: str = ""
    spans: tuple[tuple[int, int], ...] = ()
    parts: tuple[Finding, ...] = ()
    condition: Condition | None = None


def explain(compiled: CompiledRule, subject: Subject) -> Finding:
    """Return the tree of reasons for one rule and one event, gates apart."""
    event, rule = subject.event, compiled.rule
    if event.kind == "transcript" and not event.final and rule.partials == "ignore":
        return Finding(False, "the text is final", "a partial transcript; this rule ignores those (partials: ignore)")
    if event.kind == "transcript" and event.text is not None and not event.text.strip():
        return Finding(False, "something was said", "blank text")
    return find(rule.condition, subject)


def spans(finding: Finding) -> tuple[tuple[int, int], ...]:
    """Return every place in the text that made the rule hold, in order."""
    if not finding.holds:
        return ()
    below = {span for part in finding.parts for span in spans(part)}
    return tuple(sorted(below | set(finding.spans)))


def find(condition: Condition, subject: Subject) -> Finding:
    """Return the finding of one condition."""
    match condition:
        case AllOf(parts):
            below = tuple(find(part, subject) for part in parts)
            return Finding(all(part.holds for part in below), "all of", "", (), below, condition)
        case AnyOf(parts):
            below = tuple(find(part, subject) for part in parts)
            return Finding(any(part.holds for part in below), "any of", "", (), below, condition)
        case Not(part):
            inner = find(part, subject)
            return Finding(not inner.holds, "not", "", (), (inner._replace(spans=()),), condition)
        case Kinds(selectors):
            event = subject.event
            actual = f"{event.kind}.{event.status}" if event.status else event.kind
            words = "when " + ", ".join(f"{kind}.{status}" if status else kind for kind, status in selectors)
            return Finding(any(_selects(one, event) for one in selectors), words, actual, condition=condition)
        case FromSource(patterns):
            return _find_source(condition, patterns, subject)
        case Text():
            return _find_text(condition, subject)
        case Where(path, test):
            value = find_value(path)(subject)
            return Finding(value_test(test)(value), f"{path} {_test_words(test)}", _shown(value), condition=condition)
        case Filter(expression):
            value = compile_expression(expression).search(subject.document, subject.context)
            holds = compile_expression(expression).holds(subject.document, subject.context)
            return Finding(holds, f"filter {expression}", _shown(value), condition=condition)
        case InState(status):
            holds = subject.in_state(status)
            return Finding(holds, as_jmespath(condition), "yes" if holds else "no such session", condition=condition)
        case _:
            assert_never(condition)


def _selects(selector: Selector, event: Event) -> bool:
    if selector.kind == "any":
        return event.kind not in OWN_KINDS
    return event.kind == selector.kind and selector.status in (None, event.status)


def _find_source(condition: Condition, patterns: tuple[str, ...], subject: Subject) -> Finding:
    event = subject.event
    names = [fold(name) for name in (event.source, event.stream) if name is not None]
    holds = any(fnmatchcase(name, fold(pattern)) for pattern in patterns for name in names)
    return Finding(holds, "source " + ", ".join(patterns), event.stream or "no stream", condition=condition)


def _find_text(condition: Text, subject: Subject) -> Finding:
    words = f"{condition.op} {', '.join(literal(needle) for needle in condition.needles)}"
    if condition.paths != ("_.text",):
        words += f" in {', '.join(condition.paths)}"
    found: list[tuple[int, int]] = []
    actual = "no text"
    holds = False
    for path in condition.paths:
        text = _text_at(path, subject)
        if text is None:
            continue
        actual = literal(text if len(text) <= 120 else text[:119] + "…")
        each = [_holds_in(condition, needle, text) for needle in condition.needles]
        if all(each) if condition.op == "contains_all" else any(each):
            holds = True
            if text == subject.event.text:
                found.extend(_places(condition, text))
    return Finding(holds, words, actual, tuple(sorted(found)), condition=condition)


def _text_at(path: str, subject: Subject) -> str | None:
    if path == "_.text":
        return subject.event.text
    value = compile_expression(path).search(subject.document, subject.context)
    return value if isinstance(value, str) else None


def _holds_in(condition: Text, needle: str, text: str) -> bool:
    if condition.op == "regex":
        return compile_pattern(needle, condition.exact).holds(text)
    prepare = squeeze if condition.exact else fold
    if condition.op == "word":
        return has_word(prepare(text), prepare(needle))
    return prepare(needle) in prepare(text)


def _places(condition: Text, text: str) -> list[tuple[int, int]]:
    places: list[tuple[int, int]] = []
    for needle in condition.needles:
        if condition.op == "regex":
            place = _found_at(text, needle, condition.exact)
        else:
            made = squeeze(needle) if condition.exact else fold(needle)
            place = locate(text, made, condition.op == "word", condition.exact)
        if place is not None:
            places.append(place)
    return places


def _found_at(text: str, pattern: str, exact: bool) -> tuple[int, int] | None:
    """Return where a pattern is found in the text as it came; it was searched in the composed text."""
    found = compile_pattern(pattern, exact).search(text)
    if found is None or found.start == found.end:
        return None
    composed = compose(text)
    if composed == text:
        return found.start, found.end
    return locate(text, squeeze(composed[found.start : found.end]), False, True)


def _test_words(test: WhereTest) -> str:
    match test:
        case Equals(value):
            return f"is {literal(value)}"
        case OneOf(values):
            return f"is one of {', '.join(literal(value) for value in values)}"
        case Glob(pattern):
            return f"is like {pattern}"
        case Compare(op, bound):
            return f"{_SIGNS[op]} {bound}"
        case Exists(wanted):
            return "is there" if wanted else "is not there"
        case Matches(pattern):
            return f"matches {pattern}"
        case _:
            assert_never(test)


def _shown(value: Any) -> str:
    text = literal(value) if value is not None else "null"
    return text if len(text) <= 120 else text[:119] + "…"
