"""Which rules an operator may name: those in the files, and those the state folder remembers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import click

from engine.cli.settings import Settings
from engine.model.checkpoint import StateKey
from engine.model.errors import Problem
from engine.model.rule import Rule
from engine.rulebook.scalars import nearest
from engine.run.library import Library

__all__ = ["KnownRules", "known_rules", "names_in"]


@dataclass(frozen=True, slots=True)
class KnownRules:
    """The rules of every file that can be read, the mistakes of the others, and names that only the state knows."""

    rules: dict[str, Rule] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    stored: frozenset[str] = frozenset()

    def find(self, name: str) -> Rule | None:
        """Return the rule, or None for one that only the state folder knows.

        Errors: a usage error with the nearest name where nobody knows it.
        """
        if name in self.rules:
            return self.rules[name]
        if name in self.stored:
            return None
        close = nearest(name, {*self.rules, *self.stored})
        hint = f"did you mean {close!r}?" if close else "`engine status` lists the rules that have fired"
        broken = sorted({problem.span.file for problem in self.problems if problem.severity == "error"})
        unread = f" ({', '.join(broken)} cannot be read; see `engine check`)" if broken else ""
        raise click.UsageError(f"no rule {name!r}{unread}; {hint}")


def known_rules(settings: Settings, stored: Iterable[str]) -> KnownRules:
    """Read the rule files; broken ones are left out and told of in `problems`."""
    loaded = Library(settings.rules, settings.config.names()).load()
    rules = {} if loaded.program is None else {one.rule.name: one.rule for one in loaded.program.rules}
    return KnownRules(rules, loaded.problems, frozenset(stored))


def names_in(states: Iterable[StateKey], counters: Iterable[str]) -> set[str]:
    """Return the names of the rules that a state folder remembers."""
    owners = {owner.partition("#")[0] for owner, _ in states if "#" in owner}
    return owners | {name[5:].rpartition(".")[0] for name in counters if name.startswith("rule.")}
