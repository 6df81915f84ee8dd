"""One rule file: a rule, a list under `rules:` with `defaults:` and `vars:`, a pack, or the use of one."""

from __future__ import annotations

from pathlib import PurePath
from typing import NamedTuple

from engine.model.errors import Problem, Span
from engine.model.pack import FindPack
from engine.model.rule import Rule
from engine.rulebook.keys import FILE_KEYS, LATER_KEYS, RULE_KEYS, USE_KEYS
from engine.rulebook.parse_list import read_shared, read_variables
from engine.rulebook.parse_reader import Reader, masked
from engine.rulebook.parse_rule import AT_TOP, Given, Written, read_rule
from engine.rulebook.parse_use import Held, read_own_pack, read_use
from engine.rulebook.yaml_guard import Document, Items, Mapping, Scalar, load

__all__ = ["ParsedFile", "parse_file"]

_IN_RULE = dict.fromkeys((*RULE_KEYS, *LATER_KEYS, *USE_KEYS), "write it in a rule under rules:")
_ALONE = dict.fromkeys(("defaults", "vars"), "a pack brings its own; fill its inputs in under with:")


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


def parse_file(file: str, content: bytes, find_pack: FindPack | None = None) -> ParsedFile:
    """Return the rules of one file, or its errors and no rule. Other files are not looked at, but the packs it uses.

    Shape: problems are in the order of the file. Errors: none are raised, whatever the content.
    """
    document = load(content, file)
    reader = Reader(file, document.lines)
    held = _held_by(reader, document, find_pack)
    found = (*map(masked, document.problems), *reader.problems)
    problems = tuple(sorted(found, key=lambda problem: (problem.span.line, problem.span.column)))
    written = () if any(problem.severity == "error" for problem in problems) else held.written
    return ParsedFile(file, tuple(each.rule for each in written), problems, held.names, written, document.lines)


def _held_by(reader: Reader, document: Document, find_pack: FindPack | None) -> Held:
    top = document.node
    if top is None or (isinstance(top, Scalar) and top.value is None):
        if not document.problems:
            hint = "write a rule, such as: when: screen, and below it contains: Slack"
            reader.report(Span(reader.file), "warning", "empty-file", "there is no rule in this file", hint)
        return Held()
    if not isinstance(top, Mapping):
        hint = "write keys, such as when: screen; several rules go under rules:"
        reader.error(top.span, "wrong-form", "a rule file is a mapping of keys", hint)
        return Held()
    # Windows paths reach us on every system, through recordings of problems and tests.
    stem = PurePath(reader.file.replace("\\", "/")).stem
    if top.get("inputs") is not None:
        return read_own_pack(reader, top, stem)
    if top.get("rules") is not None:
        return _several(reader, top, find_pack)
    if top.get("use") is not None:
        for pair in top.pairs:
            if pair.key.text in _ALONE:
                reader.error(pair.key.span, "no-effect", f"`{pair.key.text}` has no effect here", _ALONE[pair.key.text])
        own = tuple(pair for pair in top.pairs if pair.key.text not in _ALONE)
        return read_use(reader, Mapping(top.span, own), find_pack)
    return _single(reader, top, stem)


def _single(reader: Reader, top: Mapping, stem: str) -> Held:
    for pair in top.pairs:
        if pair.key.text == "defaults":
            reader.error(pair.key.span, "no-effect", "`defaults` has no effect on a single rule", AT_TOP)
    rule = Mapping(top.span, tuple(pair for pair in top.pairs if pair.key.text not in FILE_KEYS))
    return _one(read_rule(reader, rule, Given(name=stem, variables=read_variables(reader, top))))


def _several(reader: Reader, top: Mapping, find_pack: FindPack | None) -> Held:
    reader.check_keys(top, FILE_KEYS, elsewhere=_IN_RULE)
    given = read_shared(reader, top)
    listed = top.get("rules")
    if not isinstance(listed, Items) or not listed.items:
        at = top if listed is None else listed
        reader.error(at.span, "wrong-form", "`rules` takes a list of rules", "put a dash before each rule")
        return Held()
    parts = [reader.mapping(part, "rules", "{name: slack, when: screen, contains: Slack}") for part in listed.items]
    held = [
        read_use(reader, part, find_pack) if part.get("use") is not None else _one(read_rule(reader, part, given))
        for part in parts
        if part is not None
    ]
    return Held(
        tuple(written for each in held for written in each.written), tuple(name for each in held for name in each.names)
    )


def _one(written: Written) -> Held:
    return Held((written,), (written.rule.name,) if written.rule.name else ())
