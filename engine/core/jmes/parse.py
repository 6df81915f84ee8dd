"""Text to jmespath's own tree, within limits, with a column for every part that has a name.

The grammar is jmespath's: its lexer gives the tokens, its parser the tree. Its tree has no places, so they are found
by walking tree and tokens side by side in source order. Invariant: a tree that leaves here is at most `MOST_NODES`
nodes and `MOST_DEPTH` levels, so whoever walks it may recurse.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from jmespath.exceptions import IncompleteExpressionError, JMESPathError, LexerError, ParseError
from jmespath.lexer import Lexer
from jmespath.parser import Parser

from engine.core.jmes.faults import FilterError

__all__ = ["MOST_CHARACTERS", "MOST_DEPTH", "MOST_NODES", "Parsed", "Token", "Tree", "children", "parse"]

MOST_CHARACTERS = 4_096
"""jmespath's lexer is quadratic in a literal: 100,000 numbers take 0.4 s, a million more than 10 s."""
MOST_NODES = 2_000
MOST_DEPTH = 50

Tree: TypeAlias = dict[str, Any]
"""A node of jmespath's tree: `type`, `children` and, for some, `value`. Shared with jmespath's cache: read only."""

_WORDS = {"and": "&&", "or": "||", "not": "!", "in": "contains(list, value)", "is": "=="}
_CURLY = {"\u201c": "'", "\u201d": "'", "\u2018": "'", "\u2019": "'"}
_OPENERS = frozenset(("lparen", "lbracket", "lbrace", "filter"))
_CLOSERS = frozenset(("rparen", "rbracket", "rbrace"))


class Token(NamedTuple):
    """One word or sign of an expression. Units: `start` counts characters from 0."""

    type: str
    value: Any
    start: int


class Parsed(NamedTuple):
    """An expression within limits. `columns` maps `id(node)` to the 1-based column of the node's own token."""

    text: str
    tree: Tree
    tokens: tuple[Token, ...]
    columns: dict[int, int]

    def column(self, node: Tree) -> int:
        """Return the column of the first named part of a node, 1 when it has none. Units: counts from 1."""
        return next((self.columns[id(each)] for each in _source_order(node) if id(each) in self.columns), 1)


def parse(text: str) -> Parsed:
    """Return the tree of an expression.

    Errors: `FilterError` for anything jmespath does not accept and for what is over the limits.
    """
    if not text.strip():
        raise FilterError("the expression is empty.", 1, "Write a condition, such as has(_.text, 'Slack').", "empty")
    if len(text) > MOST_CHARACTERS:
        message = f"the expression has {len(text):,} characters; the most is {MOST_CHARACTERS:,}."
        raise FilterError(message, MOST_CHARACTERS + 1, "Split it into several rules.", "limit")
    try:
        tokens = tuple(Token(each["type"], each["value"], each["start"]) for each in Lexer().tokenize(text))
        _check_nesting(tokens)
        tree: Tree = Parser().parse(text).parsed
    except RecursionError:
        raise _too_deep(1) from None
    except JMESPathError as error:
        raise _located(text, error) from None
    _check_size(tree)
    return Parsed(text, tree, tokens, _locate(tree, tokens))


def children(node: Tree) -> list[Tree]:
    """Return the nodes directly below, in the order in which they stand in the text."""
    if node["type"] == "slice":
        return []
    below: list[Tree] = node["children"]
    if node["type"] == "filter_projection":
        left, right, condition = below
        return [left, condition, right]
    return below


def _check_nesting(tokens: tuple[Token, ...]) -> None:
    """Refuse deep brackets and long runs of prefixes before the recursive parser sees them."""
    depth = run = 0
    for token in tokens:
        run = run + 1 if token.type in ("not", "expref") else 0
        depth += (token.type in _OPENERS) - (token.type in _CLOSERS)
        if max(depth, run) > MOST_DEPTH:
            raise _too_deep(token.start + 1)


def _too_deep(column: int) -> FilterError:
    hint = "Use fewer brackets; write contains(['a', 'b'], _.kind) instead of a long chain of ||."
    return FilterError(f"the expression is nested more than {MOST_DEPTH} levels deep.", column, hint, "limit")


