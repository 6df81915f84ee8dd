"""`${NAME}` in `engine.yaml`: the value of a variable of the environment, inserted once and never looked at again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

from engine.rulebook.parse_place import inside
from engine.rulebook.parse_reader import Reader
from engine.rulebook.yaml_guard import Scalar

__all__ = ["Inserted", "insert"]

_HOLE = re.compile(r"\$\{(?:([A-Za-z_][A-Za-z0-9_]*)\})?")


class Inserted(NamedTuple):
    """A text with its variables filled in, and the values that went into it."""

    text: str
    values: frozenset[str]


def insert(reader: Reader, scalar: Scalar, environment: Mapping[str, str]) -> Inserted | None:
    """Return the text with every `${NAME}` replaced, or None after reporting what cannot be.

    Between `://` and the `@` of a URL a value is percent-encoded, so a password may hold any character; elsewhere,
    and where it is the whole text, it is inserted as it is.
    """
    begin, end = _user_info(scalar.text)
    parts, values, at, whole = [], set(), 0, True
    for hole in _HOLE.finditer(scalar.text):
        value = _value(reader, scalar, hole, environment)
        if value is None:
            whole = False
            continue
        parts += [scalar.text[at : hole.start()], quote(value, safe="") if begin <= hole.start() < end else value]
        values.add(value)
        at = hole.end()
    return Inserted("".join([*parts, scalar.text[at:]]), frozenset(values)) if whole else None


def _user_info(text: str) -> tuple[int, int]:
    """Return where the user and password of a URL stand; an empty span if there are none."""
    begin = text.find("://") + 3
    if begin < 3:
        return 0, 0
    authority = re.split("[/?#]", text[begin:], maxsplit=1)[0]
    return begin, begin + max(authority.rfind("@"), 0)


def _value(reader: Reader, scalar: Scalar, hole: re.Match[str], environment: Mapping[str, str]) -> str | None:
    place = inside(scalar, hole.start(), reader.lines, len(hole[0]))
    name = hole[1]
    if name is None:
        # What stands behind `${` may be a default value such as `${TOKEN:-abc}`: it is not repeated.
        reader.error(place, "bad-variable", "`${` does not begin the name of a variable", "write ${NAME}, nothing else")
        return None
    if name not in environment:
        reader.error(place, "unset-variable", f"the environment has no {name}", f"set {name} before the start")
        return None
    value = environment[name].strip()
    if not value or not value.isprintable():
        fault = "holds a line break or control character" if value else "is empty"
        reader.error(place, "unset-variable", f"the variable {name} {fault}", f"set {name} to the value alone")
        return None
    return value
