"""`tests:` to the plain dicts that the tester runs: shape checked, offsets and lengths in milliseconds.

An entry of `given` becomes one of

- an event: `at_ms`, `kind` (transcript, visual_index, audio_index, alert, session), `channel` (the name on the wire:
  `scene_index` stays what it is) and `text`; but an alert has `label`, a session `status` in place of `text`;
- a whole event: `at_ms` and `raw`, a dict;
- a step: `at_ms` and `engine`, `restart` or `reload`.

The first two may hold `late_ms` and `dup` (bool), the first also `end_ms`, `final` (bool), `stream` (text) and `data`
(dict). What the author left out is absent. Units: `at_ms` and `end_ms` count from the start of the test.

`expect` becomes a dict of what was named, never empty: `fires`, `deferred`, `retracted` (int); `fires_at_ms` (list of
int); `group` (scalar or None); `severity` (text); `routes` (list of text); `suppressed` (reason to int); `message` and
`title` ({`contains`: list of text, all of them; `equals`: text; `matches`: regex}). `never` is `{"fires": 0}`, a
number n is `{"fires": n}`, a bare text for `message` or `title` is `equals`.
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

__all__ = ["read_tests"]

_KEYS = ("name", "given", "until", "expect", "same_under", "start")
_VARIANTS = ("duplicates", "shuffle", "restart", "reload")


def read_tests(reader: Reader, node: Node) -> tuple[RuleTest, ...]:
    """Return the tests of a rule, those without a name numbered from 1."""
    if not isinstance(node, Items):
        reader.error(node.span, "wrong-form", "`tests` takes a list", "put a dash before each test")
        return ()
    if not node.items:
        reader.error(node.span, "empty-list", "`tests` is an empty list", "add a test, or remove tests")
    found = [_test(reader, part, number) for number, part in enumerate(node.items, 1)]
    return tuple(test for test in found if test is not None)


def _test(reader: Reader, node: Node, number: int) -> RuleTest | None:
    test = reader.mapping(node, "tests", "{given: [{at: 0s, screen: Slack}], expect: 1}")
    if test is None:
        return None
    reader.check_keys(test, _KEYS, LATER_TEST_KEYS)
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
    return RuleTest(
        name=(reader.text(name, "name") if name is not None else None) or f"test {number}",
        given=given,
        expect=None if expect is None else read_expect(reader, expect),
        until_ms=until_ms,
        start=None if start is None else _start(reader, start),
        same_under=() if same_under is None else _variants(reader, same_under),
        span=test.span,
        expect_span=test.span if expect is None else expect.span,
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
    words = [reader.choice(scalar, "same_under", _VARIANTS) for scalar in reader.scalars(node, "same_under")]
    return tuple(dict.fromkeys(word for word in words if word in _VARIANTS))
