"""What the running engine writes down of its decisions, and of a rule that raised."""

from __future__ import annotations

import pytest

from engine.core.decision import Decision, read_decision, rings
from engine.core.evaluator import Evaluator
from engine.model.checkpoint import Commit
from engine.run.clock import zone_offset
from engine.run.live import Pipeline
from engine.store.memory import MemoryStore
from tests.core.running import AT, program_of, seen
from tests.run.test_requests import Lines

RULES = """
rules:
  - {name: slack, when: visual_index, contains: Slack, cooldown: 1h, notify: me}
  - {name: errors, when: visual_index, contains: error, count: 2 within 10m, lateness: 0s, notify: me}
  - {name: watch, when: engine.rule_error, notify: me, message: "{{ data.text }}"}
"""


class Engine:
    """A pipeline on a store in memory."""

    def __init__(self, store: MemoryStore, excerpt: int = 200) -> None:
        self.store, self.lines = store, Lines()
        evaluator = Evaluator(program_of(RULES), {}, zone_offset("UTC"), store.load().states)
        self.pipeline = Pipeline(self.lines, store, evaluator, lambda: AT, excerpt)

    def see(self, *texts: str) -> None:
        self.lines.put(*(seen(number, text) for number, text in enumerate(texts)))
        self.pipeline.drain(lambda _: None)

    def decided(self, rule: str) -> list[Decision]:
        """What both rings of a rule have, newest first, what was told before what was held."""
        found = [read_decision(at_ms, text) for ring in rings(rule) for at_ms, text in self.store.decisions(ring)]
        return [one for one in found if one is not None]


def test_every_firing_leaves_a_record_with_its_lines() -> None:
    engine = Engine(MemoryStore())
    engine.see("Slack one", "Slack two", "an error", "error again")
    told, held = engine.decided("slack")
    assert (told.reason, told.told, told.evidence[0].text) == (None, ("me",), "Slack one")
    assert (held.reason, held.until_ms, held.evidence[0]) == ("cooldown", AT + 3_600_000, ("log:2", "Slack two"))
    [errors] = engine.decided("errors")
    assert [line.place for line in errors.evidence] == ["log:3", "log:4"]


def test_a_storm_of_held_firings_does_not_push_out_the_one_that_was_told() -> None:
    engine = Engine(MemoryStore())
    engine.see(*(f"Slack {number}" for number in range(200)))
    decided = engine.decided("slack")
    assert [one.reason for one in decided] == [None] + ["cooldown"] * 50
    assert decided[1].evidence[0].text == "Slack 199"


@pytest.mark.parametrize(("excerpt", "text"), [(0, ""), (5, "Slack"), (100, "Slack and more")])
def test_no_more_text_is_quoted_than_the_configuration_allows(excerpt: int, text: str) -> None:
    engine = Engine(MemoryStore(), excerpt)
    engine.see("Slack and more")
    assert engine.decided("slack")[0].evidence[0].text == text


def test_a_rule_that_raises_is_switched_off_visibly_and_the_others_go_on() -> None:
    store = MemoryStore()
    Engine(store).see("an error")
    [(key, blob)] = [(key, blob) for key, blob in store.load().states.items() if key[0].startswith("errors#")]
    head, waiting, _ = blob.split(b"\n", 2)
    # A state that no version of this program wrote: the operator trips over it.
    store.commit(Commit(AT, states={key: b"\n".join((head, waiting, b'["odd",[]]'))}))
    engine = Engine(store)
    engine.see("error 1", "Slack", "error 2", "error 3")
    [fault] = engine.decided("errors")
    assert (fault.kind, fault.words) == ("fault", "an error of the engine's; please report it")
    assert store.status().counters["rule.errors.broken"] == 1
    # Its own destination is told, and whoever listens.
    assert [row.notification.rule for row in reversed(store.outbox())] == ["errors", "watch", "slack"]
    assert all("errors was switched off by a fault" in row.notification.body for row in store.outbox()[1:])
