"""Rules that listen to a rule with `digest` hear what it tells, not each thing that it collected."""

from __future__ import annotations

from engine.core.statistics import NOTHING, statistics
from engine.model.match import Firing
from tests.core.running import AT, Running, said, seen

TALK = """
rules:
  - {name: talk, when: transcript, digest: {every: 5m, min: 2}, emit: true}
  - name: much
    when: rule.talk
    where: {data.stats.talk.you.words: {gte: 3}}
    message: "{{ data.count }} of {{ data.stats.talk.you.words }} words at {{ time(_.at, '%H:%M') }}: {{ _.text }}"
"""


def told(running: Running, rule: str) -> list[Firing]:
    running.take()
    return [firing for firing in running.firings if firing.match.rule == rule and firing.reason is None]


def test_what_a_digest_counted_is_there_to_be_tested() -> None:
    running = Running(TALK).feed(said(1, "one two"), said(2, "three"), seen(290, "x"))
    assert told(running, "much") == []
    running.evaluator.on_time(AT + 300_000)
    (firing,) = told(running, "much")
    assert firing.match.at_ms == AT + 300_000
    assert firing.body.startswith("2 of 3 words at 10:05: 10:00:01  mic  one two")
    event = firing.match.events[-1]
    assert (event.kind, event.status, event.at_ms) == ("rule", "talk", AT + 300_000)
    assert event.body["data"]["stats"].keys() == set(statistics(NOTHING))
    assert [note.rule for note in running.notes] == ["much"]  # the digest itself tells nobody


def test_a_digest_that_is_too_small_is_not_heard() -> None:
    running = Running(TALK).feed(said(1, "one two three"))
    running.evaluator.on_time(AT + 700_000)
    assert told(running, "much") == []


def test_a_digest_may_give_its_event_fields_of_its_own() -> None:
    running = Running("""
rules:
  - name: pages
    when: screen
    digest: {or_at: 2}
    emit: {text: "{{ count }} pages, last {{ events[-1]._.text }}"}
    notify: me
  - {name: heard, when: rule.pages}
""").feed(seen(1, "a"), seen(2, "b"), seen(3, "c"))
    assert [firing.body for firing in told(running, "heard")] == ["2 pages, last b"]
    assert sorted(note.destination for note in running.notes) == ["default", "me"]


def test_a_digest_of_spans_is_heard_at_its_own_time() -> None:
    running = Running("""
rules:
  - {name: spans, when: screen, track: {key: _.text, gap: 10s, min: 1s}, digest: {or_at: 2}, emit: true}
  - {name: heard, when: rule.spans}
""").feed(*(seen(at, text) for at, text in ((0, "a"), (5, "b"), (10, "c"), (40, "d"), (60, "e"))))
    (firing,) = told(running, "heard")
    event = firing.match.events[-1]
    assert event.body["data"]["stats"]["spans"][0]["key"] == "a"
    assert event.at_ms >= AT + 10_000


def test_a_restart_between_collecting_and_telling_changes_nothing() -> None:
    running = Running(TALK).feed(said(1, "one two"), said(2, "three"))
    running.restart()
    running.evaluator.on_time(AT + 300_000)
    assert len(told(running, "much")) == 1
