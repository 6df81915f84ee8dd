"""VideoDB's text generation through its own SDK, against the simulator."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from capture.simulator import Simulator
from engine.model.config import Summaries
from engine.model.summary import Prompt, Refused, Reply, Spoken
from engine.sink.summarize import model_of

PROMPT = Prompt("Sum up what stands between.", "TEXT-1\n10:00 mic: Ship it.\nTEXT-1")
ANSWER = {"summary": ["Shipped on Thursday."]}


@pytest.fixture
def cloud() -> Iterator[Simulator]:
    with Simulator() as simulator:
        simulator.faults.set("answer", json.dumps(ANSWER))
        yield simulator


def ask(cloud: Simulator, key: str | None = None, model: str = "basic") -> Reply:
    found = model_of(Summaries("videodb", cloud.base_url, cloud.api_key if key is None else key, model))
    assert found is not None
    return found.ask(PROMPT)


@pytest.mark.parametrize("how", ["direct", "polled"])
def test_the_answer_comes_at_once_or_as_a_job(cloud: Simulator, how: str) -> None:
    cloud.faults.set("generate", how)
    assert ask(cloud) == Spoken(ANSWER)
    assert cloud.counts["POST /collection/{c}/generate/text"] == 1


def test_an_answer_of_another_form_is_handed_on_to_be_checked(cloud: Simulator) -> None:
    cloud.faults.set("answer", "no json at all")
    reply = ask(cloud)
    assert isinstance(reply, Spoken)
    assert "summary" not in str(reply.content)


@pytest.mark.parametrize(
    ("fault", "refused"),
    [
        ("402 POST /collection/*", Refused("HTTP 402, the account has no credit", for_good=True)),
        ("429 POST /collection/*", Refused("HTTP 429")),
        ("list POST /collection/*", Refused("no answer (AttributeError)")),
        ("async POST /collection/*", Refused("the answer is not in the agreed form")),
    ],
)
def test_a_failure_is_a_reason_without_a_word_of_the_server(cloud: Simulator, fault: str, refused: Refused) -> None:
    cloud.faults.set("http", fault)
    assert ask(cloud) == refused


def test_a_wrong_key_is_refused_and_told_nowhere(cloud: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    reply = ask(cloud, key="canary-key-000")
    assert reply == Refused("HTTP 401, the key is refused", for_good=True)
    assert "canary-key-000" not in caplog.text + repr(reply)


def test_nobody_there_is_a_reason(cloud: Simulator) -> None:
    cloud.stop()
    model = model_of(Summaries("videodb", "http://127.0.0.1:9", "key", "basic"))
    assert model is not None
    reply = model.ask(PROMPT)
    assert isinstance(reply, Refused)
    assert "127.0.0.1" not in reply.reason


def test_a_better_model_is_named_in_the_message(cloud: Simulator) -> None:
    assert [getattr(model_of(Summaries("videodb", "", "k", name)), "name", "") for name in ("basic", "pro")] == [
        "VideoDB", "VideoDB (pro)",
    ]  # fmt: skip
