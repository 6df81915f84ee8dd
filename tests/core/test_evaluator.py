"""The whole core: nothing it says depends on restarts, reloads, batches or extra looks at the clock."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.compile import compile_rulebook
from engine.core.decode import event_id
from engine.core.evaluator import MAX_CHAIN, Evaluator
from engine.model.condition import Kinds, Selector
from engine.model.errors import NOWHERE
from engine.model.match import Reason
from engine.model.rule import Emit, Rule, Rulebook
from tests.core.generate import BODIES
from tests.core.running import AT, Running, program_of, said, seen

RULES = """
rules:
  - {name: plain, when: any, contains: slack}
  - {name: cool, when: [transcript, visual_index], contains: [slack, dead], cooldown: 30s, by: _.stream}
  - {name: once, when: any, dedup: {key: label, for: 2m}, where: {label: {exists: true}}}
  - {name: few, when: transcript, limit: 2/m, active: "10:00-10:05"}
  - {name: calm, when: visual_index, quiet: ["10:01-10:02", "10:03-10:04"], by: data.label}
  - {name: early, when: transcript, contains: [slack, line], partials: early, cooldown: 20s}
  - {name: each, when: transcript, word: x, partials: all}
  - {name: idle, when: alert, unless: session.active, record: alerts.jsonl, notify: [me, you]}
  - {name: wake, when: session, emit: true}
  - {name: chain, when: rule.cool, contains: slack, emit: {text: "{{ _.text }} again"}, cooldown: 1m}
  - {name: second, when: [rule.chain, rule.wake], message: "{{ _.kind }} {{ _.status }} {{ _.text }}"}
  - {name: health, when: engine.rule_error}
  - {name: sorted, when: any, classify: {Chat: {word: slack}, else: Other}, by: _.class, cooldown: 10s}
