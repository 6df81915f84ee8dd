"""What must stand in no file: mocks, places of one machine, hosts of registries, refused words."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from tests.house.sources import ROOT, files, imports, modules, name_of, tree_of

TEXT = {".cmd", ".in", ".json", ".lock", ".md", ".py", ".sh", ".sql", ".toml", ".txt", ".yaml", ".yml", ""}

# Written in parts, so that this file does not find itself.
REGISTRIES = re.compile("|".join(("py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.", "ana" + r"conda\.org")))
HOMES = re.compile(r"(?<![\w.])/(?:" + "|".join(("ro" + "ot", "wo" + "rk", "Us" + "ers", "ho" + "me")) + r")/([\w.-]+)")
# Stand-ins that tests and examples use.
INVENTED = {"me", "you", "ana"}


def test_no_mocks() -> None:
    mocks = [
        f"{name_of(path)}:{line}"
        for path in modules("tests", "engine", "capture", "bench")
        for line, module in imports(path)
        if module in ("mock", "unittest.mock", "pytest_mock")
    ]
    assert not mocks


def test_no_behaviour_is_patched() -> None:
    # Variables of the environment and the import path are surroundings; attributes are behaviour.
    patched = [
        f"{name_of(path)}:{node.lineno}"
        for path in modules("tests")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute)
        and node.attr in ("setattr", "delattr", "setitem")
        and isinstance(node.value, ast.Name)
        and node.value.id == "monkeypatch"
    ]
    assert not patched


def test_no_place_of_one_machine() -> None:
    found = [
        f"{name_of(path)}:{number} {match[0]}"
        for path, number, line in _lines()
        for match in HOMES.finditer(line)
        if match[1] not in INVENTED
    ]
    assert not found


def test_no_host_of_a_registry() -> None:
    assert not [f"{name_of(path)}:{number}" for path, number, line in _lines() if REGISTRIES.search(line)]


def test_nothing_is_left_half_done() -> None:
    marks = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|NotImplemented" + "Error")
    found = [
        f"{name_of(path)}:{number}"
        for path, number, line in _lines()
        if path.is_relative_to(ROOT / "engine") or path.is_relative_to(ROOT / "capture")
        if marks.search(line)
    ]
    assert not found


def test_one_word_per_idea() -> None:
    refused = _refused()
    assert len(refused) > 5
    found = [
        f"{name_of(path)}:{number} {word[0]!r}: write {refused[word[0].lower()]}"
        for path, number, line in _lines()
        if path.suffix == ".md" or path.parent in (ROOT / "rules", ROOT / "engine" / "cli")
        if path.name != "glossary.md"
        for word in re.finditer(r"\b(?:" + "|".join(refused) + r")\b", line, re.IGNORECASE)
    ]
    assert not found


def _refused() -> dict[str, str]:
    """Return the words the glossary refuses, each with the one it wants."""
    found: dict[str, str] = {}
    for line in (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| **") and len(cells) == 3:
            found |= {word.strip().lower(): cells[0].strip("*") for word in cells[2].split(",") if word.strip()}
    return found


@cache
def _lines() -> list[tuple[Path, int, str]]:
    return [
        (path, number, line)
        for path in files()
        if path.suffix in TEXT
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
    ]
