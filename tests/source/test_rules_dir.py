"""Rule files: which are found, what is refused, and when the signature changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.source.rules_dir import MOST_BYTES, read_rules, signature


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    for name in ("b.yaml", "a.yml", "extra/p.yaml", "_draft.yaml", ".hidden.yaml", "#a.yaml", "a.yaml~", "notes.txt",
                 ".git/c.yaml", "_old/d.yaml"):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def test_a_folder_gives_its_rule_files_in_order(rules: Path) -> None:
    found = read_rules([str(rules)])
    assert [(Path(path).relative_to(rules).as_posix(), data) for path, data in found.files] == [
        ("a.yml", b"a.yml"), ("b.yaml", b"b.yaml"), ("extra/p.yaml", b"extra/p.yaml"),
    ]  # fmt: skip
    assert not found.problems


def test_a_named_file_counts_whatever_its_name_and_once(rules: Path) -> None:
    draft = str(rules / "_draft.yaml")
    files = read_rules([draft, str(rules), str(rules / "b.yaml")]).files
    assert [Path(path).name for path, _ in files] == ["_draft.yaml", "a.yml", "b.yaml", "p.yaml"]


def test_what_cannot_be_read_is_a_problem_and_the_rest_is_read(rules: Path) -> None:
    (rules / "big.yaml").write_bytes(b"#" * (MOST_BYTES + 1))
    (rules / "fits.yaml").write_bytes(b"#" * MOST_BYTES)
    (rules / "gone.yaml").symlink_to("nowhere")
    if hasattr(os, "mkfifo"):
        os.mkfifo(rules / "pipe.yaml")
    else:
        (rules / "pipe.yaml").mkdir()
    found = read_rules([str(rules), str(rules / "missing")])
    assert len(found.files) == 4
    problems = {Path(problem.span.file).name: problem.code for problem in found.problems}
    assert problems == {
        "big.yaml": "too-big", "gone.yaml": "no-such-path", "pipe.yaml": "not-a-file", "missing": "no-such-path",
    }  # fmt: skip
    assert all(problem.hint for problem in found.problems)


def test_the_signature_changes_with_the_files(rules: Path) -> None:
    seen = [signature([str(rules)])]

    def changed() -> bool:
        seen.append(signature([str(rules)]))
        return seen[-1] != seen[-2]

    assert not changed()
    (rules / "b.yaml").write_bytes(b"longer than before")
    assert changed()
    (rules / "new.yaml").touch()
    assert changed()
    spare = rules / "spare"
    spare.write_bytes(b"longer than before")
    status = (rules / "b.yaml").stat()
    os.utime(spare, ns=(status.st_atime_ns, status.st_mtime_ns))
    spare.replace(rules / "b.yaml")
    assert changed()
    (rules / "new.yaml").unlink()
    assert changed()
    (rules / "notes.txt").write_bytes(b"no rule")
    assert not changed()
