"""The functions this product adds to jmespath for text; `instants` has those for time.

All are total, null in gives null (false from a test) without a word; any other wrong type is counted. Texts are
compared folded, or with their case by the `_exact` tests; each is prepared once an event, and what an author writes
as a literal once at load.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import translate
from typing import Any, NamedTuple

from engine.core.jmes.context import SCAN, Context
from engine.core.jmes.functions import refuse
from engine.core.jmes.instants import INSTANTS
from engine.core.jmes.signature import NOT_LITERAL, Argument, ArgumentError, Function, Node, plain
from engine.core.jmes.table import table
from engine.core.regex import PatternError, compile_pattern
from engine.core.text import fold, has_word, squeeze

__all__ = ["ADDED"]

_MATCH_PRICE = 8
"""Steps of one regular expression search on a short text (about 0.5 us, ten times a list element)."""


def _text_of(context: Context, name: str, value: Any) -> str | None:
    if value.__class__ is str:
        text: str = value
        return text
    if value is not None:
        refuse(context, name, value)
    return None


def _prepared(context: Context, name: str, value: Any, exact: bool) -> str | None:
    text = _text_of(context, name, value)
    if text is None:
        return None
    context.scan(text)
    return context.squeeze(text, len(text) // 16) if exact else context.fold(text, len(text) // 16)


class _NeedleTest(NamedTuple):
    """A test of a text against needles: `holds` decides about one, `combine` is any or all."""

    name: str
    holds: Callable[[str, str], bool]
    combine: Callable[[Iterable[bool]], bool]
    exact: bool = False

    def declare(self) -> Function:
        """Return it as a function of the language."""
        return Function(self._bind, "text, wanted text or list", is_test=True)

    def _bind(self, arguments: Sequence[Argument]) -> Node:
        read, needle = arguments[0].read, arguments[1]
        if needle.literal is NOT_LITERAL:
            return self._bind_late(read, needle.read)
        needles = self._needles(needle.literal)
        if len(needles) == 1 and self.holds is _is_in and not self.exact:
            return _has_one(arguments[0], needles[0])
        name, holds, combine, exact = self

        def test(value: Any, context: Context) -> bool:
            text = _prepared(context, name, read(value, context), exact)
            return text is not None and combine(holds(text, needle) for needle in needles)

        return test

    def _bind_late(self, read: Node, read_needle: Node) -> Node:
        """Test against needles that only the event knows; empty ones are found nowhere."""
        name, holds, combine, exact = self

        def test(value: Any, context: Context) -> bool:
            text = _prepared(context, name, read(value, context), exact)
            wanted = read_needle(value, context)
            if text is None or wanted is None:
                return False
            needles = wanted if wanted.__class__ is list else [wanted]
            context.spend(len(needles))
            made = [_prepared(context, name, needle, exact) for needle in needles]
            return bool(made) and combine(holds(text, needle) if needle else False for needle in made)

        return test

    def _needles(self, value: Any) -> list[str]:
        """Return a literal's needles, prepared. Errors: `ArgumentError` for what no text has, or every text."""
        needles = value if isinstance(value, list) else [value]
        if not needles or not all(isinstance(needle, str) for needle in needles):
            message = f"{self.name}() looks for text."
            raise ArgumentError(1, "needle", message, f"Write {self.name}(_.text, 'Slack') or a list.")
        made = [squeeze(needle) if self.exact else fold(needle) for needle in needles]
        if not all(needle.rstrip("*" if self.holds is has_word else " ").strip() for needle in made):
            raise ArgumentError(1, "needle", "empty text is found everywhere.", "Write the text to look for.")
        return made


def _has_one(argument: Argument, needle: str) -> Node:
    """The most common test of all, with as few calls as can be."""
    if argument.names is not None and len(argument.names) == 2:
        return _two_fields_have(*argument.names, needle)
    read = argument.read

    def test(value: Any, context: Context) -> bool:
        text = _prepared(context, "has", read(value, context), exact=False)
        return text is not None and needle in text

    return test


