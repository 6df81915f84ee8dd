"""The traps of jmespath, found before the rule runs.

Each finding names the column, says what the expression really does, and gives the edit. Errors are what no author
can mean; warnings are what an author may mean but seldom does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from json import loads

from engine.core.jmes.compile import compile_parsed
from engine.core.jmes.faults import FilterError, Finding
from engine.core.jmes.parse import Parsed, Tree, children, parse
from engine.core.jmes.paths import SIGNS
from engine.core.jmes.shape import FUNCTIONS, is_test, names_of

__all__ = ["lint_expression"]

_CONSTANTS = frozenset(("true", "false", "null"))
_ENDS = frozenset(
    ("unquoted_identifier", "quoted_identifier", "literal", "current", "rbracket", "rparen", "rbrace", "flatten")
)
_STARTS = frozenset(("unquoted_identifier", "quoted_identifier", "literal", "current", "not", "expref", "lbrace"))
# Where a text is meant, by function and place.
_TEXT_ARGUMENTS = {("join", 0), ("contains", 1), ("ends_with", 1), ("glob", 1), ("starts_with", 1)} | {
    (name, 1) for name in FUNCTIONS if name.startswith(("has", "matches"))
}
_TEXT_NAMES = frozenset(
    ("description", "error", "label", "message", "name", "stream", "summary", "text", "title", "transcript")
)


def lint_expression(text: str, *, condition: bool = True) -> tuple[Finding, ...]:
    """Return everything worth saying about an expression, by column; empty when there is nothing.

    `condition` false is for templates, where any value will do.
    """
    try:
        parsed = parse(text)
    except FilterError as error:
        return (error.finding,)
    findings = compile_parsed(parsed)[1]
    findings += _missing_commas(parsed)
    findings += _silent_texts(parsed)
    quoted = {token.start + 1 for token in parsed.tokens if token.type == "quoted_identifier"}
    for node, parent, at in _walk(parsed.tree):
        for look in _LOOKS.get(node["type"], ()):
            findings += look(node, parent, at, parsed, quoted)
    if condition and not is_test(parsed.tree) and not any(each.severity == "error" for each in findings):
        findings.append(_not_a_condition(parsed))
    return tuple(sorted(set(findings)))


def _walk(node: Tree, parent: Tree | None = None, at: int = 0) -> Iterator[tuple[Tree, Tree | None, int]]:
    """Yield every node with its parent and its place among the parent's children."""
    yield node, parent, at
    for place, each in enumerate(children(node)):
        yield from _walk(each, node, place)


def _warning(column: int, code: str, message: str, hint: str) -> Finding:
    return Finding(column, code, "warning", message, hint)


def _missing_commas(parsed: Parsed) -> list[Finding]:
    """Find values side by side: jmespath's parser takes `contains(data.text 'x')` for a call with two arguments."""
    message = "a comma or an operator is missing before this."
    return [
        Finding(token.start + 1, "missing-comma", "error", message, "Write a comma between two arguments.")
        for before, token in zip(parsed.tokens, parsed.tokens[1:], strict=False)
        if before.type in _ENDS and token.type in _STARTS
    ]


def _silent_texts(parsed: Parsed) -> list[Finding]:
    """Find backticks around something that is not JSON, which jmespath reads as text."""
    message = "what stands between these backticks is not JSON, so it is read as text."
    return [
        _warning(token.start + 1, "literal-text", message, f"Write {_quoted(token.value)}.")
        for token in parsed.tokens
        if token.type == "literal" and isinstance(token.value, str) and not _is_json(parsed.text[token.start :])
    ]


def _is_json(rest: str) -> bool:
    """Tell whether a literal at the start of `rest` is JSON in backticks, or not in backticks at all."""
    if rest[0] != "`":
        return True
    found = re.match(r"`((?:[^`\\]|\\.)*)`", rest, re.DOTALL)
    try:
        loads(found[1].replace("\\`", "`") if found else "")
    except ValueError:
        return False
    return True


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "\\'") + "'"


def _shown(node: Tree) -> str:
    """Return a field chain or scalar literal as it was written, … for anything longer."""
    names = names_of(node)
    if names is not None:
        return ".".join(names)
    if node["type"] == "literal" and isinstance(node["value"], str):
        return _quoted(node["value"])
    return "…"


