"""A digest as words: complete without a model, bounded, and what a model is given beside it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.render import BODY_MAX
from engine.model.notification import Notification, SummaryRequest
from tests.core.dispatching import AT, Desk, at_ms

DIGEST = "{name: r, when: transcript, digest: {every: 30m}, notify: [me, you]%s}"
TALK = (
    "We decided to move the release to Friday because the tests are red.",
    "The supplier sends the new prices for the battery next week.",
    "Ana will write the migration guide before the release on Friday.",
)


def _notes(more: str = "", talk: tuple[str, ...] = TALK, **fields: Any) -> list[Notification]:
    desk = Desk(DIGEST % more)
    for number, text in enumerate(talk):
        desk.fire(number, text, end_ms=at_ms(number) + 30_000, **fields)
    desk.on_time(30)
    return desk.notes


def _request(note: Notification) -> SummaryRequest:
    assert note.request is not None
    return note.request


def test_a_template_is_filled_once_with_all_that_was_collected() -> None:
    holes = (
        "{{ cut(join(', ', events[].data.text), `9`) }}", "{{ events[1]._.source }}", "{{ dur(duration) }}",
        "{{ stats.talk.you.words }}{{ summary }}",
    )  # fmt: skip
    message = f', title: "{{{{ count }}}} on {{{{ rule.name }}}}", message: "{" ".join(holes)}"'
    (note, _) = _notes(message)
    assert (note.title, note.body) == ("3 on r", "We decid… mic 30m 35")


def test_what_a_rule_wrote_stands_at_the_root_of_each_entry() -> None:
    desk = Desk(
        "rules:\n"
        "  - {name: usage, when: screen, notify: me}\n"
        "  - name: r\n"
        "    when: rule.usage\n"
        "    digest: {every: 30m}\n"
        "    message: \"{{ table(events, 'key', 'seconds') }}\"\n"
    )
    for number, (key, seconds) in enumerate((("Slack", 60), ("Editor", 120))):
        body = {"channel": "rule", "event": "rule.usage", "data": {"key": key, "seconds": seconds, "channel": "odd"}}
        desk.fire(number, key, rule=1, kind="rule", body=body)
    desk.on_time(30)
    assert desk.notes[0].body == "key     seconds\nSlack        60\nEditor      120"


def test_without_a_model_the_message_is_an_excerpt_and_the_numbers() -> None:
    first, second = _notes(", summarize: {prompt: Decisions.}")
    lines = first.body.splitlines()
    assert lines[0] == "Excerpts:" and any("decided to move the release" in line for line in lines)
    assert lines[-1] == "Talk: you 1m30s (35 words)"
    request = _request(first)
    assert request == second.request and request.prompt == "Decisions." and request.day == "2026-03-04"
    assert request.lines == tuple((f"10:0{number}:00  mic", text) for number, text in enumerate(TALK))
    assert first.body.endswith(request.after) and first.body.startswith(request.before) and request.before == ""
    assert request.key == first.firing == second.firing and (request.max_chars, request.budget) == (1_500, 20)


@pytest.mark.parametrize(
    ("fallback", "message", "body"),
    [
        ("none", "", "Talk: you 1m30s (35 words)"),
        ("counts", "", "Talk: you 1m30s (35 words)"),
        ("none", "<{{ summary }}>", "<>"),
        ("counts", "<{{ summary }}>", "<Talk: you 1m30s (35 words)>"),
        ("none", "all of {{ count }}", "all of 3"),
    ],
)
def test_the_fallback_stands_where_the_summary_would(fallback: str, message: str, body: str) -> None:
    template = f', message: "{message}"' if message else ""
    note = _notes(f", summarize: {{fallback: {fallback}}}{template}")[0]
    assert note.body == body
    request = _request(note)
    assert note.body.startswith(request.before) and note.body.endswith(request.after.strip())


def test_frequent_words_are_a_fallback_too() -> None:
    note = _notes(", summarize: {fallback: terms}")[0]
    assert note.body.startswith("Most frequent: ") and "release" in note.body.splitlines()[0]


def test_a_template_places_the_summary() -> None:
    note = _notes(', summarize: true, message: "Standup {{ count }}\\n{{ summary }}\\n-- the end"')[0]
    request = _request(note)
    assert (request.before, request.after) == ("Standup 3\n", "\n-- the end")
    assert note.body.startswith("Standup 3\nExcerpts:\n- ") and note.body.endswith("\n-- the end")


def test_a_template_without_a_place_stands_below_the_summary() -> None:
    request = _request(_notes(', summarize: true, message: "all of {{ count }}"')[0])
    assert (request.before, request.after) == ("", "\n\nall of 3")


def test_what_was_held_is_told_of_below_a_summary() -> None:
    desk = Desk(DIGEST % ", cooldown: 5m, summarize: true")
    for minute in (0, 1, 6):
        desk.fire(minute, TALK[0])
    desk.on_time(30)
    assert _request(desk.notes[0]).after.endswith("(and 1 more since the last message)")
    assert desk.notes[0].body.endswith("(and 1 more since the last message)")


def test_too_much_to_sum_up_is_thinned_out_and_said_so() -> None:
    desk = Desk(DIGEST % ", summarize: true")
    for number in range(60):
        desk.fire(number / 3, f"{number} " + "blah blah " * 60)
    desk.on_time(30)
    request = _request(desk.notes[0])
    assert 20 < len(request.lines) < 60 and sum(len(text) for _, text in request.lines) <= 24_000
    assert request.after.endswith(f"(summed up from {len(request.lines)} of 60 lines)")


def test_blank_texts_are_counted_and_not_shown_and_ask_for_no_summary() -> None:
    note = _notes(", summarize: true", (" ", ""))[0]
    assert note.title == "r: 2 items, 10:00-10:01" and note.body == "2 items" and note.request is None


def test_a_digest_too_long_to_show_is_shown_in_part_from_beginning_to_end() -> None:
    talk = tuple(f"number {number} " + "blah " * 80 for number in range(300))
    desk = Desk(DIGEST % "")
    for number, text in enumerate(talk):
        desk.fire(number / 12, text, end_ms=at_ms(number / 12) + 1000)
    desk.fire(25.5, "Mm.", end_ms=at_ms(25.5))
    desk.on_time(30)
    lines = desk.notes[0].body.splitlines()
    shown = [line for line in lines if "number" in line]
    assert len(desk.notes[0].body) <= BODY_MAX and 60 < len(shown) < 300 and "Mm." not in desk.notes[0].body
    assert f"(and {301 - len(shown)} more)" in lines
    assert "number 0 " in shown[0] and "10:24" in shown[-1] and all(len(line) < 200 for line in shown)


@pytest.mark.parametrize(
    ("zone_min", "last", "title"),
    [
        (14 * 60, 10, "r: 2 items, 00:01-00:10"),
        (14 * 60, 1.2, "r: 2 items, 00:01"),
        (13 * 60 + 55, 10, "r: 2 items, 2026-03-04 23:56 - 2026-03-05 00:05"),
        (13 * 60 + 31, 10, "r: 2 items, 2026-03-04 23:32-23:41"),
    ],
)
def test_a_title_has_dates_where_the_hours_alone_would_mislead(zone_min: int, last: float, title: str) -> None:
    desk = Desk((DIGEST % "").replace("every: 30m", 'at: "00:30"'), zone_min=zone_min)
    desk.fire(1)
    desk.fire(last)
    desk.on_time(60)
    assert desk.notes[0].title == title


_texts = st.one_of(
    st.none(), st.text(max_size=30), st.text("\ud800{} _.summary|\n", max_size=12), st.just("x " * 3_000)
)
_summaries = st.sampled_from((
    "", ", summarize: true", ', summarize: true, message: "a{{ summary }}b"',
    ", summarize: {fallback: terms, max_chars: 100}",
    ', message: "{{ events }}{{ stats }}"', ', summarize: true, message: "{{ summary }}"',
))  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(_summaries, st.lists(_texts, min_size=1, max_size=8))
def test_any_texts_make_a_message_that_can_be_sent(more: str, texts: list[str | None]) -> None:
    desk = Desk(DIGEST % more)
    for number, text in enumerate(texts):
        clean = None if text is None else text.encode("utf-8", "replace").decode()
        desk.fire(number / 10, clean)
        desk.restart()
    desk.on_time(30)
    note = desk.notes[0]
    assert note.title and len(note.body) <= BODY_MAX + 200 and note.body.encode()
    if note.request is not None:
        around = note.request.before + note.request.after
        assert len(around) + note.request.max_chars <= BODY_MAX + 200
        assert all(text.strip() for _, text in note.request.lines)


def test_an_instant_is_told_in_local_time() -> None:
    desk = Desk(DIGEST % "", zone_min=-60)
    desk.fire(0, "hello")
    desk.on_time(30)
    assert desk.notes[0].body.startswith("09:00:00  mic  hello") and desk.notes[0].at_ms == AT + 1_800_000
