"""Who sums up when nobody was asked: never a service that only has a key lying about."""

from __future__ import annotations

import pytest

from engine.core.voice import is_safe, usual
from engine.model.config import Summaries


def test_a_key_for_other_programs_chooses_nobody() -> None:
    assert usual({}) == Summaries()
    assert usual({"OPENAI_API_KEY": "sk-1", "OPENAI_BASE_URL": "https://api.openai.com/v1"}) == Summaries()


@pytest.mark.parametrize("name", ["VIDEO_DB_API_KEY", "VIDEODB_API_KEY"])
def test_the_key_of_the_recorder_chooses_the_recorder(name: str) -> None:
    assert usual({name: " key-1 "}) == Summaries("videodb", "", "key-1", "basic")
    there = usual({name: "key-1", "VIDEO_DB_API": "http://127.0.0.1:39841/"})
    assert there == Summaries("videodb", "http://127.0.0.1:39841", "key-1", "basic")


@pytest.mark.parametrize("broken", [{"VIDEO_DB_API_KEY": " "}, {"VIDEO_DB_API_KEY": "a\nb"},
                                    {"VIDEO_DB_API_KEY": "k", "VIDEO_DB_API": "http://example.org"}])  # fmt: skip
def test_a_key_or_address_that_cannot_be_used_chooses_nobody(broken: dict[str, str]) -> None:
    assert usual(broken) == Summaries()


@pytest.mark.parametrize(
    "url",
    ["https://api.openai.com/v1", "https://example.org", "https://10.0.0.7:8443/v1/", "http://127.0.0.1:11434/v1",
     "http://localhost:1234", "http://[::1]:80/v1", "https://models.example.org/a/b"],
)  # fmt: skip
def test_addresses_that_nobody_on_the_way_can_read(url: str) -> None:
    assert is_safe(url)


@pytest.mark.parametrize(
    "url",
    ["", "example.org", "http://example.org", "http://10.0.0.7", "ftp://example.org", "https://", "https://u:p@h.org",
     "https://h.org/?key=1", "https://h.org/#x", "https://h.org/a b", "http://127.0.0.1.evil.org", "https://h.org:0",
     "http://localhost@evil.org", "https://h.org\n", "http://2130706433/", "file:///etc/passwd"],
)  # fmt: skip
def test_addresses_that_are_refused(url: str) -> None:
    assert not is_safe(url)


def test_a_key_shows_in_no_text_about_the_settings() -> None:
    assert "key-1" not in repr(usual({"VIDEO_DB_API_KEY": "key-1"}))
