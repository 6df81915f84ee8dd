"""What each room may import: the allow-list that import-linter, which knows only forbidden names, cannot express."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.house.sources import imports, modules, name_of, tree_of

PURE = {
    "__future__", "base64", "bisect", "collections", "dataclasses", "enum", "fnmatch", "functools", "hashlib", "heapq",
    "itertools", "json", "math", "operator", "re", "string", "typing", "unicodedata",
    "ahocorasick_rs", "jmespath", "orjson",
}  # fmt: skip
# Built in, so no import shows them.
REACHING_OUT = {"__import__", "breakpoint", "compile", "eval", "exec", "input", "open", "print"}


@pytest.mark.parametrize("room", ["model", "core"])
def test_core_and_model_import_only_what_cannot_reach_out(room: str) -> None:
    allowed = ("engine.model",) if room == "model" else ("engine.model", "engine.core")
    found = [
        f"{name_of(path)}:{line} imports {module}"
        for path in modules(f"engine/{room}")
        for line, module in imports(path)
        if module.partition(".")[0] not in PURE and not module.startswith(allowed)
    ]
    assert not found


def test_core_and_model_call_nothing_built_in_that_reaches_out() -> None:
    assert not [call for path in modules("engine/model", "engine/core") for call in _calls(path)]


def _calls(path: Path) -> list[str]:
    return [
        f"{name_of(path)}:{node.lineno} calls {node.func.id}"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REACHING_OUT
    ]


@pytest.mark.parametrize(("one", "other"), [("engine", "capture"), ("capture", "engine")])
def test_capture_and_engine_are_strangers(one: str, other: str) -> None:
    found = [
        f"{name_of(path)}:{line} imports {module}"
        for path in modules(one)
        for line, module in imports(path)
        if module.partition(".")[0] == other
    ]
    assert not found


def test_nothing_is_imported_relative_to_its_place() -> None:
    found = [
        f"{name_of(path)}:{line}"
        for path in modules("engine", "capture")
        for line, module in imports(path)
        if module.startswith(".")
    ]
    assert not found


def test_the_list_is_the_one_that_contributors_read() -> None:
    from tests.house.sources import ROOT

    told = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert not [name for name in PURE - {"__future__"} if f"`{name}`" not in told]
