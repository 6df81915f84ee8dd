"""`--against REV|RULE`: another version of the same rules, from git or from a file."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import click

from engine.cli.loading import RuleSet, load_rules
from engine.core.compile import compile_rulebook
from engine.model.errors import RulebookError
from engine.model.pack import NoPack, PackFile
from engine.rulebook.parse import parse_rules
from engine.source.rules_dir import find_pack

__all__ = ["Other", "other_version"]

_PATIENCE_S = 30


@dataclass(frozen=True, slots=True)
class Other:
    """A version to compare with, and what to call it."""

    name: str
    rules: RuleSet


def other_version(
    named: str, paths: tuple[str, ...], rules: RuleSet, destinations: frozenset[str] | None = None
) -> Other:
    """Return the rules of a file or folder, else of a revision of the repository that the rules are in.

    Rules that did not exist then are left out. Errors: a usage error when it is neither; `RulebookError` when the
    rules of then cannot be read by the engine of now.
    """
    if Path(named).exists():
        return Other(named, load_rules((named,), destinations))
    return Other(named, _of_revision(named, paths, rules))


def _of_revision(revision: str, paths: tuple[str, ...], rules: RuleSet) -> RuleSet:
    asked = {rule.span.file for rule in rules.rules}
    # The files of the rules that are listened to, too: they may have changed as well.
    files = dict.fromkeys(compiled.rule.span.file for compiled in rules.program.rules)
    folder = _folder(next(iter(files), paths[0]))
    if revision.startswith("-") or _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") is None:
        raise click.UsageError(f"--against {revision}: there is no such file, and no such revision where the rules are")
    then: dict[str, tuple[str, bytes]] = {}
    for file in files:
        content = _git(_folder(file), "cat-file", "blob", f"{revision}:./{Path(file).name}")
        if content is not None:
            # The name a rule takes from its file must be the same; the rest says in messages which version is meant.
            then[file] = (f"{revision}:{Path(file).as_posix()}", content)
    if not asked & set(then):
        raise click.UsageError(f"--against {revision}: none of these rule files existed then")
    parsed = parse_rules(tuple(then.values()), None, lambda using, name: _pack_of(revision, using, name))
    if any(problem.severity == "error" for problem in parsed.problems):
        raise RulebookError(parsed.problems)
    names = {then[file][0] for file in asked & set(then)}
    return RuleSet(
        compile_rulebook(parsed.rulebook), tuple(rule for rule in parsed.rulebook.rules if rule.span.file in names), ()
    )


def _pack_of(revision: str, using: str, name: str) -> PackFile | NoPack:
    """Return a pack as it was then, if it lay in the repository; else as it is now, as for shipped ones."""
    file = using.removeprefix(f"{revision}:")
    for folder in (_folder(file), _folder(file) / ".."):
        content = _git(folder, "cat-file", "blob", f"{revision}:./packs/{name}.yaml")
        if content is not None:
            return PackFile(f"{revision}:{(folder / 'packs' / name).as_posix()}.yaml", content)
    return find_pack(file, name)


def _folder(file: str) -> Path:
    path = Path(file)
    return path if path.is_dir() else path.parent


def _git(folder: Path, *arguments: str) -> bytes | None:
    """Return what git prints, or None when it refuses. Errors: a usage error when there is no git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, check=False, timeout=_PATIENCE_S,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise click.UsageError("--against a revision needs git, which is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise click.UsageError(f"--against: git did not answer within {_PATIENCE_S} seconds") from error
    return done.stdout if done.returncode == 0 else None
