"""Templates filled with captured text: as data, once, and bounded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.default_words import link_of
from engine.core.jmes.context import Context
from engine.core.render import BODY_MAX, TITLE_MAX, VALUE_MAX, Renderer, deferred_text, value_text
from engine.model.condition import AllOf
from engine.model.errors import NOWHERE
from engine.model.match import Match
from engine.model.rule import Emit, Incident, Rule, Template
from engine.model.window import Changes
from engine.rulebook.parse_expression import parse_template
from tests.core.events import AT, EVENTS
from tests.core.generate import event_of, texts

RULE = Rule("seen", AllOf(()), NOWHERE, severity="warn", tags=("a", "b"), variables=(("team", "core"),))


def _template(text: str) -> Template:
    parsed = parse_template(text)
    assert not parsed.faults
    return Template(text, parsed.parts)


def _match(body: dict[str, Any], group: str | None = None, **found: Any) -> Match:
    event = event_of(body)
    return Match("id", "seen", group, event.seen_ms, (event,), found)


def _said(text: Any, **data: Any) -> dict[str, Any]:
    return {
        "channel": "transcript",
        "rtstream_name": "mic:default",
        "unix_ts": AT / 1000,
        "data": {"text": text, **data},
    }


def _body(template: str, body: dict[str, Any], group: str | None = None, suppressed: int = 0, **found: Any) -> str:
    rule = replace(RULE, message=_template(template))
    return Renderer(rule).render(_match(body, group, **found), suppressed, lambda _: 60)[1]


@pytest.mark.parametrize(
    ("template", "body"),
    [
        ("plain", "plain"),
        ("{{ _.text }}", "Hello"),
        ("<{{ data.nothing }}>", "<>"),
        ("{{ data.error || 'no reason given' }}", "no reason given"),
        ("{{ data.n }} {{ data.f }} {{ data.g }} {{ data.yes }}", "5 5 0.25 true"),
        ("{{ data.tags }} {{ data.tags[0] }} {{ data.o }}", '["a","b"] a {"k":null}'),
        ("{{ time(_.at) }} {{ _.source }} {{ channel }}", "11:00:00 mic transcript"),
        ("{{ rule.name }} {{ rule.severity }} {{ rule.tags[1] }} {{ vars.team }}", "seen warn b core"),
        ("{{ group }} {{ count }} {{ suppressed }} {{ duration }}", "display:1 1 0 0"),
        ("{{ who }} {{ events[0]._.text }} {{ link }}", "Ann Hello https://p.example/1"),
        ("{{ contains(data.n, 'x') }} {{ data.n > 'x' }}!", "false !"),
    ],
)
def test_holes_are_filled_with_what_the_expression_gives(template: str, body: str) -> None:
    event = _said(
        "Hello", n=5, f=5.0, g=0.25, yes=True, tags=["a", "b"], o={"k": None}, player_url="https://p.example/1"
    )
    assert _body(template, event, "display:1", who="Ann") == body


@pytest.mark.parametrize("text", ["{{ 7*7 }}", "{{ _.text }}", "}}{{", "{% x %}", "%(x)s {0} ${HOME}", "`{{`"])
def test_captured_text_is_never_evaluated(text: str) -> None:
    rule = replace(RULE, title=_template("{{ _.text }}"), message=_template("<{{ _.text }}|{{ data.copy }}>"))
    title, body = Renderer(rule).render(_match(_said(text, copy=text)), 0, lambda _: 0)
    assert (title, body) == (text, f"<{text}|{text}>")
    assert Renderer(RULE).render(_match(_said(text)), 0, lambda _: 0) == ("seen", text)


@given(st.lists(st.one_of(texts, st.text(alphabet="{} _.text|`'\\", max_size=12)), min_size=2, max_size=2))
def test_a_value_stands_where_its_hole_was_and_nowhere_else(said: list[str]) -> None:
    assert _body("a{{ _.text }}b{{ data.other }}c", _said(said[0], other=said[1])) == f"a{said[0]}b{said[1]}c"


def test_everything_has_a_cap() -> None:
    rule = replace(RULE, title=_template("{{ _.text }}"), message=_template("{{ _.text }}" * 9))
    title, body = Renderer(rule).render(_match(_said("x" * 100_000)), 0, lambda _: 0)
    assert (len(title), len(body)) == (TITLE_MAX, BODY_MAX)
    assert len(_body("{{ _.text }}", _said("x" * 100_000))) == VALUE_MAX
    assert len(Renderer(RULE).render(_match(_said("x" * 100_000)), 0, lambda _: 0)[1]) == BODY_MAX


def test_a_title_is_one_line_and_never_empty() -> None:
    rule = replace(RULE, title=_template("{{ _.text }}"))
    assert Renderer(rule).render(_match(_said("a\n\n b")), 0, lambda _: 0)[0] == "a b"
    assert Renderer(rule).render(_match(_said(None)), 0, lambda _: 0)[0] == "seen"


def test_firings_held_before_are_told() -> None:
    assert _body("x", _said("a"), suppressed=3) == "x\n(and 3 more since the last message)"
    assert _body("{{ suppressed }}", _said("a"), suppressed=3).startswith("3\n")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (_said("Hello"), "Hello"),
        ({"channel": "capture_session", "capture_session_id": "c", "status": "failed"}, "Session c: failed"),
        ({"channel": "capture_session", "capture_session_id": "c", "status": "exported", "data": {"stream_url": "https://s"}},
         "Session c: exported\nhttps://s"),
        ({"event": "odd.one"}, '{"event":"odd.one"}'),
    ],
)  # fmt: skip
def test_there_is_a_message_without_a_template(body: dict[str, Any], message: str) -> None:
    assert Renderer(RULE).render(_match(body), 0, lambda _: 0) == ("seen", message)


@pytest.mark.parametrize("sample", EVENTS, ids=lambda sample: sample.name)
def test_every_kind_of_event_can_be_told(sample: Any) -> None:
    assert Renderer(RULE).render(_match(sample.body), 0, lambda _: 0)[1]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), ("", ""), (0, "0"), (-0.5, "-0.5"), (1e300, "1e+300"), (2**70, str(2**70)), (False, "false"),
     ([], "[]"),
     ({1: None}, '{"1":null}'), (float("inf"), "null")],
)  # fmt: skip
def test_a_value_reads_as_expected(value: Any, text: str) -> None:
    assert value_text(value) == text


def test_what_a_template_writes_can_be_encoded() -> None:
    assert _body('{{ `"\\ud800"` }}', _said("x")) == "?"


def test_a_rule_writes_back_its_fields_or_its_text() -> None:
    match = _match(_said("Hello"), "g")
    fields = (("who", _template("{{ _.source }}")), ("text", _template("said {{ _.text }}")))
    rule = replace(RULE, emit=Emit(fields))
    assert Renderer(rule).emitted(match, "body", lambda _: 0) == {"who": "mic", "text": "said Hello"}
    plain = Renderer(replace(RULE, emit=Emit())).emitted(match, "body", lambda _: 0)
    assert plain == {"text": "Hello", "rule": "seen", "group": "g"}


@pytest.mark.parametrize(
    ("body", "link"),
    [({"data": {"player_url": "p", "stream_url": "s"}}, "p"), ({"stream_url": "s"}, "s"),
     ({"data": {"player_url": 5}}, ""),
     ({"data": None}, "")],
)  # fmt: skip
def test_the_link_is_the_address_to_watch(body: dict[str, Any], link: str) -> None:
    assert link_of(event_of(body)) == link


def test_messages_that_waited_are_counted_where_they_do_not_fit() -> None:
    assert deferred_text("seen", [("10:00:00", "a"), ("10:00:01", "b")], 2) == (
        "seen: 2 while quiet", "10:00:00  a\n10:00:01  b\n(and 2 more)",
    )  # fmt: skip
    _, body = deferred_text("seen", [("10:00:00", "x" * 9_999)] * 200, 0)
    shown = body.count("10:00:00")
    assert body.endswith(f"(and {200 - shown} more)") and len(body) < BODY_MAX + 20


def test_a_thing_is_counted_and_lasts_as_its_pattern_says() -> None:
    rule = replace(RULE, message=_template("{{ count }} {{ dur(duration) }} {{ key }}"))
    match = _match(_said("a"), count=12, key="Slack")
    assert Renderer(rule).render(match, 0, lambda _: 0)[1] == "12 0s Slack"
    since = replace(match, since_ms=match.at_ms - 90_000, found={"count": "odd"})
    assert Renderer(rule).render(since, 0, lambda _: 0)[1] == "1 1m 30s "


def test_the_end_of_an_incident_is_told_by_its_own_text() -> None:
    rule = replace(RULE, incident=Incident(resolve=_template("{{ _.text }} after {{ duration }}")))
    assert Renderer(rule).resolved(_match(_said("back")), 2, lambda _: 0) == (
        "back after 0\n(and 2 more since the last message)"
    )
    assert Renderer(RULE).resolved(_match(_said("back")), 0, lambda _: 0) is None


@pytest.mark.parametrize(
    ("template", "before", "after", "placed"),
    [("a {{ summary }} b {{ n }}", "a ", " b 5", True), ("{{  summary  }}", "", "", True),
     ("no place {{ n }}", "", "no place 5", False), ("{{ summary || 'none' }}!", "", "S!", False)],
)  # fmt: skip
def test_a_template_says_what_stands_around_its_summary(template: str, before: str, after: str, placed: bool) -> None:
    renderer = Renderer(replace(RULE, message=_template(template)))
    assert renderer.around({"n": 5, "summary": "S"}, Context(0), 100) == (before, after)
    assert renderer.places_summary is placed and Renderer(RULE).around({}, Context(0), 100) is None


def test_what_a_pattern_found_is_written_back_as_plain_values() -> None:
    found: dict[str, Any] = {"key": "Slack", "seconds": 5.5, "steps": {"a": 0}, "none": None, "long": "x" * 9_999}
    data = Renderer(replace(RULE, window=Changes("x"))).emitted(_match(_said("a"), **found), "words", lambda _: 0)
    assert data == {"key": "Slack", "seconds": 5.5, "long": "x" * 500, "text": "words", "rule": "seen", "group": None}
