"""`tests:` to the plain dicts that the tester runs: shape checked, offsets and lengths in milliseconds.

An entry of `given` becomes one of

- an event: `at_ms`, `kind` (transcript, visual_index, audio_index, alert, session), `channel` (the name on the wire:
  `scene_index` stays what it is) and `text`; but an alert has `label`, a session `status` in place of `text`;
- a whole event: `at_ms` and `raw`, a dict;
- a part of a recording: `at_ms` and `recording`, {`file`, `since` and `until` as written or None, `span`};
- an act, `at_ms` and one of: `engine` (`restart` or `reload`); `ack` (the group, None for all); `snooze_ms`; `mock`
  ({`summarize`: text or None}); `route` (destination to {`status` or None for success, `times` or None}).

The first two may hold `late_ms` and `dup` (bool), the first also `end_ms`, `final` (bool), `stream` (text) and `data`
(dict). What the author left out is absent. Units: `at_ms` and `end_ms` count from the start of the test.

`expect` becomes a dict of what was named, never empty: `fires`, `deferred`, `retracted` (int); `fires_at_ms`,
`resolves_at_ms`, `escalates_at_ms` (list of int); `group` (scalar, None or list of them); `severity` (text); `routes`
(list of text); `suppressed` (reason to int); `message`, `title` and `resolve` ({`contains`: list of text, all of them;
`equals`: text; `matches`: regex}); `digest` (list of {`items`, `at_ms`, `contains`}, one a message); `delivered` (int,
or destination to int); `state` ({`open`, `armed`, `collected`, `waiting`}: int or bool). `never` is `{"fires": 0}`, a
number n is `{"fires": n}`, a bare text for words is `equals`.
"""

from __future__ import annotations

from datetime import datetime

from engine.model.rule import RuleTest
from engine.rulebook.keys import LATER_TEST_KEYS
from engine.rulebook.parse_expect import read_expect
from engine.rulebook.parse_given import read_given
from engine.rulebook.parse_reader import Reader
from engine.rulebook.scalars import offset_ms
from engine.rulebook.yaml_guard import Items, Node, short

__all__ = ["TEST_KEYS", "VARIANTS", "read_test", "read_tests"]

TEST_KEYS = ("name", "given", "until", "expect", "same_under", "start")
VARIANTS = ("duplicates", "shuffle", "restart", "reload", "ticks")
"""What `same_under` can change without changing anything."""


def read_tests(reader: Reader, node: Node) -> tuple[RuleTest, ...]:
    """Return the tests of a rule, those without a name numbered from 1."""
    if not isinstance(node, Items):
        reader.error(node.span, "wrong-form", "`tests` takes a list", "put a dash before each test")
        return ()
    if not node.items:
        reader.error(node.span, "empty-list", "`tests` is an empty list", "add a test, or remove tests")
    found = [read_test(reader, part, number) for number, part in enumerate(node.items, 1)]
    return tuple(test for test in found if test is not None)


def read_test(reader: Reader, node: Node, number: int, more: tuple[str, ...] = ()) -> RuleTest | None:
    """Return one test; `more` are keys that somebody else reads."""
    test = reader.mapping(node, "tests", "{given: [{at: 0s, screen: Slack}], expect: 1}")
    if test is None:
        return None
    reader.check_keys(test, (*TEST_KEYS, *more), LATER_TEST_KEYS)
    name, same_under, start = test.get("name"), test.get("same_under"), test.get("start")
    given = read_given(reader, test)
    until_ms = reader.optional(test, "until", "bad-duration", offset_ms)
    last_ms = max((entry["at_ms"] for entry in given), default=0)
    if until_ms is not None and until_ms < last_ms:
        at = test.get("until") or test
        reader.error(at.span, "no-effect", "until: entries of `given` come after it", "let until be the later one")
    expect = test.get("expect")
    if expect is None:
        hint = "write expect: never, expect: 1 or expect: {fires_at: [0s]}"
        reader.error(test.span, "test-cannot-fail", "the test expects nothing, so it cannot fail", hint)
    demands, places = ({}, ()) if expect is None else read_expect(reader, expect)
    return RuleTest(
        name=(reader.text(name, "name") if name is not None else None) or f"test {number}",
        given=given,
        expect=demands,
        until_ms=until_ms,
        start=None if start is None else _start(reader, start),
        same_under=() if same_under is None else _variants(reader, same_under),
        span=test.span,
        expect_span=test.span if expect is None else expect.span,
        expect_spans=places,
    )


def _start(reader: Reader, node: Node) -> str | None:
    """Read the local date and time at which the test's clock begins."""
    text = reader.text(node, "start")
    try:
        begins = datetime.fromisoformat(text or "2026-01-01")
    except ValueError:
        hint = "write year-month-day and time: 2026-03-02T09:00"
        reader.error(node.span, "bad-date", f'start: "{short(text or "")}" is not a date and time', hint)
        return None
    # A date alone means the hour at which every test begins.
    return (begins.replace(hour=9) if len(text or "") <= 10 else begins).isoformat(timespec="milliseconds")


def _variants(reader: Reader, node: Node) -> tuple[str, ...]:
    words = [reader.choice(scalar, "same_under", VARIANTS) for scalar in reader.scalars(node, "same_under")]
    return tuple(dict.fromkeys(word for word in words if word in VARIANTS))
