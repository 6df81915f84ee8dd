"""Which test is about which rule. Light, so that `engine check` need not load the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.core.compile import Program
from engine.model.rule import Rule, RuleTest

__all__ = ["Case", "cases_of"]


class Case(NamedTuple):
    """One test of one rule, in the program with every rule that it should hear. `file` is where the test is written."""

    program: Program
    rule: Rule
    test: RuleTest

    @property
    def file(self) -> str:
        """The file that holds the test: the rule's own, or a file of tests."""
        return self.test.span.file or self.rule.span.file


def cases_of(program: Program, rules: Sequence[Rule]) -> list[Case]:
    """Return every test of these rules, each against the whole program, so that chained rules are heard."""
    return [Case(program, rule, test) for rule in rules for test in rule.tests]
