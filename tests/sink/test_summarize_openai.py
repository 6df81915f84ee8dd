"""A model behind `/chat/completions`: what is sent, what comes back, and how a server may misbehave."""

from __future__ import annotations

import logging
import socket
import time

import pytest

from engine.model.config import Summaries
from engine.model.summary import Prompt, Refused, Reply, Spoken
from engine.sink.summarize import model_of
from engine.sink.summarize_openai import OpenAiModel
from tests.servers.http_sink import Answer, always, in_turn
from tests.servers.llm_stub import LlmStub, completion, lines, saying

PROMPT = Prompt("Sum up what stands between.", "TEXT-1\n10:00 mic: Ship it.\nTEXT-1")
KEY = "sk-canary1234567890"


def ask(stub: LlmStub, timeout_ms: int = 2_000, key: str = KEY) -> Reply:
    return OpenAiModel(stub.url, key, "gpt-4o-mini", timeout_ms).ask(PROMPT)


def test_one_post_with_instructions_and_text_apart() -> None:
    with LlmStub(saying("Shipped.")) as stub:
        assert ask(stub) == Spoken(lines("Shipped."))
        [seen] = stub.seen
    assert (seen.method, seen.path) == ("POST", "/v1/chat/completions")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    body = seen.json()
    assert stub.prompts == [tuple(PROMPT)]
    assert {key: value for key, value in body.items() if key != "messages"} == {
        "model": "gpt-4o-mini", "stream": False, "temperature": 0, "max_tokens": 2_000,
    }  # fmt: skip


def test_a_server_of_ones_own_needs_no_key() -> None:
    with LlmStub(saying("Shipped.")) as stub:
        ask(stub, key="")
        assert "authorization" not in stub.seen[0].headers


def test_a_model_that_refuses_settings_is_asked_without_any_from_then_on() -> None:
    fault = Answer(400, body=b'{"error": {"message": "Unsupported parameter: max_tokens"}}')
    with LlmStub(in_turn(fault, then=completion(lines("Shipped.")))) as stub:
        model = OpenAiModel(stub.url, KEY, "o9", 2_000)
        assert model.ask(PROMPT) == Spoken(lines("Shipped."))
        assert model.ask(PROMPT) == Spoken(lines("Shipped."))
        assert ["temperature" in seen.json() for seen in stub.seen] == [True, False, False]


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (Answer(400), Refused("HTTP 400", for_good=True)),
        (Answer(401), Refused("HTTP 401, the key is refused", for_good=True)),
        (Answer(404), Refused("HTTP 404, no such address or model", for_good=True)),
        (Answer(429), Refused("HTTP 429")),
        (Answer(429, body=b'{"error": {"code": "insufficient_quota"}}'),
         Refused("HTTP 429, the account has no credit", for_good=True)),
        (Answer(500, body=KEY.encode()), Refused("HTTP 500")),
        (Answer(503), Refused("HTTP 503")),
        (Answer(302, {"Location": "/elsewhere"}), Refused("HTTP 302", for_good=True)),
        (Answer(200, body=b"not json"), Refused("the answer is not in the agreed form")),
        (Answer(200, body=b"[" * 100_000), Refused("the answer is not in the agreed form")),
        (Answer(200, body=b'{"choices": []}'), Refused("the answer is not in the agreed form")),
        (Answer(200, body=b'{"choices": [null]}'), Refused("the answer is not in the agreed form")),
        (Answer(200, body=b"x" * 2_000_000), Refused("the answer is too long")),
        (Answer(manner="reset"), Refused("no connection (ConnectionResetError)")),
        (Answer(manner="close"), Refused("no connection (RemoteDisconnected)")),
    ],
    ids=lambda value: f"{value.status}-{value.manner}" if isinstance(value, Answer) else "",
)  # fmt: skip
def test_a_failure_is_a_reason_without_a_word_of_the_server(answer: Answer, refused: Refused) -> None:
    with LlmStub(always(answer)) as stub:
        assert ask(stub) == refused
        assert {seen.path for seen in stub.seen} == {"/v1/chat/completions"}  # No redirect was followed.


@pytest.mark.parametrize("manner", ["hang", "drip"])
def test_a_server_that_never_ends_costs_no_more_than_the_time_it_has(manner: str) -> None:
    with LlmStub(always(Answer(manner="hang" if manner == "hang" else "drip"))) as stub:
        began = time.monotonic()
        assert ask(stub, timeout_ms=300) == Refused("no answer in time")
        assert time.monotonic() - began < 2


def test_nobody_there_and_no_certificate_are_reasons_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    refused = OpenAiModel(f"http://127.0.0.1:{port}/v1", KEY, "m", 500).ask(PROMPT)
    assert refused == Refused("no connection (ConnectionRefusedError)")
    with LlmStub(saying("x")) as stub:
        plain = OpenAiModel(stub.url.replace("http:", "https:"), KEY, "m", 2_000).ask(PROMPT)
        assert plain == Refused("TLS failed")
        assert stub.seen == []


def test_no_proxy_of_the_environment_sees_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    with LlmStub(saying("x")) as stub, LlmStub(saying("y")) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{proxy.host}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert ask(stub) == Spoken(lines("x"))
        assert proxy.seen == []


def test_the_key_is_in_no_log_and_no_name(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with LlmStub(always(Answer(401, body=KEY.encode()))) as stub:
        model = OpenAiModel(stub.url, KEY, "m", 500)
        reply = model.ask(PROMPT)
    assert KEY not in caplog.text + repr(reply) + model.name + repr(model)


def test_settings_choose_the_model_and_none_is_a_choice() -> None:
    settings = Summaries("openai", "https://models.example.org/v1/", KEY, "llama3", 1_000)
    model = model_of(settings)
    assert model is not None
    assert model.name == "llama3"
    assert model_of(Summaries()) is None
