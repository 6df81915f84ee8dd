"""One rule file: a rule, or a list under `rules:` with `defaults:` and `vars:`."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, NamedTuple

from engine.model.errors import Problem, Span
from engine.model.rule import Rule
from engine.rulebook.keys import DEFAULT_KEYS, FILE_KEYS, LATER_KEYS, RULE_KEYS
from engine.rulebook.parse_reader import Reader, masked
from engine.rulebook.parse_rule import AT_TOP, Given, Written, read_rule
from engine.rulebook.yaml_guard import Document, Items, Mapping, Node, Pair, Scalar, load, plain

__all__ = ["ParsedFile", "parse_file"]

_IN_RULE = dict.fromkeys((*RULE_KEYS, *LATER_KEYS), "write it in a rule under rules:")
_NOT_DEFAULT = dict.fromkeys(RULE_KEYS, "write it at each rule: it is a rule's own")


class ParsedFile(NamedTuple):
    """One file. Shape: `rules` is empty if a problem is an error; `names` are all rules the file means to hold.

    `written` are the same rules with their nodes and `lines` the text, for lints.
    """

    file: str
    rules: tuple[Rule, ...]
    problems: tuple[Problem, ...]
    names: tuple[str, ...]
    written: tuple[Written, ...]
    lines: tuple[str, ...]


def parse_file(file: str, content: bytes) -> ParsedFile:
    """Return the rules of one file, or its errors and no rule. Other files are not looked at.

    Shape: problems are in the order of the file. Errors: none are raised, whatever the content.
    """
    document = load(content, file)
    reader = Reader(file, document.lines)
    written = _rules_of(reader, document)
    found = (*map(masked, document.problems), *reader.problems)
    problems = tuple(sorted(found, key=lambda problem: (problem.span.line, problem.span.column)))
    names = tuple(each.rule.name for each in written if each.rule.name)
    if any(problem.severity == "error" for problem in problems):
        written = ()
    return ParsedFile(file, tuple(each.rule for each in written), problems, names, written, document.lines)


def _rules_of(reader: Reader, document: Document) -> tuple[Written, ...]:
    top = document.node
    if top is None or (isinstance(top, Scalar) and top.value is None):
        if not document.problems:
            hint = "write a rule, such as: when: screen, and below it contains: Slack"
            reader.report(Span(reader.file), "warning", "empty-file", "there is no rule in this file", hint)
        return ()
    if not isinstance(top, Mapping):
        hint = "write keys, such as when: screen; several rules go under rules:"
        reader.error(top.span, "wrong-form", "a rule file is a mapping of keys", hint)
        return ()
    return _several(reader, top) if top.get("rules") is not None else (_single(reader, top),)


def _single(reader: Reader, top: Mapping) -> Written:
    for pair in top.pairs:
        if pair.key.text == "defaults":
            reader.error(pair.key.span, "no-effect", "`defaults` has no effect on a single rule", AT_TOP)
    rule = Mapping(top.span, tuple(pair for pair in top.pairs if pair.key.text not in FILE_KEYS))
    # Windows paths reach us on every system, through recordings of problems and tests.
    name = PurePath(reader.file.replace("\\", "/")).stem
    return read_rule(reader, rule, Given(name=name, variables=_variables(reader, top)))


def _several(reader: Reader, top: Mapping) -> tuple[Written, ...]:
    reader.check_keys(top, FILE_KEYS, elsewhere=_IN_RULE)
    given = Given(defaults=_defaults(reader, top), variables=_variables(reader, top))
    listed = top.get("rules")
    if not isinstance(listed, Items) or not listed.items:
        at = top if listed is None else listed
        reader.error(at.span, "wrong-form", "`rules` takes a list of rules", "put a dash before each rule")
        return ()
    rules = [reader.mapping(part, "rules", "{name: slack, when: screen, contains: Slack}") for part in listed.items]
    return tuple(read_rule(reader, rule, given) for rule in rules if rule is not None)


def _defaults(reader: Reader, top: Mapping) -> tuple[Pair, ...]:
    node = top.get("defaults")
    mapping = None if node is None else reader.mapping(node, "defaults", "defaults: {notify: me}")
    if mapping is None:
        return ()
    reader.check_keys(mapping, DEFAULT_KEYS, LATER_KEYS, _NOT_DEFAULT)
    return tuple(pair for pair in mapping.pairs if pair.key.text in DEFAULT_KEYS)


def _variables(reader: Reader, top: Mapping) -> tuple[tuple[str, Any], ...]:
    """Read a map of name to scalar or list of scalars."""
    node = top.get("vars")
    mapping = None if node is None else reader.mapping(node, "vars", "vars: {team: [ann, ben]}")
    if mapping is None:
        return ()
    for pair in mapping.pairs:
        if not _is_flat(pair.value):
            message = "vars: a value is text, a number, true, false or a list of those"
            reader.error(pair.value.span, "wrong-form", message, "such as vars: {team: [ann, ben]}")
    return tuple((pair.key.text, plain(pair.value)) for pair in mapping.pairs)


def _is_flat(node: Node) -> bool:
    return isinstance(node, Scalar) or (
        isinstance(node, Items) and all(isinstance(part, Scalar) for part in node.items)
    )
