"""The `summaries:` of engine.yaml: who is chosen, what is refused, and that consent is written down, never guessed."""

from __future__ import annotations

import pytest

from engine.model.config import Summaries
from engine.model.errors import ConfigError
from engine.rulebook.config import load_config

KEY = "sk-canary1234567890"
OPENAI = "https://api.openai.com/v1"
OWN = "http://127.0.0.1:11434/v1"


def chosen(text: str, **environment: str) -> Summaries:
    return load_config(text.encode(), "engine.yaml", environment).summaries


def refused(text: str, **environment: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load_config(text.encode(), "engine.yaml", environment)
    for problem in error.value.problems:
        assert KEY not in repr(problem)
    return [f"{each.span.line}:{each.span.column} {each.code}" for each in error.value.problems]


@pytest.mark.parametrize(
    "text", ["", "zone: UTC", "summaries: auto", "summaries: {use: auto}", "summaries: {budget: 5/day}"]
)
def test_a_key_in_the_environment_is_no_consent_but_for_the_recorder(text: str) -> None:
    assert chosen(text, OPENAI_API_KEY=KEY, OPENAI_BASE_URL="https://other.example.org").use == "offline"
    there = chosen(text, OPENAI_API_KEY=KEY, VIDEO_DB_API_KEY="video-key-1")
    assert (there.use, there.key, there.url, there.model) == ("videodb", "video-key-1", "", "basic")


@pytest.mark.parametrize("text", ["summaries: offline", "summaries: {use: offline}"])
def test_offline_is_offline_whatever_keys_there_are(text: str) -> None:
    assert chosen(text, OPENAI_API_KEY=KEY, VIDEO_DB_API_KEY="video-key-1") == Summaries()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("summaries: openai", Summaries("openai", OPENAI, KEY, "gpt-4o-mini")),
        ("summaries: {use: openai, model: gpt-5-mini}", Summaries("openai", OPENAI, KEY, "gpt-5-mini")),
        ("summaries: {key: '${OPENAI_API_KEY}'}", Summaries("openai", OPENAI, KEY, "gpt-4o-mini")),
        (f"summaries: {{url: '{OWN}/', model: llama3}}", Summaries("openai", OWN, "", "llama3")),
        ("summaries: {use: openai, url: https://h.example.org/v1, key: '${OPENAI_API_KEY}', model: m, timeout: 5s,"
         " budget: 7/day}", Summaries("openai", "https://h.example.org/v1", KEY, "m", 5_000, 7)),
        ("summaries: {use: openai, budget: 0}", Summaries("openai", OPENAI, KEY, "gpt-4o-mini", budget=0)),
    ],
)  # fmt: skip
def test_a_service_is_used_when_the_block_says_so(text: str, expected: Summaries) -> None:
    assert chosen(text, OPENAI_API_KEY=KEY, VIDEO_DB_API_KEY="video-key-1") == expected


def test_the_environments_address_goes_with_the_environments_key_and_with_no_other() -> None:
    environment = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://gate.example.org/v1"}
    told = chosen("summaries: {use: openai, model: m}", **environment)
    assert (told.url, told.key) == ("https://gate.example.org/v1", KEY)
    # A file that names an address does not get the key by naming it.
    assert chosen(f"summaries: {{use: openai, url: '{OWN}', model: m}}", **environment).key == ""


def test_videodb_may_be_asked_for_a_better_model() -> None:
    told = chosen("summaries: {use: videodb, model: pro}", VIDEODB_API_KEY="k-123456", VIDEO_DB_API=OWN)
    assert told == Summaries("videodb", OWN, "k-123456", "pro")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("summaries: {}", ["1:12 empty-value"]),
        ("summaries: gpt", ["1:12 unknown-value"]),
        ("summaries: [auto]", ["1:12 wrong-form"]),
        ("summaries: {use: chatgpt}", ["1:18 unknown-value"]),
        ("summaries: {used: openai}", ["1:13 unknown-key"]),
        ("summaries: openai", ["1:12 no-key"]),
        ("summaries: {use: openai}", ["1:18 no-key"]),
        ("summaries: {use: videodb}", ["1:18 no-key"]),
        (f"summaries: {{key: {KEY}}}", ["1:18 plain-secret"]),
        ("summaries: {key: '${NOPE}'}", ["1:19 unset-variable"]),
        ("summaries: {url: http://example.org/v1, model: m}", ["1:18 bad-url"]),
        ("summaries: {url: https://u:p@example.org/v1, model: m}", ["1:18 bad-url"]),
        (f"summaries: {{url: '{OWN}'}}", ["1:18 no-model"]),
        ("summaries: {use: offline, url: https://example.org, model: m}", ["1:32 no-effect", "1:60 no-effect"]),
        ("summaries: {use: videodb, url: https://example.org}", ["1:18 no-key", "1:32 no-effect"]),
        ("summaries: {budget: 5/h}", ["1:21 bad-rate"]),
        ("summaries: {budget: -1}", ["1:21 bad-rate"]),
        ("summaries: {budget: 20000}", ["1:21 bad-rate"]),
        ("summaries: {timeout: 0s}", ["1:22 bad-duration"]),
        ("summaries: {timeout: 2m}", ["1:22 bad-duration"]),
        ("summaries: {timeout: 30}", ["1:22 bad-duration"]),
        ("summaries: {model: ''}", ["1:20 wrong-form"]),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(text: str, expected: list[str]) -> None:
    assert refused(text) == expected


def test_keys_are_secrets_wherever_they_came_from() -> None:
    loaded = load_config(b"summaries: {use: openai}", "engine.yaml", {"OPENAI_API_KEY": KEY})
    assert KEY in loaded.secrets
    assert KEY not in repr(loaded)
    filled = load_config(b"summaries: {key: '${MY_KEY}'}", "engine.yaml", {"MY_KEY": KEY})
    assert (filled.summaries.key, KEY in filled.secrets) == (KEY, True)
    assert "video-key-1" in load_config(b"", "engine.yaml", {"VIDEO_DB_API_KEY": "video-key-1"}).secrets
