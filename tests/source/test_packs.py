"""Packs: where they are looked for, what leads nowhere, and that an edit of one is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.model.pack import NoPack, PackFile
from engine.shipped import rules_folder
from engine.source.rules_dir import MOST_BYTES, find_pack, read_rules, signature

NAMES = ("export", "focus", "meeting", "mine", "pair", "theirs", "watchdog")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    for name in ("rules/a.yaml", "rules/sub/b.yaml", "rules/packs/mine.yaml", "rules/packs/_draft.yaml",
                 "packs/theirs.yml", "rules/sub/packs/mine.yaml", "rules/secret.yaml"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, "utf-8")
    return tmp_path / "rules"


@pytest.mark.parametrize(
    ("using", "name", "found"),
    [
        ("a.yaml", "mine", "rules/packs/mine.yaml"),
        ("a.yaml", "theirs", "packs/theirs.yml"),
        ("sub/b.yaml", "mine", "rules/sub/packs/mine.yaml"),
        ("packs/mine.yaml", "mine", "rules/packs/mine.yaml"),
    ],
)
def test_a_pack_is_looked_for_beside_the_file_and_in_the_folder_above(
    rules: Path, using: str, name: str, found: str
) -> None:
    pack = find_pack(str(rules / using), name)
    assert isinstance(pack, PackFile)
    assert pack.content.decode() == found
    assert Path(pack.file) == rules.parent / found


def test_the_shipped_packs_come_last(rules: Path) -> None:
    pack = find_pack(str(rules / "a.yaml"), "focus")
    assert isinstance(pack, PackFile) and Path(pack.file) == rules_folder() / "packs" / "focus.yaml"
    (rules / "packs" / "focus.yaml").write_text("my own", "utf-8")
    assert find_pack(str(rules / "a.yaml"), "focus") == PackFile(str(rules / "packs" / "focus.yaml"), b"my own")


def test_a_file_in_the_current_folder_finds_packs_too(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(rules)
    beside, above = find_pack("a.yaml", "mine"), find_pack("a.yaml", "theirs")
    assert isinstance(beside, PackFile) and beside.content == b"rules/packs/mine.yaml"
    assert isinstance(above, PackFile) and above.content == b"packs/theirs.yml"


@pytest.mark.parametrize("name", ["../secret", "sub/../../secret", "secret", "_draft", ".", "..", "", "c:mine", "a\0b"])
def test_only_plain_names_lead_anywhere(rules: Path, name: str) -> None:
    assert find_pack(str(rules / "a.yaml"), name) == NoPack(known=NAMES)


def test_a_pack_that_cannot_be_read_says_why(rules: Path) -> None:
    (rules / "packs" / "big.yaml").write_bytes(b"#" * (MOST_BYTES + 1))
    found = find_pack(str(rules / "a.yaml"), "big")
    assert isinstance(found, NoPack) and found.reason.endswith("big.yaml: the file is larger than 256 kB")


def test_packs_are_not_rules_but_belong_to_the_signature(rules: Path) -> None:
    assert [Path(path).name for path, _ in read_rules([str(rules)]).files] == ["a.yaml", "secret.yaml", "b.yaml"]
    seen = [signature([str(rules)])]
    for change in (
        lambda: (rules / "packs" / "mine.yaml").write_text("longer than before", "utf-8"),
        lambda: (rules.parent / "packs" / "new.yaml").touch(),
        lambda: (rules / "sub" / "packs" / "mine.yaml").unlink(),
    ):
        change()
        seen.append(signature([str(rules)]))
        assert seen[-1] != seen[-2]
    (rules / "packs" / "_draft.yaml").write_text("longer than before", "utf-8")
    assert signature([str(rules)]) == seen[-1]
