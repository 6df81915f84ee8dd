"""`engine deliver` as a process that is killed while a model is asked, or after."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.model.delivery import DeliveryState
from engine.model.notification import SummaryRequest
from engine.run.clock import now_ms
from engine.store.sqlite import SqliteStore
from tests.run.outbox_rows import enqueue, note, states, until
from tests.servers.http_sink import Answer, HttpSink, in_turn
from tests.servers.llm_stub import LlmStub, completion, lines, saying

PENDING, SENDING, SENT, DEAD = DeliveryState
REQUEST = SummaryRequest("firing-1", "", (("10:04 mic", "We ship on Thursday."),), 300, 20, "2026-03-02", "Recap\n")
SECRET = "sk-canary1234567890"


class Scene:
    """A state folder with one message that asks for a summary, a model server, a web hook, and couriers on them."""

    def __init__(self, folder: Path) -> None:
        self.stub = LlmStub(saying("Shipping is on Thursday."))
        self.hook = HttpSink()
        self.folder = folder
        self.store = SqliteStore.open(str(folder / "state"), role="engine", now_ms=now_ms())
        enqueue(self.store, replace(note(1), request=REQUEST), now_ms=now_ms())
        (folder / "engine.yaml").write_text(
            f"destinations: {{me: 'json://{self.hook.host}/'}}\n"
            f"summaries: {{use: openai, url: '{self.stub.url}', key: '${{MODEL_KEY}}', model: llama3, budget: 5/day}}\n"
        )
        self.children: list[subprocess.Popen[bytes]] = []

    def courier(self, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "engine", "deliver", "--config", str(self.folder / "engine.yaml"), *options]
        with (self.folder / "log").open("ab") as log:
            child = subprocess.Popen(
                [*command, "--state", str(self.folder / "state")], stderr=log, env={**os.environ, "MODEL_KEY": SECRET}
            )
        self.children.append(child)
        return child

    def close(self) -> None:
        for child in self.children:
            child.kill()
            child.wait()
        self.stub.close()
        self.hook.close()
        self.store.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    one = Scene(tmp_path)
    yield one
    one.close()


def test_it_is_summed_up_and_sent(scene: Scene) -> None:
    assert scene.courier("--once").wait(30) == 0
    [message] = scene.hook.seen
    assert message.json()["message"].startswith("Recap\nShipping is on Thursday.\nSummary by llama3\n")
    assert scene.stub.seen[0].headers["authorization"] == f"Bearer {SECRET}"
    assert states(scene.store) == [SENT]
    files = b"".join(path.read_bytes() for path in scene.folder.rglob("*") if path.is_file())
    assert SECRET.encode() not in files


def test_killed_while_the_model_is_asked_it_asks_once_more_and_sends_once(scene: Scene) -> None:
    scene.stub.decide = in_turn(Answer(manner="hang"), then=completion(lines("Shipping is on Thursday.")))
    first = scene.courier()
    scene.stub.wait_for(1, 30)
    first.kill()
    first.wait()
    assert states(scene.store) == [SENDING]
    assert scene.courier("--once").wait(30) == 0
    assert len(scene.hook.seen) == 1
    assert len(scene.stub.seen) == 2
    assert "Summary by llama3" in scene.hook.seen[0].json()["message"]


def test_killed_while_it_sends_it_asks_nobody_again(scene: Scene) -> None:
    scene.hook.decide = in_turn(Answer(manner="hang"))
    first = scene.courier()
    scene.hook.wait_for(1, 30)
    first.kill()
    first.wait()
    assert scene.courier("--once").wait(30) == 0
    until(lambda: states(scene.store) == [SENT])
    assert len(scene.hook.seen) == 2
    assert ["Shipping is on Thursday." in seen.json()["message"] for seen in scene.hook.seen] == [True, True]
    assert len(scene.stub.seen) == 1
