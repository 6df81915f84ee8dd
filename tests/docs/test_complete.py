"""Nothing a user can type is undocumented, what is generated is current, and no link leads nowhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import capture.cli.main
import engine.cli.main
from engine.core.jmes.added import ADDED
from engine.core.subject import view
from engine.model.event import Event, Position
from engine.model.match import Reason
from engine.rulebook import config, destinations
from engine.rulebook.keys import (
    FILE_KEYS,
    KIND_ALIASES,
    KINDS,
    LATER_KEYS,
    LATER_TEST_KEYS,
    PARTIALS,
    RULE_KEYS,
    SEVERITIES,
    SOURCES,
    STATUSES,
    WHERE_KEYS,
)
from tests.docs.pages import ROOT, pages, prose, text_of

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def test_the_generated_parts_are_current() -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize(
    "words",
    [
        (*RULE_KEYS, *FILE_KEYS, *LATER_KEYS, *LATER_TEST_KEYS),
        (*KINDS, *KIND_ALIASES, *STATUSES, *SEVERITIES, *PARTIALS, *SOURCES, *WHERE_KEYS),
        tuple(reason.value for reason in Reason),
        tuple(ADDED),
    ],
    ids=["keys", "values", "reasons", "functions"],
)
def test_the_rule_language_is_documented(words: tuple[str, ...]) -> None:
    page = text_of("docs/rules.md")
    assert not [word for word in words if not re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", page)]


def test_every_field_of_the_view_is_documented() -> None:
    fields = view(Event(Position("log", 0), "", 1, {}, "", None, None, 0, 0, 0, "", True, None, None, None, ("",)))
    assert not [field for field in fields if f"`_.{field}`" not in text_of("docs/rules.md")]


def test_every_key_of_engine_yaml_is_documented() -> None:
    page = text_of("docs/engine-yaml.md")
    keys = [*config._KEYS, *(f"limits.{key}" for key in config._LIMITS), *(f"privacy.{key}" for key in config._PRIVACY)]
    keys = [key for key in (*keys, *destinations._KEYS) if key not in ("limits", "privacy", "destinations")]
    assert not [key for key in keys if f"`{key}`" not in page]


def test_every_command_is_documented() -> None:
    page = text_of("docs/commands.md")
    commands = [f"engine {name}" for name in engine.cli.main.COMMANDS]
    commands += [f"capture {name}" for name in capture.cli.main.COMMANDS]
    assert not [command for command in commands if f"\n### {command}\n" not in page]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_link_leads_nowhere(page: Path) -> None:
    name = page.relative_to(ROOT).as_posix()
    lost = []
    for link in LINK.findall(prose(name)):
        target, _, anchor = link.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        found = (page.parent / target).resolve() if target else page
        if not found.exists() or (anchor and anchor not in _anchors(found)):
            lost.append(link)
    assert not lost


def _anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings make, as code hosts spell them."""
    headings = re.findall(r"^#+ (.+)$", prose(page.relative_to(ROOT).as_posix()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_every_test_that_security_md_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/.]+?\.py)(?:::(\w+))?`", text_of("SECURITY.md"))
    assert len(named) > 15
    lost = [
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).exists() or (name and f"def {name}(" not in (ROOT / file).read_text(encoding="utf-8"))
    ]
    assert not lost


def test_every_script_the_performance_page_names_exists() -> None:
    named = re.findall(r"bench[/.](\w+)", text_of("docs/performance.md"))
    known = {path.stem for path in (ROOT / "bench").glob("*.py")}
    assert not set(named) - known
