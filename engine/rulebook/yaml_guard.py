"""YAML text to a tree of positioned nodes, whatever the text is.

This is the only module that runs a YAML parser, and it uses the event stream alone. The composers of PyYAML are
never used: they recurse, the one in C until the process dies.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import yaml

from engine.model.errors import Problem
from engine.rulebook.yaml_build import MAX_DEPTH, MAX_NODES, Builder, RefusedError
from engine.rulebook.yaml_syntax import explain_syntax
from engine.rulebook.yaml_text import MAX_BYTES, problem, read_text, short
from engine.rulebook.yaml_tree import Items, Mapping, Node, Pair, Scalar, plain, trailing_comment

__all__ = [
    "MAX_BYTES", "MAX_DEPTH", "MAX_NODES", "Document", "Items", "Mapping", "Node", "Pair", "Scalar", "load", "plain",
    "problem", "short", "trailing_comment",
]  # fmt: skip

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Document(NamedTuple):
    """A file as read. `node` is None for a file without content and where an error leaves nothing to go on with."""

    node: Node | None
    problems: tuple[Problem, ...]
    lines: tuple[str, ...]


def load(content: bytes | str, file: str, parser: Any = _PARSER) -> Document:
    """Return the tree and every problem found, in file order; nothing is raised.

    `parser` is the PyYAML loader class whose events are read: the one in C where there is one.
    """
    text, lines, problems = read_text(content, file)
    if text is None:
        return Document(None, problems, lines)
    builder = Builder(file, lines, list(problems))
    try:
        builder.refuse_directives()
        # The parser works as it is asked, so a refused file is not read further.
        for event in yaml.parse(text, Loader=parser):
            builder.feed(event)
    except RefusedError as refused:
        builder.problems.append(refused.problem)
        builder.root = None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        builder.problems = _with_fault(builder.problems, explain_syntax(error, lines, builder.last))
        builder.root = None
    ordered = sorted(builder.problems, key=lambda each: (each.span.line, each.span.column))
    return Document(builder.root, tuple(ordered), lines)


def _with_fault(problems: list[Problem], fault: Problem) -> list[Problem]:
    """Add a syntax error where it says something new: a line that already has an error needs no second one.

    Only `{{ x }} said` is the other way round: first a key that is a map, then no YAML, and the fault explains both.
    """
    here = [each for each in problems if each.span.line == fault.span.line and each.severity == "error"]
    if any(each.code != "bad-key" for each in here):
        return problems
    return [*(each for each in problems if each not in here), fault]
