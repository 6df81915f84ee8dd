"""Many descriptions of one thing are one line; nothing else is."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.collapse import ALIKE, STILL_MS, Seen, Shown, collapse, stream_name
from engine.core.decode import Draft, decode
from engine.core.lines import split
from engine.model.event import Chunk, Event
from tests.core.dispatching import MINUTE_MS, at_ms, happened

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"
MAIL = "User reads a mail from Ana in a browser"
CODE = "User edits remote_control.py in an editor, 3 tests failed"


def _screen(minutes: float, text: str, stream: str = "display:1") -> Seen:
    return _seen(minutes, text, stream, "visual_index")


def _seen(minutes: float, text: str, stream: str = "mic:default", kind: str = "transcript") -> Seen:
    source = stream.partition(":")[0]
    ended_ms = at_ms(minutes) + 5_000
    return Seen(happened(minutes, text, kind=kind, stream=stream, source=source, end_ms=ended_ms), text)


def _lines(*seen: Seen) -> list[tuple[str, int]]:
    return [(line.text, line.times) for line in collapse(seen)]


def test_a_screen_that_stays_is_one_line_with_its_span() -> None:
    (line,) = collapse([_screen(0, CODE), _screen(0.1, CODE.replace("3", "4")), _screen(1, CODE.upper())])
    assert line == Shown(at_ms(0), at_ms(1) + 5_000, "display:1", CODE, 3)


def test_screens_that_alternate_are_one_line_each() -> None:
    assert _lines(*(_screen(number / 4, (CODE, MAIL)[number % 2]) for number in range(8))) == [(CODE, 4), (MAIL, 4)]


def test_what_comes_back_after_a_while_is_told_again() -> None:
    gap = (STILL_MS + 5_000) / MINUTE_MS
    assert _lines(_screen(0, CODE), _screen(gap, CODE)) == [(CODE, 2)]
    assert _lines(_screen(0, CODE), _screen(gap + 0.01, CODE)) == [(CODE, 1), (CODE, 1)]


def test_displays_are_apart_and_speech_is_never_nearly_the_same() -> None:
    assert _lines(_screen(0, CODE), _screen(0, CODE, "display:2")) == [(CODE, 1), (CODE, 1)]
    assert _lines(_seen(0, CODE), _seen(0.1, CODE.replace("3", "4"))) == [(CODE, 1), (CODE.replace("3", "4"), 1)]


def test_a_word_said_over_and_over_is_one_line_until_another_comes_between() -> None:
    said = [
        _seen(0, "Yeah."),
        _seen(0.1, "So,", "system_audio:x"),
        _seen(0.2, "yeah."),
        _seen(0.3, "No."),
        _seen(0.4, "Yeah."),
    ]
    assert _lines(*said) == [("Yeah.", 2), ("So,", 1), ("No.", 1), ("Yeah.", 1)]


def test_a_frame_without_news_prolongs_the_line_before_and_is_none_itself() -> None:
    none = "No significant change from the previous frame."
    (line,) = collapse([_screen(0, none), _screen(1, CODE), _screen(2, none), _screen(2.1, " ")])
    assert (line.text, line.times, line.end_ms) == (CODE, 1, at_ms(2) + 5_000)


def test_lines_are_in_order_of_their_beginnings_whatever_the_order_of_arrival() -> None:
    seen = [_screen(2, MAIL), _seen(1, "hello"), _screen(0, CODE)]
    assert [text for text, _ in _lines(*seen)] == [CODE, "hello", MAIL] == [text for text, _ in _lines(*seen[::-1])]


def test_names_of_streams_are_short() -> None:
    names = {
        ("mic:default", "mic"): "mic", ("display:2", "display"): "display:2", ("screen:1", "display"): "display",
        ("system_audio:default", "system_audio"): "system_audio", ("Capture mic - cap-1", "mic"): "mic",
        (None, None): "transcript",
    }  # fmt: skip
    assert {key: stream_name(happened(0, "", stream=key[0], source=key[1])) for key in names} == names


_texts = st.sampled_from((CODE, CODE.replace("3", "4"), MAIL, "", "No change.", "日本語の画面", "a b c d", "a b c e"))
_seen_things = st.lists(
    st.builds(_seen, st.floats(0, 20), _texts, st.sampled_from(("display:1", "mic:a")),
              st.sampled_from(("visual_index", "transcript", "alert"))),
    max_size=30,
)  # fmt: skip


@settings(max_examples=100)
@given(_seen_things)
def test_every_text_is_in_one_line_and_every_line_in_the_time_of_its_texts(seen: list[Seen]) -> None:
    lines = collapse(seen)
    news = [one for one in seen if one.text and not (one.event.kind == "visual_index" and one.text == "No change.")]
    assert sum(line.times for line in lines) == len(news)
    assert {line.text for line in lines} <= {one.text for one in news}
    assert [line.at_ms for line in lines] == sorted(line.at_ms for line in lines)
    assert all(line.at_ms <= line.end_ms for line in lines)


def test_two_different_screens_of_a_recording_share_few_words_and_many_frames_become_few_lines() -> None:
    texts = sorted({one.text for one in _recorded()})
    words = [frozenset(text.casefold().split()) for text in texts]
    shared = [len(a & b) / len(a | b) for number, a in enumerate(words) for b in words[:number] if a | b]
    assert len(texts) > 5 and max(shared) < ALIKE / 2
    seen = _recorded()
    runs = sum(one.text != before.text for before, one in pairwise(seen)) + 1
    assert len(collapse(seen)) < 0.8 * runs < 0.8 * len(seen)


def _recorded() -> list[Seen]:
    found: list[Seen] = []
    for path in sorted(RECORDINGS.glob("*.jsonl")):
        for line in split(Chunk("log", "log", 0, 1, path.read_bytes())):
            draft = decode(line)
            if isinstance(draft, Draft) and draft.kind == "visual_index" and draft.text and draft.start_ms:
                found.append(Seen(_event_of(draft), draft.text))
    return found


def _event_of(draft: Draft) -> Event:
    return happened(
        0, draft.text, kind=draft.kind, at_ms=draft.start_ms, end_ms=draft.end_ms, stream=draft.stream, source="display"
    )