"""
PROGRAM = program_of(RULES)
_steps = st.lists(st.sampled_from((0, 0.2, 1, 2, 7, 15, 31, 59)), min_size=1, max_size=30)
_bodies = st.one_of(
    st.builds(lambda text, final: {"channel": "transcript", "rtstream_name": "mic:default",
                                   "data": {"text": text, "is_final": final}},
              st.sampled_from(("slack", "dead", "line x", "x")), st.booleans()),
    st.builds(lambda text, label: {"channel": "visual_index", "rtstream_name": "display:1",
                                   "data": {"text": text, "label": label}},
              st.sampled_from(("slack", "dead")), st.sampled_from(("a", None, "b"))),
    st.builds(lambda status: {"channel": "capture_session", "capture_session_id": "c", "status": status},
              st.sampled_from(("active", "stopped"))),
    BODIES,
    st.just(b"not json"),
)  # fmt: skip


def _stamped(body: Any, after_s: float) -> Any:
    if isinstance(body, bytes):
        return body
    data = body.get("data")
    if isinstance(data, dict) and "is_final" in data:
        # Speech of the same ten seconds is one utterance, so that partials meet their finals.
        body = {**body, "data": {**data, "start": AT + round(after_s // 10 * 10_000)}}
    return {**body, "unix_ts": AT / 1000 + after_s}


def _facts(running: Running) -> tuple[Any, ...]:
    running.evaluator.on_time(AT + 8 * 86_400_000)
    running.take()
    return (
        running.notes,
        [
            (firing.match.id, firing.match.rule, firing.match.group, firing.reason, firing.until_ms)
            for firing in running.firings
        ],
        +running.counters,
        running.stored_states(),
    )


@settings(max_examples=150, deadline=None)
@given(_steps, st.data())
def test_restarts_reloads_batches_and_looks_at_the_clock_change_nothing(
    steps: list[float], data: st.DataObject
) -> None:
    plain, disturbed = Running(PROGRAM), Running(PROGRAM)
    after_s = 0.0
    for step in steps:
        after_s += step
        body = _stamped(data.draw(_bodies), after_s)
        plain.feed(body)
        match data.draw(st.sampled_from(("", "", "take", "restart", "adopt", "adopt and restart", "clock"))):
            case "take":
                disturbed.take()
            case "restart":
                disturbed.restart()
            case "adopt":
                disturbed.adopt(RULES)
            case "adopt and restart":
                disturbed.adopt(PROGRAM)
                disturbed.restart()
            case "clock":
                disturbed.evaluator.on_time(AT + round(after_s * 1000) - 1)
        disturbed.feed(body)
    assert _facts(disturbed) == _facts(plain)


def test_ids_name_the_evidence_and_come_again() -> None:
    bodies = [said(0, "slack"), said(1, "slack"), seen(2, "slack")]
    first, again = Running(PROGRAM).feed(*bodies), Running(PROGRAM).feed(*bodies)
    first.take()
    again.take()
    keys = [note.key for note in first.notes]
    assert keys == [note.key for note in again.notes] and len(set(keys)) == len(keys)
    assert len({firing.match.id for firing in first.firings}) == len(first.firings)


def test_one_rule_hears_another_and_the_chain_ends() -> None:
    running = Running(PROGRAM).feed(seen(0, "slack"))
    running.take()
    fired = [firing.match for firing in running.firings if firing.match.rule in ("cool", "chain", "second")]
    assert [match.rule for match in fired] == ["cool", "chain", "second"]
    written = fired[-1].events[-1]
    assert (written.kind, written.status, written.text, written.stream) == ("rule", "chain", "slack again", "display:1")
    assert running.bodies[-1] == "rule chain slack again"
    assert len({event_id(match.events[-1]) for match in fired}) == 3


def test_what_a_gate_held_is_not_written_back() -> None:
    running = Running("rules: [{name: a, when: transcript, emit: true, cooldown: 1h}, {name: b, when: rule.a}]")
    assert running.feed(said(0, "x"), said(1, "x")).reasons == ["fired", "fired", "cooldown"]


def test_rules_that_hear_one_another_in_a_circle_come_to_an_end() -> None:
    rules = tuple(Rule(name, Kinds((Selector("rule", other), Selector("transcript"))), NOWHERE, emit=Emit())
                  for name, other in (("a", "b"), ("b", "a")))  # fmt: skip
    running = Running(compile_rulebook(Rulebook(rules))).feed(said(0, "x"))
    assert len(running.reasons) == 2 * (MAX_CHAIN + 1)


def test_the_engine_is_heard_and_leaves_the_clocks_of_the_journal_alone() -> None:
    running = Running(PROGRAM).feed(said(0, "x"))
    a_day_later = AT + 86_400_000
    running.evaluator.tell("rule_error", {"text": "rules/a.yaml: no"}, a_day_later)
    running.feed(said(1, "late?"), said(1, "late?"))
    running.take()
    (told,) = [note for note in running.notes if note.rule == "health"]
    assert (told.body, told.at_ms) == ("rules/a.yaml: no", a_day_later)
    assert running.counters["events.late"] == 0 and running.counters["events.repeated"] == 1
    assert running.evaluator.intake.last_seen_ms == AT + 1000


def test_editing_the_message_keeps_the_state_and_editing_the_match_resets_it() -> None:
    rule = "{name: r, when: transcript, contains: %s, cooldown: 1h, message: %s}"
    running = Running(rule % ("x", "one")).feed(said(0, "x y"))
    running.adopt(rule % ("x", "two"))
    running.feed(said(1, "x y"))
    running.adopt(rule % ("y", "two"))
    running.feed(said(2, "x y"), said(3, "x y"))
    assert running.reasons == ["fired", "cooldown", "fired", "cooldown"] and running.bodies == ["one", "two"]
    assert len(running.stored_states()) == 1  # that of the rule as it was is forgotten


def test_states_of_rules_that_are_gone_are_forgotten_at_a_start() -> None:
    running = Running("{name: r, when: transcript, cooldown: 1h}").feed(said(0, "x"))
    running.restart()
    running.program = program_of("{name: other, when: transcript}")
    running.restart()
    running.take()
    assert running.stored_states() == {}


def test_bad_and_repeated_lines_are_counted_and_stop_nothing() -> None:
    running = Running(PROGRAM).feed(b"\xff", b"[" * 5000, said(0, "x"), said(0, "x"), b"[]", said(1, "slack"))
    output = running.take()
    assert [line.reason.partition(":")[0] for line in output.bad_lines] == ["not-utf8", "too-deep", "not-object"]
    assert all(len(line.head) <= 256 for line in output.bad_lines)
    counters = running.counters
    assert (counters["lines.bad"], counters["lines.bad.too-deep"], counters["events.repeated"]) == (3, 1, 1)
    assert any(firing.match.rule == "plain" for firing in running.firings)


def test_what_is_not_wanted_moves_clocks_and_sessions_but_is_not_matched() -> None:
    running = Running("{name: r, when: alert, unless: session.active}")
    session = {"channel": "capture_session", "capture_session_id": "c", "status": "active", "unix_ts": AT / 1000}
    from tests.core.generate import line_of

    event = running.evaluator.on_line(line_of(session), AT, wanted=lambda event: False)
    assert event is not None and event.kind == "session"
    running.feed({"channel": "alert", "data": {"label": "x"}, "unix_ts": AT / 1000})
    assert running.reasons == [Reason.UNLESS.value]


def test_wrong_types_are_counted_for_their_rule() -> None:
    running = Running("{name: r, when: transcript, filter: \"contains(data.n, 'x')\"}").feed(said(0, "x", n=5))
    running.take()
    assert running.counters["coercion.r.type"] == 1


@pytest.mark.parametrize("left", [True, False])
def test_has_output_tells_whether_there_is_something_to_commit(left: bool) -> None:
    evaluator: Evaluator = Running("{name: r, when: engine.x}").evaluator
    if left:
        evaluator.tell("x", {}, AT)
    assert evaluator.has_output is left
