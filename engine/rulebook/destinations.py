"""The `destinations:` of `engine.yaml`: named URLs, and names for several of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple
from unicodedata import normalize

from engine.model.config import CONSOLE
from engine.model.route import Destination
from engine.rulebook.environment import insert
from engine.rulebook.parse_reader import Reader, count
from engine.rulebook.scalars import ScalarError, duration_ms, nearest, rule_name
from engine.rulebook.url import LOCAL_KINDS, kind_of, secrets_of
from engine.rulebook.yaml_guard import Items, Node, Scalar, short
from engine.rulebook.yaml_guard import Mapping as YamlMap

__all__ = ["Destinations", "members_of", "positive_count", "positive_duration", "read_destinations"]

_RESERVED = frozenset({"console", "default"})
_KEYS = ("url", "per_minute", "text", "max_age", "ordered", "allow_local")
_EXAMPLE = "me: slack://..."


@dataclass(frozen=True, slots=True)
class Destinations:
    """What may stand in `notify:`. Shape: as in `Config`; `known` also has the names whose entry was refused."""

    named: dict[str, Destination] = field(default_factory=lambda: {"console": CONSOLE})
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    known: frozenset[str] = frozenset({"console"})


def read_destinations(reader: Reader, node: Node, environment: Mapping[str, str]) -> Destinations:
    """Return the valid destinations and groups; what is not valid is reported and left out."""
    entries = reader.mapping(node, "destinations", _EXAMPLE)
    named = {"console": CONSOLE}
    groups: dict[str, Items] = {}
    secrets: set[str] = set()
    known = {"console"}
    for key, value in entries.pairs if entries else ():
        name = _name(reader, key)
        known.add(name or key.text)
        if name is None:
            continue
        if isinstance(value, Items):
            groups[name] = value
        elif found := _destination(reader, name, value, environment):
            named[name] = found[0]
            secrets |= found[1]
    members = {name: members_of(reader, items, name, known) for name, items in groups.items()}
    return Destinations(named, _resolved(reader, groups, members), frozenset(secrets), frozenset(known))


def members_of(reader: Reader, node: Node, key: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return the names in a list or a single one; each that is not known is reported and left out."""
    found: dict[str, None] = {}
    for scalar in reader.scalars(node, key):
        composed = normalize("NFC", scalar.text)
        if composed in known:
            found[composed] = None
            continue
        if "://" in scalar.text or "${" in scalar.text:
            hint = "give the URL a name under destinations, and write that name here"
            reader.error(scalar.span, "unknown-destination", f"`{short(key)}` takes names, not URLs", hint)
            continue
        close = nearest(scalar.text, known)
        hint = f"did you mean {close}?" if close else f"add {short(scalar.text)} to destinations"
        reader.error(scalar.span, "unknown-destination", f'no destination is called "{short(scalar.text)}"', hint)
    return tuple(found)


def positive_count(reader: Reader, node: Node, key: str) -> int:
    """Return a whole number from 1, or 1 after reporting anything else."""
    number = count(reader, node, key)
    if number == 0:
        reader.error(node.span, "wrong-form", f"`{key}` is zero", "write a number from 1")
    return number or 1


def positive_duration(value: object) -> int:
    """Return a duration longer than nothing. Units: milliseconds. Errors: `ScalarError`."""
    length_ms = duration_ms(value)
    if not length_ms:
        raise ScalarError("the duration is zero", "write a longer one, such as 1h")
    return length_ms


def _name(reader: Reader, key: Scalar) -> str | None:
    if key.text in _RESERVED:
        hint = (
            "set what default means by `default:` at the top level" if key.text == "default" else "choose another name"
        )
        reader.error(key.span, "reserved-name", f"`{key.text}` is always there and cannot be declared", hint)
        return None
    try:
        return rule_name(key.text)
    except ScalarError as fault:
        reader.error(key.span, "bad-name", fault.message, fault.hint)
        return None