def _quoted_operand(node: Tree, parent: Tree | None, at: int, parsed: Parsed, quoted: set[int]) -> list[Finding]:
    column = parsed.columns[id(node)]
    if column not in quoted or parent is None:
        return []
    if parent["type"] == "comparator":
        if parent["children"][1 - at]["type"] == "literal":
            return []
    elif parent["type"] != "function_expression" or (parent["value"], at) not in _TEXT_ARGUMENTS:
        return []
    name = node["value"]
    message = f'double quotes name a field in jmespath: "{name}" reads as a field.'
    return [Finding(column, "quoted-operand", "error", message, f"Write {_quoted(name)}.")]


def _bare_constant(node: Tree, parent: Tree | None, at: int, parsed: Parsed, quoted: set[int]) -> list[Finding]:
    column, name = parsed.columns[id(node)], node["value"]
    is_step = parent is not None and parent["type"] in ("subexpression", "index_expression")
    if name not in _CONSTANTS or column in quoted or is_step:
        return []
    if parent is not None and parent["type"] == "comparator":
        sign, other = SIGNS[parent["value"]], _shown(parent["children"][1 - at])
        before, after = (f"{other} {sign} ", "") if at == 1 else ("", f" {sign} {other}")
        message = f"`{before}{name}{after}` compares with a field called {name}."
        return [_warning(column, "bare-constant", message, f"Write {before}`{name}`{after}.")]
    message = f"{name} without backticks is a field called {name}."
    return [_warning(column, "bare-constant", message, f"Write `{name}`.")]


def _not_scope(node: Tree, parent: Tree | None, at: int, parsed: Parsed, quoted: set[int]) -> list[Finding]:
    left = node["children"][0]
    if left["type"] != "not_expression":
        return []
    operand = _shown(left["children"][0])
    if node["type"] == "comparator":
        other = node["children"][1]
        if other["type"] == "literal" and isinstance(other["value"], bool):
            return []
        whole = f"{operand} {SIGNS[node['value']]} {_shown(other)}"
    else:
        names = [each["value"] for each in node["children"][1:] if each["type"] == "field"]
        whole = ".".join([operand, *names]) if len(names) == len(node["children"]) - 1 else f"{operand}.…"
    message = f"! binds tighter than what follows: this reads as (!{operand}){whole.removeprefix(operand)}."
    return [_warning(parsed.columns[id(left)], "not-scope", message, f"Write !({whole}).")]


def _literal_compare(node: Tree, parent: Tree | None, at: int, parsed: Parsed, quoted: set[int]) -> list[Finding]:
    left, right = node["children"]
    if left["type"] != "literal" or right["type"] != "literal":
        return []
    message = "both sides are constants, so the answer is always the same."
    column = parsed.columns[id(left)]
    return [_warning(column, "literal-compare", message, "Name a field on one side, without quotes.")]


def _case_sensitive(node: Tree, parent: Tree | None, at: int, parsed: Parsed, quoted: set[int]) -> list[Finding]:
    if node["value"] != "contains" or len(node["children"]) != 2:
        return []
    names, wanted = names_of(node["children"][0]), node["children"][1]
    is_text = names is not None and names[-1].rpartition("_")[2].lower() in _TEXT_NAMES
    if not is_text or wanted["type"] != "literal" or not isinstance(wanted["value"], str):
        return []
    message = "contains() tells upper from lower case, and standard jmespath fails on it when the field is missing."
    hint = f"Write has({_shown(node['children'][0])}, {_shown(wanted)}), or has_exact to keep the case."
    return [_warning(parsed.columns[id(node)], "contains-text", message, hint)]


def _not_a_condition(parsed: Parsed) -> Finding:
    message = "this gives a value, not true or false; it holds whenever the value is not empty (0 holds too)."
    shown = _shown(parsed.tree)
    hint = f"Compare it: {shown} == 'text', or {shown} != `null`." if shown != "…" else "Compare it with a value."
    return _warning(1, "not-boolean", message, hint)


Look = Callable[[Tree, Tree | None, int, Parsed, set[int]], list[Finding]]
_LOOKS: dict[str, tuple[Look, ...]] = {
    "field": (_quoted_operand, _bare_constant),
    "comparator": (_not_scope, _literal_compare),
    "subexpression": (_not_scope,),
    "value_projection": (_not_scope,),
    "function_expression": (_case_sensitive,),
}
