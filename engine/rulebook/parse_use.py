"""`use` and `with`: the rules of a pack in the file of somebody else; and a pack that is run by itself.

What is wrong with a rule of a used pack is told where it can be mended: at the value that does not suit it, else at
the `use`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from engine.model.errors import Span
from engine.model.pack import FindPack, NoPack, PackFile
from engine.model.rule import Rule
from engine.rulebook.keys import RULE_KEYS, USE_KEYS
from engine.rulebook.pack import Pack, own_names, read_pack
from engine.rulebook.pack_fill import filled, is_too_much
from engine.rulebook.pack_inputs import Values, default_values, read_values, variables
from engine.rulebook.parse_list import read_shared
from engine.rulebook.parse_reader import Reader, listed
from engine.rulebook.parse_rule import Written, read_rule
from engine.rulebook.scalars import ScalarError, nearest, rule_name
from engine.rulebook.yaml_guard import Mapping, Pair, Scalar, load, short

__all__ = ["Held", "read_own_pack", "read_use"]

_SAID_BY_PACK = dict.fromkeys(RULE_KEYS, "the pack says it; write what should differ under with:")
_TOO_MUCH = ("the blanks of the pack become too much when they are filled", "write shorter lists")
_MOST_LISTED = 12


class Held(NamedTuple):
    """What a file, or a `use` in it, holds. `names` are the rules it means to hold, also if it is broken."""

    written: tuple[Written, ...] = ()
    names: tuple[str, ...] = ()


class _Used(NamedTuple):
    """One `use`: the pack, where it was found, and how its rules are called."""

    pack: Pack
    name: str
    file: str
    prefix: str
    at: Span


def read_own_pack(reader: Reader, top: Mapping, stem: str) -> Held:
    """Return the rules of a pack that is loaded as a file like any other: its defaults fill the blanks."""
    pack = read_pack(reader, top)
    if pack is None:
        return Held()
    values = default_values(reader, pack.inputs)
    names = tuple(f"{stem}-{name}" for name in own_names(pack))
    if values is not None and is_too_much(pack, values):
        reader.error(top.place("inputs"), "too-large", *_TOO_MUCH)
    if values is None or any(problem.severity == "error" for problem in reader.problems):
        return Held((), names)
    ready = filled(pack, values, stem)
    shared = read_shared(reader, ready.top)
    given = shared._replace(variables=shared.variables + variables(values))
    return Held(tuple(read_rule(reader, rule, given) for rule in ready.rules), names)


def read_use(reader: Reader, entry: Mapping, find_pack: FindPack | None) -> Held:
    """Return the rules that an entry takes over from a pack; what is wrong is reported in the file of the entry."""
    reader.check_keys(entry, USE_KEYS, elsewhere=_SAID_BY_PACK)
    used = _used(reader, entry, find_pack)
    if used is None:
        return Held()
    names = tuple(f"{used.prefix}-{name}" for name in own_names(used.pack))
    values = read_values(reader, entry.get("with"), used.pack.inputs, used.at, used.name)
    silent = _silent(reader, entry, used)
    if values is not None and is_too_much(used.pack, values):
        reader.error(used.at, "too-large", *_TOO_MUCH)
        values = None
    return Held(() if values is None else _rules(reader, used, values, silent), names)


def _used(reader: Reader, entry: Mapping, find_pack: FindPack | None) -> _Used | None:
    node, written = entry.get("use"), entry.get("name")
    name = None if node is None else reader.text(node, "use")
    prefix = name if written is None else reader.text(written, "name")
    if node is None or name is None or prefix is None:
        return None
    at = entry.place("use")
    for text, place in ((name, node.span), (prefix, at if written is None else written.span)):
        try:
            rule_name(text)
        except ScalarError as fault:
            reader.error(place, "bad-name", f"use: {fault.message}", "write the name of a pack, such as focus")
            return None
    found = NoPack() if find_pack is None else find_pack(reader.file, name)
    if isinstance(found, NoPack):
        _no_such_pack(reader, node.span, name, found)
        return None
    pack = _open(reader, found, name, at)
    return None if pack is None else _Used(pack, name, found.file, prefix, at)


def _no_such_pack(reader: Reader, at: Span, name: str, found: NoPack) -> None:
    if found.reason:
        reader.error(at, "unreadable-pack", f'use: the pack "{short(name)}" cannot be read: {found.reason}', "mend it")
        return
    close = nearest(name, found.known)
    suggestion = f'; did you mean "{close}"?' if close else ""
    known = found.known[:_MOST_LISTED]
    hint = f"there is {listed(known)}" if known else "a pack is a file in a folder called packs beside this one"
    reader.error(at, "unknown-pack", f'use: there is no pack "{short(name)}"{suggestion}', hint)


def _open(reader: Reader, found: PackFile, name: str, at: Span) -> Pack | None:
    """Read a pack in its own file. Its errors are told at `at`, for that is what does not work."""
    document = load(found.content, found.file)
    inner = Reader(found.file, document.lines)
    pack = None
    if isinstance(document.node, Mapping) and document.node.get("inputs") is not None:
        pack = read_pack(inner, document.node)
    elif not document.problems:
        what = f'use: "{short(name)}" is no pack: {found.file} has no `inputs`'
        reader.error(at, "not-a-pack", what, "add inputs: to it, or name its rules with when: rule.<name>")
    errors = [each for each in (*document.problems, *inner.problems) if each.severity == "error"]
    for each in errors:
        message = f'the pack "{name}" is broken at {each.span}: {each.message}'
        reader.error(at, each.code, message, f"in {found.file}: {each.hint}" if each.hint else f"mend {found.file}")
    return None if errors else pack


def _silent(reader: Reader, entry: Mapping, used: _Used) -> frozenset[str]:
    """Return the names, in the pack, of the rules that are switched off."""
    own = own_names(used.pack)
    switch, without = entry.get("enabled"), entry.get("without")
    if switch is not None and reader.flag(switch, "enabled") is False:
        return frozenset(own)
    names = () if without is None else reader.scalars(without, "without")
    for scalar in names:
        if scalar.text not in own:
            close = nearest(scalar.text, own)
            suggestion = f'; did you mean "{close}"?' if close else ""
            message = f'without: the pack "{used.name}" has no rule "{short(scalar.text)}"{suggestion}'
            reader.error(scalar.span, "unknown-rule", message, f"it has {listed(own)}")
    return frozenset(scalar.text for scalar in names)


def _rules(reader: Reader, used: _Used, values: Values, silent: frozenset[str]) -> tuple[Written, ...]:
    ready = filled(used.pack, values, used.prefix, used.at)
    inner = Reader(reader.file, reader.lines)
    shared = read_shared(inner, ready.top)
    _pass_on(reader, inner, used, "")
    given = shared._replace(variables=shared.variables + variables(values))
    written = []
    for rule, original in zip(ready.rules, used.pack.rules, strict=True):
        name = original.get("name")
        own = name.text if isinstance(name, Scalar) else ""
        inner = Reader(reader.file, reader.lines)
        read = read_rule(inner, _switched_off(rule) if own in silent else rule, given)
        _pass_on(reader, inner, used, f', rule "{own}"')
        written.append(Written(_from_pack(read.rule, used), read.node))
    return tuple(written)


def _pass_on(reader: Reader, inner: Reader, used: _Used, rule: str) -> None:
    for each in inner.problems:
        at_value = each.span != used.at
        hint = each.hint if at_value else f"see {used.file}; it is its rule, with your values"
        reader.report(each.span, each.severity, each.code, f'pack "{used.name}"{rule}: {each.message}', hint)


def _switched_off(rule: Mapping) -> Mapping:
    pairs = tuple(pair for pair in rule.pairs if pair.key.text != "enabled")
    switch = Pair(Scalar(rule.span, "enabled", "enabled"), Scalar(rule.span, False, "false"))
    return Mapping(rule.span, (*pairs, switch))


def _from_pack(rule: Rule, used: _Used) -> Rule:
    return replace(rule, pack=used.file)
