"""Rules that load but seldom do what their author means: one small function a trap, each giving warnings.

The traps of jmespath are found while parsing, because some of them are errors (parse_expression.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from engine.core.necessary import need_of
from engine.core.regex import compile_pattern
from engine.core.text import fold
from engine.model.condition import Equals, FromSource, Text, Where
from engine.model.errors import NOWHERE, Problem, Span
from engine.model.rule import Rule
from engine.rulebook.common_words import COMMON_WORDS
from engine.rulebook.keys import SOURCES, TEXT_KEYS
from engine.rulebook.lint_case import Case, Knowledge, Lint, Remark, leaves, leaves_of
from engine.rulebook.lint_never import never_fires
from engine.rulebook.lint_time import endless_silence, unlabelled, untold_rest
from engine.rulebook.parse_action import ALWAYS_KNOWN
from engine.rulebook.parse_condition import blocks
from engine.rulebook.parse_file import ParsedFile
from engine.rulebook.parse_reader import masked
from engine.rulebook.parse_rule import Written
from engine.rulebook.yaml_guard import Items, Mapping, Node, Scalar, problem, short, trailing_comment

__all__ = ["LINTS", "Knowledge", "Lint", "Remark", "lint_rules"]

_SHORT = 3
_WEEK_MS = 7 * 86_400_000
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_LOOKS_MEANT = re.compile(r"#(\w|$)")
_FREE_TEXT = frozenset(
    {*TEXT_KEYS, "filter", "where", "source", "title", "message", "resolve", "prompt"}
    | {"screen", "visual_index", "scene_index", "transcript", "audio", "audio_index", "alert"}
)


def lint_rules(files: Sequence[ParsedFile], knowledge: Knowledge) -> tuple[Problem, ...]:
    """Return the warnings for all rules of files without errors, in the order of the files and their lines."""
    found: list[Problem] = []
    for file in files:
        remarks = {
            remark._replace(message=_from_pack(written.rule) + remark.message)
            for written in file.written
            for remark in _remarks(Case(written, file.lines, knowledge))
        }
        found += [
            masked(problem(file.lines, span, code, message, hint, "warning"))
            for span, code, message, hint in sorted(remarks)
        ]
    return tuple(found)


def _remarks(case: Case) -> Iterator[Remark]:
    for lint in LINTS:
        yield from lint(case)


def _from_pack(rule: Rule) -> str:
    """Return what tells an author that a warning at `use` is about a rule of the pack."""
    return f"rule {rule.name} of {rule.pack}: " if rule.pack else ""


def short_needle(case: Case) -> Iterator[Remark]:
    """Warn where a needle of up to three letters is part of common words."""
    for text in _texts(case.written):
        for needle in text.needles if text.op in ("contains", "contains_all") and not text.exact else ():
            folded = fold(needle)
            inside = [word for word in COMMON_WORDS if folded in word and folded != word]
            if len(folded) <= _SHORT and folded.isalpha() and inside:
                letters = "1 letter" if len(folded) == 1 else f"{len(folded)} letters"
                words = ", ".join(f'"{word}"' for word in inside[:2])
                message = f'{text.op}: "{needle}" ({letters}) also matches {words}'
                yield Remark(
                    _place_of(case.written, text.op, needle, text.span), "short-needle", message, f"use word: {needle}"
                )


def number_as_text(case: Case) -> Iterator[Remark]:
    """Warn where text is compared with what is probably a number: one never matches the other."""
    for leaf in leaves(case.written):
        if isinstance(leaf, Text) and not all(path.endswith("text") for path in leaf.paths):
            for needle in filter(_NUMBER.fullmatch, leaf.needles):
                message = f'{leaf.op}: a field that holds the number {needle} does not match the text "{needle}"'
                hint = f"for a number write where: {{{leaf.paths[0]}: {needle}}}"
                yield Remark(_place_of(case.written, leaf.op, needle, leaf.span), "number-as-text", message, hint)
        elif isinstance(leaf, Where) and isinstance(leaf.test, Equals) and isinstance(leaf.test.value, str):
            value = leaf.test.value
            if _NUMBER.fullmatch(value):
                message = f'where: "{value}" in quotes is text and does not equal the number {value}'
                yield Remark(leaf.span, "number-as-text", message, f"for a number write {value} without quotes")


def swallowed_comment(case: Case) -> Iterator[Remark]:
    """Warn where ` #` ended a text that looks as if it should go on."""
    for scalar in _free_texts(case.written.node, ""):
        comment = trailing_comment(scalar, case.lines)
        if scalar.value is not None and _LOOKS_MEANT.match(comment):
            message = f'"{short(comment)}" is a comment and not part of the text'
            hint = "put the whole text in quotes, or write a space after #"
            yield Remark(scalar.span, "swallowed-comment", message, hint)


def costly_regex(case: Case) -> Iterator[Remark]:
    """Warn where nothing about a rule lets an event be passed over without running its regex."""
    if need_of(case.written.rule.condition) is not None:
        return
    for leaf in leaves_of(case.written.rule.condition):
        if isinstance(leaf, Text) and leaf.op == "regex" and not _has_literals(leaf):
            message = "regex: no plain text must occur, so it parses and tests every event of its kind"
            yield Remark(leaf.span, "costly-regex", message, "add contains: with a text that must be there")


def no_destination(case: Case) -> Iterator[Remark]:
    """Warn where `notify` names a destination although none is declared at all."""
    declared = case.knowledge.destinations
    node = case.written.node.get("notify")
    if declared is None or declared - ALWAYS_KNOWN or node is None:
        return
    wanted = [name for name in case.written.rule.notify if name not in ALWAYS_KNOWN]
    if wanted:
        message = "notify: engine.yaml declares no destination, so messages go to the console"
        yield Remark(node.span, "no-destination", message, f"declare {' and '.join(wanted)} in engine.yaml")


def unknown_source(case: Case) -> Iterator[Remark]:
    """Warn where a source looks like a misspelled one; any other word may be the name of a stream."""
    for leaf in leaves(case.written):
        for pattern in leaf.patterns if isinstance(leaf, FromSource) else ():
            if pattern.casefold() in SOURCES or re.search(r"[*?\[:]", pattern):
                continue
            for close in get_close_matches(pattern.casefold(), SOURCES, 1, 0.8):
                message = f'source: "{short(pattern)}" is the name of a stream here; did you mean "{close}"?'
                yield Remark(
                    _place_of(case.written, "source", pattern), "unknown-source", message, f"write source: {close}"
                )


def missing_tests(case: Case) -> Iterator[Remark]:
    """Warn where a rule has no tests; only for who asked for it. Those of a used pack stand in the pack."""
    if case.knowledge.strict and not case.written.rule.tests and not case.written.rule.pack:
        message = f'the rule "{case.written.rule.name}" has no tests'
        yield Remark(case.written.rule.span, "missing-tests", message, "add tests: with an event that must fire")


def expiry(case: Case) -> Iterator[Remark]:
    """Warn a week before a rule switches itself off, and after."""
    now_ms, expires_ms = case.knowledge.now_ms, case.written.rule.gates.expires_ms
    node = case.written.node.get("expires")
    if now_ms is None or expires_ms is None or node is None or expires_ms - now_ms > _WEEK_MS:
        return
    if expires_ms <= now_ms:
        yield Remark(node.span, "expired", "expires: the rule has switched itself off", "remove the rule, or the date")
        return
    days = -((now_ms - expires_ms) // 86_400_000)
    message = f"expires: the rule switches itself off in {days} day{'s' if days > 1 else ''}"
    yield Remark(node.span, "expires-soon", message, "write a later date if it is still needed")


LINTS: tuple[Lint, ...] = (
    short_needle,
    number_as_text,
    swallowed_comment,
    costly_regex,
    never_fires,
    endless_silence,
    unlabelled,
    untold_rest,
    no_destination,
    unknown_source,
    missing_tests,
    expiry,
)


def _has_literals(text: Text) -> bool:
    return all(compile_pattern(needle, text.exact).required for needle in text.needles)


def _texts(written: Written) -> Iterator[Text]:
    return (leaf for leaf in leaves(written) if isinstance(leaf, Text))


def _place_of(written: Written, key: str, text: str, value: Span = NOWHERE) -> Span:
    """Return the place of one text under a key. The model knows at most that of the whole value, `value`."""
    for block in blocks(written.node):
        node = block.get(key)
        if node is not None and value in (NOWHERE, node.span):
            for part in node.items if isinstance(node, Items) else (node,):
                if isinstance(part, Scalar) and part.text == text:
                    return part.span
    return value


def _free_texts(node: Node, key: str) -> Iterator[Scalar]:
    """Yield the scalars in which an author may want a `#`."""
    if isinstance(node, Mapping):
        for pair in node.pairs:
            yield from _free_texts(pair.value, key if key == "where" else pair.key.text)
    elif isinstance(node, Items):
        for part in node.items:
            yield from _free_texts(part, key)
    elif key in _FREE_TEXT:
        yield node
