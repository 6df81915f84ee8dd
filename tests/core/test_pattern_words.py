"""A pattern in words: each key of the rule is in the sentence."""

from __future__ import annotations

import pytest

from engine.core.pattern_words import effect_words, ending_words, pattern_words
from tests.core.running import program_of

STEPS = "{slack: {when: visual_index, contains: Slack}, said: {when: transcript, word: deadline}}"
WITH_NOT = "{slack: {when: visual_index}, ok: {not: {when: transcript, word: fine}}, said: {when: transcript}}"


@pytest.mark.parametrize(
    ("pattern", "words", "ending"),
    [
        ("when: transcript, count: 3 within 10m, by: _.stream",
         "3 events within 10m, for each _.stream apart", ("then the window is emptied",)),
        ("when: transcript, count: {at_least: 4, within: 1h, distinct: _.stream}, reset: keep",
         "4 different values of _.stream within 1h", ("the window rolls on after a firing",)),
        (f"together: {STEPS}, within: 2m",
         "slack and said, in any order, within 2m of each other", ("then what came before is forgotten",)),
        (f"sequence: {WITH_NOT}, within: 90s, lateness: 3s",
         "slack, then no ok, then said, in this order, the last within 1m30s of the first",
         ("then what came before is forgotten", "it waits 3s for late lines")),
        ("absent: {when: transcript}, for: 10m, while: session.active",
         "no event for 10m while a session is active", ("it fires once, and is over when one comes",)),
        ("when: visual_index, for: 10m, gap: 2m, lateness: 0s",
         "events for 10m, with no silence longer than 2m in between",
         ("it fires once, and is over when the silence passes the gap", "it waits for no late line")),
        ("when: visual_index, changes: _.text", "_.text is another than the last time", ()),
        ("when: visual_index, first_seen: {path: _.text, memory: 7d}",
         "a value of _.text that did not occur for 7d", ()),
        ("when: visual_index, spike: {ratio: 4, window: 5m, baseline: 30m, min: 8}",
         "at least 8 events in 5m, and 4 times as many as usual in the 30m before", ()),
        ("when: visual_index, track: {key: _.text, gap: 90s, min: 10s}",
         "each span of at least 10s with the same _.text; a silence of more than 1m30s ends it", ()),
        ("every: 30m", "every 30m; what was slept through fires once", ()),
        ("at: '18:00', days: mon-fri, missed: skip", "at 18:00 on mon, tue, wed, thu, fri", ()),
        ("when: transcript", "", ()),
    ],
)  # fmt: skip
def test_the_sentence_says_all_of_it(pattern: str, words: str, ending: tuple[str, ...]) -> None:
    rule = program_of("{name: r, " + pattern + "}").rules[0].rule
    assert (pattern_words(rule), ending_words(rule)) == (words, ending)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("digest: {every: 30m, or_at: 200, min: 3}",
         ("collected, and told every 30m, when 200 wait, at least 3",)),
        ("digest: {at: session_end}", ("collected, and told when the session ends",)),
        ("escalate: [{after: 5m, notify: oncall}, {after: 15m, notify: phone, repeat: 15m, max: 4}]",
         ("still open after 5m: tell oncall",
          "still open after 15m: tell phone, again every 15m up to 4 times",
          "open until somebody acks it")),
        ("until: session.active, resolve: back",
         ("open until an event with _.kind == 'session' && _.status == 'active'", "told again when it is over")),
        ("expect: {max: 20/day}", ("reports itself when it tells more than 20 in a local day",)),
        ("cooldown: 5m", ()),
    ],
)  # fmt: skip
def test_what_follows_a_firing_is_said(keys: str, words: tuple[str, ...]) -> None:
    rule = program_of("{name: r, when: session.failed, " + keys + "}").rules[0].rule
    assert effect_words(rule) == words
