"""Lines to drafts: every shape the wire has, and every line an enemy could write."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import decode as module
from engine.core.decode import Draft, decode, draft, event_id, parse, stream_source
from engine.model.event import Line, Malformed, Position
from tests.core.events import AT, EVENTS, SEEN, STAMPS, Sample
from tests.core.generate import BODIES, event_of

USUAL = {
    "status": None, "text": None, "at_ms": AT, "end_ms": AT, "seen_ms": SEEN, "clock": "media", "final": True,
    "stream": None, "source": None, "session": None, "late_ms": 0, "label": None,
}  # fmt: skip


@pytest.mark.capture_reference
@pytest.mark.parametrize("sample", EVENTS, ids=lambda sample: sample.name)
def test_every_kind_of_event_reads_as_it_should(sample: Sample) -> None:
    event = event_of(sample.body)
    assert {name: getattr(event, name) for name in ("kind", *USUAL)} == {**USUAL, **sample.view}
    assert event.body == sample.body


@pytest.mark.parametrize("sample", EVENTS, ids=lambda sample: sample.name)
def test_what_is_stamped_on_anew_does_not_make_another_event(sample: Sample) -> None:
    anew = {**sample.body, "ts": "2026-03-04T10:00:02.900000+00:00", "unix_ts": SEEN / 1000 + 0.4, "_capture": {"n": 9}}
    assert draft(anew).key == draft(sample.body).key
    assert event_id(event_of(anew)) == event_id(event_of(sample.body))


def test_a_partial_and_a_final_with_the_same_text_are_two_events() -> None:
    final, partial = (
        draft({**STAMPS, "channel": "transcript", "data": {"text": "Hello.", "start": AT, "is_final": final}})
        for final in (True, False)
    )
    assert final.key != partial.key


def test_two_alerts_differ_by_label_stream_and_time() -> None:
    def key(**fields: Any) -> tuple[Any, ...]:
        return draft(
            {**STAMPS, "channel": "alert", "rtstream_id": "a", "data": {"label": "x", "start": AT}} | fields
        ).key

    others = [key(rtstream_id="b"), key(data={"label": "y", "start": AT}), key(data={"label": "x", "start": AT + 1})]
    assert key() not in others


def test_a_session_event_without_a_status_is_itself() -> None:
    one, other = ({**STAMPS, "channel": "capture_session", "capture_session_id": "c", "n": n} for n in (1, 2))
    assert draft(one).key != draft(other).key


@given(BODIES)
def test_the_short_way_reads_as_the_long_one(body: dict[str, Any]) -> None:
    assert draft(body) == module._any_shape(body)


@pytest.mark.parametrize("sample", EVENTS, ids=lambda sample: sample.name)
def test_the_short_way_reads_samples_as_the_long_one(sample: Sample) -> None:
    assert draft(sample.body) == module._any_shape(sample.body)


@pytest.mark.parametrize(
    ("stream", "source"),
    [("mic:default", "mic"), ("system_audio:default", "system_audio"), ("display:2", "display"),
     ("screen:1", "display"),
     ("Capture display - cap-1", "display"), ("Capture screen", "display"), ("rts-1", "rts-1"), (None, None)],
)  # fmt: skip
def test_a_stream_name_tells_its_source(stream: str | None, source: str | None) -> None:
    assert stream_source(stream) == source


DEEP = 64
HOSTILE: list[tuple[bytes, str | None]] = [
    (b"", "not-json"),
    (b"{", "not-json"),
    (b"not json", "not-json"),
    (b"[1,2]", "not-object"),
    (b'"text"', "not-object"),
    (b"null", "not-object"),
    (b"5", "not-object"),
    (b'{"a":NaN}', "not-json"),
    (b'{"a":Infinity}', "not-json"),
    (b'{"a":-Infinity}', "not-json"),
    (b'{"a":1e999}', "not-json"),
    (b'{"a":[-1e999],"t":"\\ud800"}', "not-json"),
    (b'{"a":' + b"9" * 400 + b"}", "not-json"),
    (b'{"a":"\xff"}', "not-utf8"),
    (b'{"a":"\xed\xa0\x80"}', "not-utf8"),
    ('{"a":1}'.encode("utf-16"), "not-utf8"),
    (b'{"a":' * DEEP + b"1" + b"}" * DEEP, None),
    (b'{"a":' * (DEEP + 1) + b"1" + b"}" * (DEEP + 1), "too-deep"),
    (b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}", "too-deep"),
    (b"[" * 5_000 + b"]" * 5_000, "too-deep"),
    (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "too-deep"),
    (b'{"a":' * 100_000, "too-deep"),
    (b'{"a":"' + b"{" * 5_000 + b'"}', None),
    (b'{"a":[' + b"1," * 19_990 + b"1]}", None),
    (b'{"a":[' + b"1," * 20_100 + b"1]}", "too-large"),
    (b'{"a":1,"a":2}', None),
    (b'{"a":18446744073709551616}', None),
    (b'{"a":' + b"1" * 300 + b"}", None),
    (b'{"a":' + b"1" * 300 + b',"t":"\\ud800"}', None),
    (b'{"t":"\\ud800","\\udfff":["\\udc00"]}', None),
    (b'{"t":"a\xe2\x80\xa8b\xc2\x85c"}', None),
    (b'{"channel":[],"data":{},"event":{},"type":[],"unix_ts":{},"rtstream_id":5}', None),
    (b'{"channel":"transcript","data":{"text":"x","start":true,"end":1e300,"is_final":0}}', None),
    (b'{"channel":"transcript","data":{"text":"x"},"unix_ts":1e17,"ts":"0000-02-30T99:99:99+99:99"}', None),
    (b'{"event":"capture_session.","data":{"rtstreams":[null,5,{"rtstream_id":[]}]}}', None),
    (b'{"channel":"alert","data":{"label":{"a":[1]}}}', None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "reason"), HOSTILE, ids=lambda part: str(part)[:40])
def test_no_line_raises_and_each_refusal_has_its_reason(text: bytes, reason: str | None) -> None:
    found = decode(_line(text))
    assert (found.reason if isinstance(found, Malformed) else None) == reason
    if isinstance(found, Draft):
        orjson.dumps(found.body)  # whatever comes in can be written down again


def _line(text: bytes) -> Line:
    return Line(Position("log:0", 9), "log", 1, text)


def test_surrogates_are_replaced_and_the_last_of_two_keys_wins() -> None:
    assert parse(b'{"t":"\\ud800x","\\udfff":["\\udc00"]}') == {"t": "\ufffdx", "\ufffd": ["\ufffd"]}
    assert parse(b'{"a":1,"a":2}') == {"a": 2}


@pytest.mark.parametrize("digits", ["18446744073709551615", "18446744073709551616", "-9223372036854775809", "1" * 300])
def test_both_parsers_round_alike(digits: str) -> None:
    plain, odd = parse(b'{"a":%s}' % digits.encode()), parse(b'{"a":%s,"t":"\\ud800"}' % digits.encode())
    assert isinstance(plain, dict) and isinstance(odd, dict)
    assert plain["a"] == odd["a"] and type(plain["a"]) is type(odd["a"])


@given(st.one_of(st.binary(max_size=60), st.text(max_size=40).map(str.encode)))
def test_any_bytes_give_an_event_or_a_reason(text: bytes) -> None:
    assert isinstance(decode(_line(text)), Draft | Malformed)


_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)
_KEYS = ("channel", "event", "type", "index_type", "status", "text", "label", "event_label", "event_id", "data",
         "rtstream_id", "rtstream_name", "capture_session_id", "unix_ts", "ts", "timestamp", "start", "end",
         "is_final")  # fmt: skip
_NAMES = st.sampled_from(("transcript", "scene_index", "alert", "capture_session", "index", "visual", "engine.x"))
_objects = st.dictionaries(
    st.sampled_from(_KEYS),
    st.one_of(_json, _NAMES, st.dictionaries(st.sampled_from(_KEYS), st.one_of(_json, _NAMES), max_size=5)),
    max_size=6,
)


@settings(max_examples=300)
@given(_objects)
def test_any_object_whatever_its_types_is_an_event(body: dict[str, Any]) -> None:
    found = decode(_line(json.dumps(body).encode()))
    assert isinstance(found, Draft), found
    assert found.text is None or isinstance(found.text, str)
    event_of(found.body)