def _two_fields_have(first: str, second: str, needle: str) -> Node:
    """The usual form, `has(_.text, 'x')`, without a call to read the field."""

    def test(value: Any, context: Context) -> bool:
        holder = value.get(first) if value.__class__ is dict else None
        text = holder.get(second) if holder.__class__ is dict else None
        if text.__class__ is str and len(text) <= SCAN and text in context.folded:
            return needle in context.folded[text]
        text = _prepared(context, "has", text, exact=False)
        return text is not None and needle in text

    return test


def _is_in(text: str, needle: str) -> bool:
    return needle in text


def _literal_pattern(name: str, argument: Argument) -> str:
    if isinstance(argument.literal, str) and argument.literal:
        return argument.literal
    message = f"the pattern of {name}() must be a text written here, so that it can be checked at load."
    raise ArgumentError(1, "pattern", message, f"Write {name}(_.text, 'pattern').")


def _pattern_test(name: str, exact: bool) -> Function:
    def bind(arguments: Sequence[Argument]) -> Node:
        read = arguments[0].read
        source = _literal_pattern(name, arguments[1])
        try:
            holds = compile_pattern(source, exact).holds
        except PatternError as error:
            raise ArgumentError(1, "pattern", error.message, error.hint, error.column) from None

        def test(value: Any, context: Context) -> bool:
            text = _text_of(context, name, read(value, context))
            if text is None:
                return False
            context.spend(_MATCH_PRICE + len(text) // 64)
            return holds(text)

        return test

    return Function(bind, "text, 'pattern'", is_test=True)


def _glob(arguments: Sequence[Argument]) -> Node:
    read = arguments[0].read
    covers = re.compile(translate(fold(_literal_pattern("glob", arguments[1])))).match

    def test(value: Any, context: Context) -> bool:
        text = _prepared(context, "glob", read(value, context), exact=False)
        return text is not None and covers(text) is not None

    return test


def _text_function(name: str, run: Callable[[str], Any]) -> Function:
    def apply(context: Context, value: Any) -> Any:
        text = _text_of(context, name, value)
        if text is None:
            return None
        context.spend(len(text))
        return run(text)

    return plain(apply, "text")


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0].rstrip() if lines else ""


def _cut(context: Context, value: Any, most: Any) -> Any:
    text = _text_of(context, "cut", value)
    if text is None:
        return None
    if most.__class__ not in (int, float) or not most >= 0:
        return refuse(context, "cut", most)
    if len(text) <= most:
        return text
    kept = text[: max(int(most) - 1, 0)].rstrip() + "…" if most >= 1 else ""
    context.spend(len(kept))
    return kept


ADDED: dict[str, Function] = {
    "count_words": _text_function("count_words", lambda text: len(text.split())),
    "cut": plain(_cut, "text, length"),
    "first_line": _text_function("first_line", _first_line),
    "glob": Function(_glob, "text, 'pattern'", is_test=True),
    "has": _NeedleTest("has", _is_in, any).declare(),
    "has_all": _NeedleTest("has_all", _is_in, all).declare(),
    "has_all_exact": _NeedleTest("has_all_exact", _is_in, all, exact=True).declare(),
    "has_exact": _NeedleTest("has_exact", _is_in, any, exact=True).declare(),
    "has_word": _NeedleTest("has_word", has_word, any).declare(),
    "has_word_exact": _NeedleTest("has_word_exact", has_word, any, exact=True).declare(),
    "lower": _text_function("lower", str.lower),
    "matches": _pattern_test("matches", exact=False),
    "matches_exact": _pattern_test("matches_exact", exact=True),
    "table": plain(table, "list, 'field', ..."),
    "trim": _text_function("trim", str.strip),
    "upper": _text_function("upper", str.upper),
    **INSTANTS,
}