def _check_size(tree: Tree) -> None:
    """Refuse a tree over the limits, without recursion; parts of a literal count as nodes."""
    nodes = 0
    rest = [(tree, 1)]
    while rest:
        node, depth = rest.pop()
        nodes += 1
        if nodes > MOST_NODES:
            message = f"the expression has more than {MOST_NODES:,} parts."
            raise FilterError(message, 1, "Use fewer terms or shorter lists.", "limit")
        if depth > MOST_DEPTH:
            raise _too_deep(1)
        below = _literal_parts(node["value"]) if node["type"] == "literal" else children(node)
        rest += [(each, depth + 1) for each in below]


def _literal_parts(value: Any) -> list[Tree]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [{"type": "literal", "value": each} for each in inner]


def _locate(tree: Tree, tokens: tuple[Token, ...]) -> dict[int, int]:
    """Pair the nodes that own a token with their tokens; both come in source order, kind by kind."""
    starts: dict[str, Iterator[int]] = {
        kind: iter([token.start for token in tokens if _OWNERS.get(token.type) == kind])
        for kind in frozenset(_OWNERS.values())
    }
    columns: dict[int, int] = {}
    for node in _source_order(tree):
        kind = _TOKEN_OF.get(node["type"])
        if kind is not None:
            columns[id(node)] = next(starts[kind]) + 1
    return columns


# Which tokens make which nodes: names become fields, functions and keys; a comparison owns its sign.
_OWNERS = {
    "unquoted_identifier": "name", "quoted_identifier": "name", "literal": "literal", "current": "current",
    "not": "not", "expref": "expref", "eq": "compare", "ne": "compare", "lt": "compare", "lte": "compare",
    "gt": "compare", "gte": "compare",
}  # fmt: skip
_TOKEN_OF = {
    "field": "name", "function_expression": "name", "key_val_pair": "name", "literal": "literal",
    "current": "current", "not_expression": "not", "expref": "expref", "comparator": "compare",
}  # fmt: skip


def _source_order(node: Tree) -> Iterator[Tree]:
    below = children(node)
    if node["type"] == "comparator":
        yield from _source_order(below[0])
        yield node
        yield from _source_order(below[1])
        return
    yield node
    for each in below:
        yield from _source_order(each)


def _located(text: str, error: JMESPathError) -> FilterError:
    """Say in our words what jmespath's lexer or parser did not accept."""
    if isinstance(error, LexerError):
        return _bad_token(text, error.lexer_position, error.message)
    if isinstance(error, IncompleteExpressionError):
        return FilterError("the expression stops in the middle.", len(text) + 1, "Is a bracket or an operand missing?")
    if not isinstance(error, ParseError):
        return FilterError(str(error))
    column = error.lex_position + 1
    if "Quoted identifier" in error.msg:
        return FilterError("a function name has no quotes.", text.index('"') + 1, "Write it without the quotes.")
    for word in (str(error.token_value), text[: error.lex_position].rstrip().rpartition(" ")[2]):
        if word in _WORDS:
            return FilterError(f"`{word}` is not a word of jmespath.", column, f"Write {_WORDS[word]}.")
    if error.token_type == "EOF":
        return FilterError("the expression stops in the middle.", len(text) + 1, "Is a bracket or an operand missing?")
    if error.token_type == "NUMBER":
        hint = f"Write `{error.token_value}` in backticks."
        return FilterError("a number outside brackets needs backticks.", column, hint)
    return FilterError(f"{_shown(error.token_value)} cannot stand here.", column, "Is an operator or a comma missing?")


def _bad_token(text: str, position: int, message: str) -> FilterError:
    sign = text[position] if position < len(text) else ""
    if message.startswith("Unclosed"):
        return FilterError(f"this {sign} is never closed.", position + 1, f"Add the second {sign}.")
    if sign == "=":
        return FilterError("one = is not a comparison.", position + 1, "Write ==.")
    if sign in _CURLY:
        return FilterError("curly quotes do not quote.", position + 1, "Write straight quotes: 'Slack'.")
    if sign in '"`':
        return FilterError(f"what stands between these {sign} is not JSON.", position + 1, "Write text as 'text'.")
    return FilterError(
        f"{_shown(sign)} is not a sign of jmespath.", position + 1, "Paths are names and dots: data.text."
    )


def _shown(value: object) -> str:
    text = str(value)
    return f"`{text if len(text) <= 30 else text[:29] + '…'}`"
