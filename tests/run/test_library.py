"""Rule files over time: good edits take effect, broken ones change nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.core.compile import Program
from engine.run.library import Library, Loaded

GOOD = "{when: transcript, contains: %s}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _write(tmp_path / "a.yaml", GOOD % "apple")
    _write(tmp_path / "b.yaml", GOOD % "berry")
    return tmp_path


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")


def _names(loaded: Loaded) -> list[str]:
    assert isinstance(loaded.program, Program)
    return [compiled.rule.name for compiled in loaded.program.rules]


def _needles(program: Program | None) -> set[str]:
    assert program is not None
    return {
        word
        for compiled in program.rules
        for word in ("apple", "berry", "cherry")
        if word in repr(compiled.rule.condition)
    }


def test_a_program_comes_only_when_something_changed(folder: Path) -> None:
    library = Library([str(folder)])
    assert _names(library.load()) == ["a", "b"]
    assert library.load().program is None
    _write(folder / "a.yaml", GOOD % "cherry")
    assert _needles(library.load().program) == {"berry", "cherry"}
    (folder / "b.yaml").unlink()
    assert _names(library.load()) == ["a"]


@pytest.mark.parametrize(
    "broken",
    [
        "{when: transcript, contians: x}",
        "when: [",
        "\x00",
        "{when: nothing}",
        "{name: a, when: transcript}",
        "x" * 300_000,
    ],
    ids=["key", "yaml", "bytes", "value", "name of another file", "size"],
)
def test_a_broken_edit_keeps_the_last_good_version(folder: Path, broken: str) -> None:
    library = Library([str(folder)])
    library.load()
    _write(folder / "b.yaml", broken)
    loaded = library.load()
    assert loaded.is_broken and loaded.program is None
    _write(folder / "a.yaml", GOOD % "cherry")
    loaded = library.load()
    assert loaded.is_broken and _needles(loaded.program) == {"berry", "cherry"}
    _write(folder / "b.yaml", GOOD % "apple")
    loaded = library.load()
    assert not loaded.is_broken and _needles(loaded.program) == {"apple", "cherry"}


def test_a_new_file_that_takes_a_name_does_not_push_its_owner_out(folder: Path) -> None:
    library = Library([str(folder)])
    library.load()
    _write(folder / "0.yaml", "{name: a, when: alert}")
    loaded = library.load()
    assert loaded.is_broken and loaded.program is None
    (folder / "0.yaml").unlink()
    assert not library.load().is_broken


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_file_that_cannot_be_read_for_a_while_keeps_its_rule(folder: Path) -> None:
    library = Library([str(folder)])
    library.load()
    (folder / "b.yaml").unlink()
    (folder / "b.yaml").mkdir()
    assert library.load().program is not None  # a folder is no rule file: the rule is gone
    (folder / "b.yaml").rmdir()
    os.mkfifo(folder / "a.yaml.new")
    (folder / "a.yaml.new").replace(folder / "a.yaml")
    loaded = library.load()
    assert loaded.is_broken and loaded.program is None


def test_a_broken_file_that_was_never_good_brings_no_rule(folder: Path) -> None:
    _write(folder / "c.yaml", "{when: nothing}")
    library = Library([str(folder)])
    loaded = library.load()
    assert loaded.is_broken and _names(loaded) == ["a", "b"]
    (folder / "c.yaml").unlink()
    assert not library.load().is_broken


def test_a_broken_file_that_is_removed_takes_its_rule_along(folder: Path) -> None:
    library = Library([str(folder)])
    library.load()
    _write(folder / "b.yaml", "when: [")
    library.load()
    (folder / "b.yaml").unlink()
    assert _names(library.load()) == ["a"]


def test_two_files_that_swap_names_in_one_edit_are_both_new(folder: Path) -> None:
    library = Library([str(folder)])
    library.load()
    _write(folder / "a.yaml", "{name: b, when: transcript}")
    _write(folder / "b.yaml", "{name: a, when: alert}")
    assert _names(library.load()) == ["b", "a"]


def test_unknown_destinations_are_told(folder: Path) -> None:
    _write(folder / "a.yaml", "{when: transcript, notify: nobody}")
    loaded = Library([str(folder)], frozenset(("me", "default"))).load()
    assert loaded.is_broken and _names(loaded) == ["b"]


PACK = "inputs: {what: {type: text, default: apple}}\nrules: [{name: seen, when: transcript, contains: %s}]"


def test_an_edit_of_a_pack_reaches_the_files_that_use_it(folder: Path) -> None:
    (folder / "packs").mkdir()
    _write(folder / "packs" / "fruit.yaml", PACK % "$what")
    _write(folder / "a.yaml", "{use: fruit, with: {what: cherry}}")
    library = Library([str(folder)])
    assert _needles(library.load().program) == {"berry", "cherry"}
    before = library.seen
    _write(folder / "packs" / "fruit.yaml", PACK % "[$what, apple]")
    assert _needles(library.load().program) == {"apple", "berry", "cherry"}
    assert library.seen != before


def test_a_pack_that_breaks_leaves_its_last_good_rules_in_force(folder: Path) -> None:
    (folder / "packs").mkdir()
    _write(folder / "packs" / "fruit.yaml", PACK % "$what")
    _write(folder / "a.yaml", "{use: fruit, with: {what: cherry}}")
    library = Library([str(folder)])
    library.load()
    _write(folder / "packs" / "fruit.yaml", PACK % "$waht")
    loaded = library.load()
    assert loaded.is_broken and loaded.program is None
    assert [Path(problem.span.file).name for problem in loaded.problems] == ["a.yaml"]
    (folder / "packs" / "fruit.yaml").unlink()
    assert library.load().is_broken
    _write(folder / "packs" / "fruit.yaml", PACK % "[$what, apple]")
    assert _needles(library.load().program) == {"apple", "berry", "cherry"}
