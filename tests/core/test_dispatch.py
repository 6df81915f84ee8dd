"""From matches to notifications: counts, quiet hours, groups and destinations."""

from __future__ import annotations

from dataclasses import replace

import orjson

from engine.core.dispatch import Dispatcher
from engine.core.moment import iso_ms
from engine.model.config import Limits
from engine.model.match import Match
from tests.core.dispatching import Desk, at_ms, happened
from tests.core.running import AT, Running, said

NINE = iso_ms("2026-03-04T10:00:00Z")
assert NINE == AT  # a Wednesday, ten o'clock in UTC

QUIET = """
name: r
when: transcript
contains: x
quiet: 09:00-18:00
"""
EIGHT_HOURS_S = 8 * 3600
GROUPS = 300


def test_what_was_held_is_told_by_the_next_message() -> None:
    running = Running("{name: r, when: transcript, contains: x, cooldown: 5m}")
    running.feed(said(0, "x 0"), said(10, "x 1"), said(20, "x 2"), said(300, "x 3"), said(900, "x 4"))
    assert running.bodies == ["x 0", "x 3\n(and 2 more since the last message)", "x 4"]
    assert [note.suppressed for note in running.notes] == [0, 2, 0]
    assert running.reasons == ["fired", "cooldown", "cooldown", "fired", "fired"]
    assert running.firings[1].until_ms == AT + 300_000
    assert running.counters["rule.r.cooldown"] == 2 and running.counters["rule.r.fired"] == 3


def test_one_notification_a_destination_each_once() -> None:
    running = Running("{name: r, when: transcript, notify: [me, team, me2]}", {"me": ("a",), "team": ("b", "a")})
    running.feed(said(0, "x"))
    running.take()
    assert [note.destination for note in running.notes] == ["a", "b", "me2"]
    assert len({note.key for note in running.notes}) == 3
    assert {note.firing for note in running.notes} == {running.firings[0].match.id}


def test_quiet_gathers_and_tells_once_at_its_end() -> None:
    running = Running(QUIET)
    running.feed(said(0, "x 0"), said(60, "x 1"))
    assert running.bodies == [] and running.reasons == ["quiet", "quiet"]
    assert running.evaluator.wake_at_ms == AT + EIGHT_HOURS_S * 1000
    running.evaluator.on_time(AT + EIGHT_HOURS_S * 1000 - 1)
    assert running.bodies == []
    running.evaluator.on_time(AT + EIGHT_HOURS_S * 1000 + 5_000)
    assert running.bodies == ["10:00:00  x 0\n10:01:00  x 1"]
    assert running.notes[0].title == "r: 2 while quiet" and running.notes[0].at_ms == AT + EIGHT_HOURS_S * 1000
    running.evaluator.on_time(AT + 10 * EIGHT_HOURS_S * 1000)
    assert len(running.bodies) == 1 and running.stored_states() == {}


def test_a_single_message_that_waited_is_itself() -> None:
    running = Running(QUIET).feed(said(0, "x 0"), said(EIGHT_HOURS_S, "nothing"))
    assert running.bodies == ["x 0"] and running.notes[0].title == "r"


def test_every_held_firing_is_told_of_once_across_quiet() -> None:
    running = Running(QUIET.replace("quiet: 09:00-18:00", "quiet: 10:05-18:00\ncooldown: 5m"))
    running.feed(said(0, "x 0"), said(10, "x 1"), said(300, "x 2"), said(310, "x 3"), said(320, "x 4"))
    running.feed(said(EIGHT_HOURS_S, "nothing"))
    assert running.bodies == ["x 0", "10:05:00  x 2\n(and 1 more since the last message)\n(and 2 more)"]


def test_critical_passes_quiet() -> None:
    program = Running(QUIET).program
    (compiled,) = program.rules
    critical = replace(program, rules=(replace(compiled, rule=replace(compiled.rule, severity="critical")),))
    assert Running(critical).feed(said(0, "x 0")).bodies == ["x 0"]


def test_a_quiet_that_was_removed_or_shortened_releases_what_waits() -> None:
    for edit, at_s in (("", 1), ("quiet: 09:00-10:30", 30 * 60)):
        running = Running(QUIET).feed(said(0, "x 0"))
        running.take()
        running.adopt(QUIET.replace("quiet: 09:00-18:00", edit))
        running.feed(said(at_s, "nothing"))
        assert running.bodies == ["x 0"], edit


def test_a_restart_keeps_what_waits() -> None:
    running = Running(QUIET).feed(said(0, "x 0"))
    running.restart()
    running.feed(said(60, "x 1"))
    running.restart()
    running.evaluator.on_time(AT + EIGHT_HOURS_S * 1000)
    assert running.bodies == ["10:00:00  x 0\n10:01:00  x 1"]


