"""Tests that could never fail, whatever their rule does: each would look like a proof and be none.

Only what is certain is reported: that a demand asks for nothing from a rule that has nothing to give. A test in which
one demand can fail is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.core.decode import draft
from engine.core.necessary import may_be
from engine.model.condition import AllOf, AnyOf, Condition, Kinds
from engine.model.errors import Problem
from engine.model.match import Reason
from engine.model.rule import Rule, RuleTest
from engine.model.window import Absent, Timer
from engine.rulebook.parse_reader import listed
from engine.rulebook.yaml_guard import problem

__all__ = ["check_tests"]

_KINDS = ("transcript", "visual_index", "audio_index", "alert", "session", "capture", "engine", "rule", "other")
_GATES = {
    Reason.EXPIRED: "expires_ms", Reason.INACTIVE: "active", Reason.UNLESS: "unless", Reason.DEDUP: "dedup",
    Reason.LIMIT: "limit", Reason.QUIET: "quiet",
}  # fmt: skip
# What others than the events of a test may bring about.
_UNSEEN = ("rule", "engine")
_SILENT = ("fires", "resolves_at_ms", "escalates_at_ms", "deferred", "retracted", "digest", "delivered", "suppressed")


def check_tests(rule: Rule, tests: Sequence[RuleTest], lines: tuple[str, ...]) -> list[Problem]:
    """Return an error for each of the rule's tests that cannot fail. Shape: `lines` are those of the tests' file."""
    found = [(test, _why_not(rule, test)) for test in tests]
    return [
        problem(lines, test.expect_span, "test-cannot-fail", f"the test cannot fail: {why}", hint, "error")
        for test, (why, hint) in found
        if why
    ]


def _why_not(rule: Rule, test: RuleTest) -> tuple[str, str]:
    if not test.expect:
        return "", ""  # reported by who read it
    reasons = [_pointless(rule, name, demand) for name, demand in test.expect.items()]
    if all(reasons):
        return reasons[0], "demand what the rule does: expect: {fires_at: [0s]}"
    quiet = all(name in _SILENT and not _asks_for_something(demand) for name, demand in test.expect.items())
    if quiet and _is_choosy(rule.condition) and not _is_reached(rule, test):
        kinds = [kind for kind in _KINDS if _hears(rule, kind)]
        return (
            f"it expects silence, and no event in `given` is one that the rule looks at ({', '.join(kinds)})",
            f"add an event of kind {listed(kinds[:3])} that should not make the rule fire",
        )
    return "", ""


def _asks_for_something(demand: Any) -> bool:
    """Tell whether a demand wants at least one of what it counts."""
    if isinstance(demand, dict):
        return any(map(_asks_for_something, demand.values()))
    return bool(demand)


def _pointless(rule: Rule, name: str, demand: Any) -> str:
    """Return why the demand always holds for this rule, or empty text."""
    if _asks_for_something(demand):
        return ""
    match name:
        case "suppressed":
            missing = [reason for reason in demand if not _can_hold(rule, Reason(reason))]
            return f"the rule has nothing that holds by {listed(missing)}" if len(missing) == len(demand) else ""
        case "deferred":
            return "" if rule.gates.quiet is not None else "the rule has no `quiet`"
        case "retracted":
            return "" if rule.partials == "early" else "only a rule with `partials: early` takes firings back"
        case "digest":
            return "" if rule.digest is not None else "the rule has no `digest`"
        case "resolves_at_ms":
            return "" if rule.incident is not None else "the rule has no incident to `resolve`"
        case "escalates_at_ms":
            steps = rule.incident is not None and rule.incident.steps
            return "" if steps else "the rule has no `escalate`"
        case "delivered":
            return _untold(rule, demand)
        case "state":
            return _stateless(rule, demand)
        case _:
            return ""


def _can_hold(rule: Rule, reason: Reason) -> bool:
    gates = rule.gates
    if reason is Reason.COOLDOWN:
        return gates.cooldown_ms > 0
    if reason is Reason.DISABLED:
        return not gates.enabled
    if reason is Reason.RETRACTED:
        return rule.partials == "early"
    if reason is Reason.DIGEST:
        return rule.digest is not None
    if reason is Reason.OPEN:
        return rule.incident is not None
    return reason not in _GATES or getattr(gates, _GATES[reason]) is not None


def _untold(rule: Rule, demand: Any) -> str:
    if not isinstance(demand, dict):
        return ""
    told = rule.told
    strangers = [name for name in demand if name not in told and name != f"record:{rule.record}"]
    return f"the rule never tells {listed(strangers)}" if len(strangers) == len(demand) else ""


def _stateless(rule: Rule, demand: dict[str, Any]) -> str:
    holders = {
        "open": rule.incident is not None, "armed": rule.window is not None and not isinstance(rule.window, Timer),
        "collected": rule.digest is not None, "waiting": rule.gates.quiet is not None,
    }  # fmt: skip
    if any(holders[name] for name in demand):
        return ""
    return f"the rule never has anything {listed([*demand])}"


def _is_reached(rule: Rule, test: RuleTest) -> bool:
    """Tell whether something in `given` is of a kind that some part of the rule looks at, or may be."""
    if isinstance(rule.window, Timer) or any(_hears(rule, kind) for kind in _UNSEEN):
        return True
    return any("recording" in entry or _hears(rule, _kind(entry)) for entry in test.given)


def _is_choosy(condition: Condition) -> bool:
    """Tell whether a condition asks for more than a kind; of one that does not, only other kinds can show silence."""
    if isinstance(condition, AllOf | AnyOf):
        return any(map(_is_choosy, condition.parts))
    return not isinstance(condition, Kinds)


def _kind(entry: dict[str, Any]) -> str:
    if "raw" in entry:
        return draft(entry["raw"]).kind
    kind: str = entry.get("kind", "")
    return kind


def _hears(rule: Rule, kind: str) -> bool:
    if kind not in _KINDS:
        return False
    sessions = (rule.digest is not None and rule.digest.at_session_end) or (
        isinstance(rule.window, Absent) and rule.window.during is not None
    )
    until = rule.incident.until if rule.incident is not None else None
    return (
        may_be(rule.condition, kind) or (kind == "session" and sessions) or (until is not None and may_be(until, kind))
    )
