"""A condition to a closure over a subject: the exact predicate, which alone decides.

Invariant: every predicate is total; what a wrong type would make an error makes it false.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache
from operator import attrgetter, ge, gt, le, lt
from re import compile as compile_re
from typing import Any, TypeAlias, assert_never

from engine.core.jmes.compile import Expression, compile_expression
from engine.core.regex import compile_pattern
from engine.core.subject import Subject
from engine.core.text import fold, has_word, squeeze
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
    Text,
    Where,
    WhereTest,
)  # fmt: skip

__all__ = [
    "OWN_KINDS", "Predicate", "compile_condition", "find_value", "is_bare", "is_same", "selects_kind", "text_at",
    "text_test", "value_test",
]  # fmt: skip

Predicate: TypeAlias = Callable[[Subject], bool]
ValueTest: TypeAlias = Callable[[Any], bool]

OWN_KINDS = frozenset(("rule", "engine", "capture"))
"""Events that this product writes itself: `when: any` does not mean them, or a rule would hear its own echo."""

_BARE = compile_re(r"[A-Za-z_][A-Za-z0-9_]*")
_CHAIN = compile_re(r"@?[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
# What of `_` can be read without building the whole view.
_VIEW = {"kind": "kind", "status": "status", "text": "text", "stream": "stream", "source": "source",
         "session": "session", "final": "final"}  # fmt: skip
_ORDER = {"gt": gt, "gte": ge, "lt": lt, "lte": le}


def compile_condition(condition: Condition) -> Predicate:
    """Return the predicate that is true for exactly the subjects the condition describes."""
    match condition:
        case AllOf(parts):
            return _all_of([compile_condition(part) for part in parts])
        case AnyOf(parts):
            return _any_of([compile_condition(part) for part in parts])
        case Not(part):
            inner = compile_condition(part)
            return lambda subject: not inner(subject)
        case Kinds():
            return _kinds(condition)
        case FromSource(patterns):
            return _from_source(patterns)
        case Text():
            return _text(condition)
        case Where(path, test):
            return _where(path, value_test(test))
        case Filter(expression):
            compiled = _expression(expression)
            return lambda subject: compiled.holds(subject.document, subject.context)
        case InState(status):
            return lambda subject: subject.in_state(status)
        case _:
            assert_never(condition)


@lru_cache(maxsize=4096)
def _expression(text: str) -> Expression:
    return compile_expression(text)


def _all_of(parts: list[Predicate]) -> Predicate:
    if len(parts) == 2:
        first, second = parts
        return lambda subject: first(subject) and second(subject)
    if len(parts) == 1:
        return parts[0]
    return lambda subject: all(part(subject) for part in parts)


def _any_of(parts: list[Predicate]) -> Predicate:
    return parts[0] if len(parts) == 1 else lambda subject: any(part(subject) for part in parts)


def _kinds(condition: Kinds) -> Predicate:
    wanted: dict[str, set[str] | None] = {}
    for kind, status in condition.selectors:
        if status is None or (kind in wanted and wanted[kind] is None):
            wanted[kind] = None
        else:
            statuses = wanted.setdefault(kind, set())
            if statuses is not None:
                statuses.add(status)
    everything = "any" in wanted

    def is_wanted(subject: Subject) -> bool:
        event = subject.event
        if event.kind in wanted:
            statuses = wanted[event.kind]
            if statuses is None or event.status in statuses:
                return True
        return everything and event.kind not in OWN_KINDS

    return is_wanted


def selects_kind(wanted: str, kind: str) -> bool:
    """Tell whether a word of `when` means this kind of event, its status apart."""
    return kind not in OWN_KINDS if wanted == "any" else kind == wanted


def _from_source(patterns: tuple[str, ...]) -> Predicate:
    globs = [_glob(pattern) for pattern in patterns]

    @lru_cache(maxsize=1024)  # a desktop has a handful of streams
    def covers(name: str) -> bool:
        return any(glob(name) for glob in globs)

    def is_from(subject: Subject) -> bool:
        event = subject.event
        return any(name is not None and covers(name) for name in (event.source, event.stream))

    return is_from


def _glob(pattern: str) -> Callable[[str], bool]:
    """Return the test of the function `glob`: both sides folded, as in every text test."""
    covers = compile_re(translate(fold(pattern))).match
    return lambda text: covers(fold(text)) is not None


def _text(condition: Text) -> Predicate:
    test = text_test(condition)
    if condition.paths == ("_.text",):
        if condition.op == "regex":
            return lambda subject: subject.event.text is not None and test(subject.event.text)
        if condition.exact:
            return lambda subject: (text := subject.squeezed) is not None and test(text)
        return lambda subject: (text := subject.folded) is not None and test(text)
    readers = [text_at(path) for path in condition.paths]

    def any_path(subject: Subject) -> bool:
        for read in readers:
            text = read(subject)
            if text is not None and test(_prepared(condition, text, subject)):
                return True
        return False

    return any_path


def _prepared(condition: Text, text: str, subject: Subject) -> str:
    if condition.op == "regex":
        return text
    return subject.context.squeeze(text) if condition.exact else subject.context.fold(text)


def text_at(path: str) -> Callable[[Subject], str | None]:
    """Return the look-up of a text; what is missing or not text is None."""
    if path == "_.text":
        return lambda subject: subject.event.text
    expression = _expression(path)

    def read(subject: Subject) -> str | None:
        value = expression.search(subject.document, subject.context)
        return value if isinstance(value, str) else None

    return read


def text_test(condition: Text) -> Callable[[str], bool]:
    """Return the test of one prepared text: folded, squeezed for `exact`, or the original for a regex."""
    if condition.op == "regex":
        patterns = [compile_pattern(needle, condition.exact) for needle in condition.needles]
        return lambda text: any(pattern.holds(text) for pattern in patterns)
    needles = [squeeze(needle) if condition.exact else fold(needle) for needle in condition.needles]
    if condition.op == "word":
        # Nearly every phrase is not in the text at all, and to ask that first costs a tenth of looking for a word.
        phrases = [(needle.removesuffix("*"), needle) for needle in needles]

        def has_some(text: str) -> bool:
            for phrase, needle in phrases:  # noqa: SIM110 - a generator would cost as much again
                if phrase in text and has_word(text, needle):
                    return True
            return False

        return has_some
    if condition.op == "contains_all":
        return lambda text: all(needle in text for needle in needles)
    if len(needles) == 1:
        only = needles[0]
        return lambda text: only in text
    return lambda text: any(needle in text for needle in needles)


def _where(path: str, test: ValueTest) -> Predicate:
    find = find_value(path)
    return lambda subject: test(find(subject))


def find_value(path: str) -> Callable[[Subject], Any]:
    """Return the look-up of a path: a bare name at the root, then under `data`; `@a.b` from the root; else jmespath."""
    if is_bare(path):
        return lambda subject: _bare(subject.event.body, path)
    if _CHAIN.fullmatch(path):
        return _chain(path.removeprefix("@").split("."))
    expression = _expression(path)
    return lambda subject: expression.search(subject.document, subject.context)


def is_bare(path: str) -> bool:
    """Tell whether this is the name of one field, as jmespath reads it without quotes."""
    return _BARE.fullmatch(path) is not None


def _chain(names: list[str]) -> Callable[[Subject], Any]:
    if names[0] == "_" and len(names) == 2 and names[1] in _VIEW:
        attribute = attrgetter(_VIEW[names[1]])
        return lambda subject: attribute(subject.event)

    def follow(subject: Subject) -> Any:
        value: Any = subject.document if names[0] == "_" else subject.event.body
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    return follow


def _bare(body: dict[str, Any], name: str) -> Any:
    value = body.get(name)
    if value is None:
        data = body.get("data")
        value = data.get(name) if isinstance(data, dict) else None
    return value


def value_test(test: WhereTest) -> ValueTest:
    """Return the predicate of one `where` test on one value."""
    match test:
        case Equals(wanted):
            return lambda value: is_same(value, wanted)
        case OneOf(values):
            return lambda value: any(is_same(value, wanted) for wanted in values)
        case Glob(pattern):
            glob = _glob(pattern)
            return lambda value: isinstance(value, str) and glob(value)
        case Compare(op, bound):
            order = _ORDER[op]
            return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and order(value, bound)
        case Exists(wanted):
            return lambda value: (value is not None) is wanted
        case Matches(pattern, exact):
            found = compile_pattern(pattern, exact)
            return lambda value: isinstance(value, str) and found.holds(value)
        case _:
            assert_never(test)


def is_same(value: Any, wanted: Any) -> bool:
    """Tell whether two JSON values are equal: text is not a number and a Boolean is neither."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return bool(value == wanted)