def test_a_record_is_a_line_of_json_beside_the_messages() -> None:
    running = Running("{name: r, when: transcript, record: log.jsonl, by: _.stream, notify: me}").feed(said(0, "é x"))
    running.take()
    record, message = running.notes
    assert (record.destination, message.destination) == ("record:log.jsonl", "me") and "\n" not in record.body
    assert orjson.loads(record.body)["text"] == "é x" and orjson.loads(record.body)["group"] == "mic:default"


def test_a_record_has_what_the_pattern_found() -> None:
    desk = Desk("{name: r, when: transcript, record: log.jsonl}")
    event = happened(1, "x")
    found = {"key": "Slack", "seconds": 5, "steps": {"a": 0}, "text": "found wins"}
    desk.match(Match("id", "r", None, event.seen_ms, (event,), found))
    line = orjson.loads(desk.notes[0].body)
    assert (line["key"], line["seconds"], line["text"]) == ("Slack", 5, "found wins") and "steps" not in line


def test_a_rule_whose_work_raises_is_named_and_the_others_go_on() -> None:
    rules = (
        "rules: [{name: a, when: transcript, digest: {every: 30m}}, {name: b, when: transcript, digest: {every: 30m}}]"
    )
    desk = Desk(rules)
    desk.fire(1, rule=0)
    desk.fire(1, rule=1)
    desk.commit()
    owner = desk.program.rules[0].owner
    damaged = {key: b"[1,[]]" if key[0].startswith(owner) and key[1][-1:].isdigit() else blob
               for key, blob in desk.stored.items()}  # fmt: skip
    told = Dispatcher(desk.program, {}, lambda zone, at: 0, damaged).on_time(at_ms(30))
    assert [(compiled.rule.name, type(error)) for compiled, error in told.broken] == [("a", ValueError)]
    assert [note.rule for note in told.notifications] == ["b"]


def test_a_snooze_holds_messages_and_what_waits_until_it_ends() -> None:
    desk = Desk('{name: r, when: transcript, quiet: "10:00-10:30"}')
    desk.fire(1, "a")
    desk.snooze(2, until=45)
    desk.restart()
    assert desk.words(3) == ["snoozed until 45", "1 message waits for quiet hours to end"]
    desk.fire(31, "b")
    desk.restart()
    desk.fire(46, "c")
    assert desk.reasons == ["quiet", "snoozed", "fired"] and desk.firings[1].until_ms == at_ms(45)
    assert [(note.at_ms, note.body) for note in desk.notes] == [
        (at_ms(45), "10:01:00  a\n(and 1 more)"), (at_ms(46), "c"),
    ]  # fmt: skip
    desk.restart()
    assert desk.stored == {} and desk.words(47) == []


def test_a_snooze_can_be_made_longer_and_taken_back() -> None:
    desk = Desk("{name: r, when: transcript}")
    desk.snooze(0, until=10)
    desk.snooze(1, until=20)
    desk.fire(15)
    desk.snooze(16, until=16)
    desk.fire(16.5)
    assert desk.reasons == ["snoozed", "fired"] and desk.notes[0].suppressed == 1


def test_what_waits_in_quiet_can_be_let_out_for_a_replay() -> None:
    desk = Desk('{name: r, when: transcript, quiet: "10:00-11:00"}')
    desk.fire(1, "a")
    desk.release(2)
    desk.on_time(100)
    assert [(note.body, note.at_ms) for note in desk.notes] == [("a", at_ms(2))]


def test_how_a_rule_stands_in_words_is_bounded() -> None:
    desk = Desk("{name: r, when: transcript, cooldown: 5m, by: x}")
    for number in range(40):
        desk.fire(1, group=f"{number}")
    desk.fire(2, group="7")
    words = desk.words(3)
    assert len(words) == 31 and words[0] == "0: cooldown until 6" and words[-1] == "and 10 more"
    assert desk.words(7) == ["7: 1 held since the last message"]


def test_groups_are_apart_and_a_null_is_one_of_them() -> None:
    running = Running("{name: r, when: transcript, by: data.who, cooldown: 5m}")
    running.feed(*(said(number, "x", who=who) for number, who in enumerate(("a", None, "b", "a", None, "null", ""))))
    assert running.reasons == ["fired", "fired", "fired", "cooldown", "cooldown", "fired", "fired"]
    assert [firing.match.group for firing in running.firings[:2]] == ["a", None]


def test_the_group_idle_for_longest_is_forgotten_and_counted() -> None:
    running = Running("{name: r, when: transcript, by: data.n, cooldown: 1d}", limits=Limits(groups=GROUPS))
    running.feed(*(said(0, f"x {number}", n=f"{number}") for number in range(GROUPS)))
    running.take()
    running.feed(said(1, "x", n="0"), said(2, "x", n="new"))  # 0 was used again, so 1 is the idle one
    running.take()
    assert running.counters["rule.r.evicted"] == 1
    assert len(running.stored_states()) == GROUPS
    running.feed(said(3, "x", n="1"), said(4, "x", n="0"))
    assert running.reasons[-2:] == ["fired", "cooldown"]