class _Address(NamedTuple):
    """A usable URL: never printed."""

    kind: str
    url: str
    secrets: frozenset[str]


def _destination(
    reader: Reader, name: str, node: Node, environment: Mapping[str, str]
) -> tuple[Destination, frozenset[str]] | None:
    if isinstance(node, Scalar):
        address = _address(reader, name, node, environment, allow_local=False)
        return (Destination(name, address.kind, address.url), address.secrets) if address else None
    entry = reader.mapping(node, short(name), "{url: slack://..., per_minute: 30}")
    if entry is None:
        return None
    reader.check_keys(entry, _KEYS)
    url = entry.get("url")
    allow_local = _flag(reader, entry, "allow_local", default=False)
    address = _address(reader, name, url or entry, environment, allow_local=allow_local)
    options = _options(reader, name, entry)
    return (replace(options, kind=address.kind, url=address.url), address.secrets) if address else None


def _options(reader: Reader, name: str, entry: YamlMap) -> Destination:
    options = Destination(name, "", ordered=_flag(reader, entry, "ordered", default=True))
    per_minute = entry.get("per_minute")
    if per_minute is not None:
        options = replace(options, per_min=positive_count(reader, per_minute, "per_minute"))
    text = entry.get("text")
    if text is not None:
        options = replace(options, text=reader.choice(text, "text", ("full", "excerpt", "none")) or options.text)
    max_age_ms = reader.optional(entry, "max_age", "bad-duration", positive_duration)
    return replace(options, max_age_ms=max_age_ms or options.max_age_ms)


def _address(
    reader: Reader, name: str, node: Node, environment: Mapping[str, str], *, allow_local: bool
) -> _Address | None:
    if not isinstance(node, Scalar) or node.value is None:
        reader.error(node.span, "bad-url", f"`{short(name)}` has no URL", "give it one: slack://... or ${SLACK_URL}")
        return None
    filled = insert(reader, node, environment)
    if filled is None:
        return None
    kind = kind_of(filled.text)
    if kind is None or kind == "http":
        told = "begins with http:, which no service uses" if kind else "is not a URL"
        hint = "write json://... for a web hook of your own" if kind else "write slack://..., or [name] for a group"
        reader.error(node.span, "bad-url", f"what stands for `{short(name)}` {told}", hint)
        return None
    if kind in LOCAL_KINDS and not allow_local:
        hint = f"write {short(name)}: {{url: ..., allow_local: true}}"
        reader.error(node.span, "local-destination", f"{kind} acts on this machine itself", hint)
        return None
    return _Address(kind, filled.text, filled.values | secrets_of(filled.text))


def _flag(reader: Reader, entry: YamlMap, key: str, *, default: bool) -> bool:
    node = entry.get(key)
    flag = reader.flag(node, key) if node else None
    return default if flag is None else flag


def _resolved(
    reader: Reader, groups: dict[str, Items], members: dict[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return each group with the destinations behind it; a loop is reported, and then no group is returned."""
    inner = {name: [each for each in names if each in groups] for name, names in members.items()}
    try:
        order = [*TopologicalSorter(inner).static_order()]
    except CycleError as loop:
        # The sorter tells the loop from the inside out; its first name comes again at the end.
        names = [*reversed(loop.args[1])]
        first = min(names, key=lambda name: groups[name].span)
        span = next(item.span for item in groups[first].items if isinstance(item, Scalar) and item.text in names)
        told = " -> ".join(short(name) for name in names[:8])
        reader.error(span, "group-loop", f"group `{short(first)}` contains itself: {told}", "remove one of the names")
        return {}
    resolved: dict[str, tuple[str, ...]] = {}
    for name in order:
        behind = (resolved.get(member, (member,)) for member in members[name])
        resolved[name] = tuple(dict.fromkeys(destination for each in behind for destination in each))
    return {name: resolved[name] for name in groups}
