"""What only all files together can tell: names used twice, names that nobody has, rules that set each other off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from engine.model.errors import Problem, Span
from engine.model.rule import Rule
from engine.rulebook.parse_action import ALWAYS_KNOWN, told_names
from engine.rulebook.parse_condition import blocks, selectors
from engine.rulebook.parse_file import ParsedFile
from engine.rulebook.parse_reader import masked
from engine.rulebook.parse_rule import Written
from engine.rulebook.scalars import nearest, rule_name
from engine.rulebook.yaml_guard import Items, Mapping, Scalar, problem, short

__all__ = ["check_rulebook"]


class _Place(NamedTuple):
    file: ParsedFile
    written: Written


def check_rulebook(files: Sequence[ParsedFile], known_destinations: frozenset[str] | None) -> tuple[Problem, ...]:
    """Return what is wrong between rules, each problem placed in the file that should change.

    Shape: without `known_destinations`, or where it names none of its own, `notify` is not checked: everything then
    goes to the console.
    """
    places = [_Place(file, written) for file in files for written in file.written]
    found = [*_repeated(places), *_unheard(places, files), *_loops(places)]
    if known_destinations and known_destinations - ALWAYS_KNOWN:
        found += _undeclared(places, known_destinations | ALWAYS_KNOWN)
    return tuple(map(masked, found))


def _repeated(places: list[_Place]) -> Iterator[Problem]:
    first: dict[str, Span] = {}
    for place in places:
        rule = place.written.rule
        if rule.name in first:
            message = f'the name "{rule.name}" is taken by the rule at {first[rule.name]}'
            at = place.written.node.get("name")
            hint = "give this use a name: of its own" if rule.pack else "choose another name"
            yield _problem(place, rule.span if at is None else at.span, "repeated-name", message, hint)
        else:
            first[rule.name] = rule.span


def _unheard(places: list[_Place], files: Sequence[ParsedFile]) -> Iterator[Problem]:
    """Yield each `rule.<name>` that no file has."""
    known = {name for file in files for name in file.names}
    for place in places:
        node = place.written.node
        heard = [("when", scalar) for scalar in _texts_under(node, "when")]
        heard += [("until", scalar) for scalar in _texts_of(node, "until")]
        for key, scalar in heard:
            kind, _, written = scalar.text.partition(".")
            if kind != "rule":
                continue
            name = rule_name(written)
            if name not in known:
                close = nearest(name, known)
                suggestion = f'; did you mean "rule.{close}"?' if close else ""
                message = f'{key}: there is no rule "{short(name)}"{suggestion}'
                yield _problem(place, scalar.span, "unknown-rule", message, "write the name of a rule in these files")


def _loops(places: list[_Place]) -> Iterator[Problem]:
    """Yield one error a loop, at the rule of it that comes first."""
    rules = {place.written.rule.name: place for place in places}
    hears = {name: _heard(place.written.rule) & rules.keys() for name, place in rules.items()}
    done: set[str] = set()
    for name, place in rules.items():
        loop = _way_back(name, hears, done)
        done.add(name)
        if loop:
            chain = " -> ".join([*loop, name])
            hint = f"let it not listen to rule.{loop[-1]}"
            yield _problem(place, place.written.rule.span, "rule-loop", f"rules set each other off: {chain}", hint)


def _heard(rule: Rule) -> set[str]:
    """Return the rules this one listens to, also to end what it fired; its firings may be heard by others in turn."""
    conditions = [rule.condition]
    conditions += [rule.incident.until] if rule.incident is not None and rule.incident.until is not None else []
    heard = [selector for condition in conditions for selector in selectors(condition)]
    return {status for kind, status in heard if kind == "rule" and status is not None}


def _way_back(name: str, hears: dict[str, set[str]], done: set[str]) -> list[str]:
    """Return a shortest loop through the rule, in the order in which events travel, or nothing.

    Rules in `done` are left out: their loops were told already.
    """
    heard_by: dict[str, str] = {}
    queue = [name]
    for rule in queue:
        for source in sorted(each for each in hears[rule] if each not in done and each not in heard_by):
            if source == name:
                loop = [name]
                while rule != name:
                    loop.append(rule)
                    rule = heard_by[rule]
                return loop
            heard_by[source] = rule
            queue.append(source)
    return []


def _undeclared(places: list[_Place], known: frozenset[str]) -> Iterator[Problem]:
    for place in places:
        for scalar in told_names(place.written.node):
            name = rule_name(scalar.text)
            if name not in known:
                close = nearest(name, known)
                suggestion = f'; did you mean "{close}"?' if close else ""
                message = f'notify: no destination "{short(name)}"{suggestion}'
                hint = f"declare it in engine.yaml, or use one of {', '.join(sorted(known))}"
                yield _problem(place, scalar.span, "unknown-destination", message, hint)


def _texts_under(node: Mapping, key: str) -> Iterator[Scalar]:
    for block in blocks(node):
        yield from _texts_of(block, key)


def _texts_of(block: Mapping, key: str) -> Iterator[Scalar]:
    node = block.get(key)
    for part in node.items if isinstance(node, Items) else (node,):
        if isinstance(part, Scalar):
            yield part


def _problem(
    place: _Place, at: Span, code: str, message: str, hint: str, severity: Literal["error", "warning"] = "error"
) -> Problem:
    return problem(place.file.lines, at, code, message, hint, severity)
