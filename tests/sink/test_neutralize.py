from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sink.neutralize import CUT, NO_TEXT, neutralize, permitted, safe_line, title
from engine.sink.services import service
from tests.servers.hostile import HOSTILE

SCHEMES = ["json", "slack", "discord", "tgram", "mailto", "mmost", "unheard-of"]
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
ANY_TEXT = st.text(st.characters(blacklist_categories=()), max_size=300)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_is_shown_and_does_nothing(scheme: str, text: str) -> None:
    check(neutralize(text, scheme), scheme)
    line = title(text, scheme)
    assert "\n" not in line
    assert "=?" not in line
    assert not UNSEEN.search(line)


@given(text=ANY_TEXT, scheme=st.sampled_from(SCHEMES), limit=st.none() | st.integers(20, 400))
def test_any_text_is_shown_and_does_nothing(text: str, scheme: str, limit: int | None) -> None:
    shown = neutralize(text, scheme, limit)
    check(shown, scheme)
    assert limit is None or len(shown) <= limit


def check(shown: str, scheme: str) -> None:
    known = service(scheme)
    assert shown.strip()
    assert not UNSEEN.search(shown)
    assert len(shown) <= known.limit
    shown.encode("utf-8")
    if known.reading != "literal":
        assert not re.search(r"[@\uff20<](?=[^\s\u2060])", shown)
    if known.reading == "markdown":
        bare = re.sub(r"\\.", "", shown)
        assert not re.search(r"[*_~`|<>#\[\]]", bare)
        assert not re.search(r"^[ \t]*([-+=]|\d+[.)])", shown, re.MULTILINE)


def test_plain_words_go_unchanged() -> None:
    text = "Slack is open: 3 new messages.\nDeadline – Thursday, 10:30 (façade, 日本, 👩\u200d💻)"
    for scheme in ("json", "slack", "tgram", "mailto"):
        assert neutralize(text, scheme) == text


def test_names_stay_whole_where_no_service_reads_them() -> None:
    assert neutralize("mail bob@example.com", "mailto") == "mail bob@example.com"
    assert neutralize("mail bob@example.com", "discord") == "mail bob@\u2060example.com"


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\u2060\ufeff", "\u3164\u2800", "\x00\x1b", "\u0301"])
def test_a_text_with_nothing_to_see_gets_a_stand_in(text: str) -> None:
    assert neutralize(text, "json") == NO_TEXT
    assert title(text) == ""


def test_a_long_text_is_cut_where_it_can_be_seen() -> None:
    shown = neutralize("word " * 1_000, "discord")
    assert len(shown) <= 2_000
    assert shown.endswith("word" + CUT)
    assert title("t" * 500) == "t" * 194 + CUT
    assert title("t" * 500, "json", 50) == "t" * 44 + CUT


def test_a_destination_lets_out_what_it_says() -> None:
    assert permitted("x" * 500, "full") == "x" * 500
    assert permitted("x" * 500, "excerpt") == "x" * 194 + CUT
    assert permitted("short", "excerpt") == "short"
    assert "x" not in permitted("x" * 500, "none").replace("text", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\nb", "a\u21b5b"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\u202eb", "a\\u202eb"),
        ("a\ud800b", "a\\ud800b"),
        ("tab\there\xa0there", "tab here there"),
        ("\x9b1m\r", "\\x9b1m\\r"),
        ("日本 é", "日本 é"),
    ],
)
def test_a_line_for_the_terminal_shows_what_is_hidden(text: str, shown: str) -> None:
    assert safe_line(text) == shown


@given(text=ANY_TEXT, limit=st.integers(10, 100))
def test_a_line_for_the_terminal_is_one_printable_line(text: str, limit: int) -> None:
    shown = safe_line(text, limit)
    assert len(shown) <= limit
    assert all(character.isprintable() or character in "\u200c\u200d" for character in shown)
