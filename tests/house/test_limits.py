"""Sizes and names of files, functions and classes."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.house.sources import modules, name_of, tree_of

FILE_LINES = 400
FUNCTION_LINES = 60
PUBLIC_METHODS = 12
ROOMS = ("engine", "capture", "bench", "docs")

# Names that say where code was put, not what it is.
SHAPELESS = {"base", "common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}

WIDE = {
    "engine/run/ports.py:Store": "the one port to everything durable: engine, courier and readers each use a part",
    "capture/simulator/stand_in/recorder.py:Recorder": "one method for each command of the recorder it stands in for",
}


def test_no_file_is_longer_than_one_can_read_in_a_sitting() -> None:
    found = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules(*ROOMS)}
    assert not {name: lines for name, lines in found.items() if lines > FILE_LINES}


def test_no_function_is_longer_than_a_screen() -> None:
    found = {
        f"{name_of(path)}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in modules(*ROOMS)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert not {name: lines for name, lines in found.items() if lines > FUNCTION_LINES}


def test_no_class_does_everything() -> None:
    wide = {name: count for path in modules(*ROOMS) for name, count in _methods(path).items() if count > PUBLIC_METHODS}
    assert not {name: count for name, count in wide.items() if name not in WIDE}


def _methods(path: Path) -> dict[str, int]:
    return {
        f"{name_of(path)}:{node.name}": sum(
            isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
            and not part.name.startswith("_")
            and not any(isinstance(mark, ast.Name) and mark.id == "property" for mark in part.decorator_list)
            for part in node.body
        )
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
    }


def test_every_module_has_a_name_that_says_what_is_in_it() -> None:
    found = [name_of(path) for path in modules(*ROOMS, "tests") if SHAPELESS & {path.stem, path.parent.name}]
    assert not found


def test_every_module_says_what_it_is_for() -> None:
    # Tests say it by their names; an empty `__init__` has nothing to say.
    silent = [path for path in modules(*ROOMS) if tree_of(path).body and not ast.get_docstring(tree_of(path))]
    assert not [name_of(path) for path in silent]


def test_every_exception_is_still_needed() -> None:
    found = {name: count for path in modules(*ROOMS) for name, count in _methods(path).items()}
    assert not [name for name in WIDE if found.get(name, 0) <= PUBLIC_METHODS]
