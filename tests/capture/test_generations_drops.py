"""Never deaf, shown whole: drops of all kinds, every event written once, gap lines that are true."""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from functools import partial

import pytest

from tests.capture.desk import YAML, Child, events_of, lines_of, texts_of, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs the recorder's script itself")

EVENTS = 300
STEP_MS = 10


class Talk:
    """Something said and something seen every 10 ms, each with a span of its own."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.done = 0
        self.last_ms = 0

    def go_on(self, count: int) -> None:
        for _ in range(count):
            at_ms = round(time.time() * 1000)
            if at_ms < self.last_ms + STEP_MS:
                time.sleep((self.last_ms + STEP_MS - at_ms) / 1000)
                at_ms = self.last_ms + STEP_MS
            self.last_ms = at_ms
            span = {"start": at_ms, "end": at_ms + STEP_MS // 2}
            assert self.child.sim.emit("transcript", f"said {self.done}", "mic", **span) >= 1
            assert self.child.sim.emit("visual_index", f"seen {self.done}", "screen", **span) >= 1
            self.done += 1


def has_gaps(child: Child, count: int) -> bool:
    return len(events_of(child.folder, "capture.gap")) == count


def test_three_forced_drops_lose_nothing(child: Child) -> None:
    (child.folder / "capture.yaml").write_text(YAML)
    child.start().reaches("waiting")
    talk = Talk(child)
    talk.go_on(50)
    for number, how in enumerate(("clean", "dirty", "going-away"), 1):
        assert child.sim.drop(how) == 1
        talk.go_on(30)
        until(partial(has_gaps, child, number), f"gap line {number}")
        talk.go_on(40)
    talk.go_on(EVENTS - talk.done)
    child.signal(signal.SIGTERM)
    assert child.ends() == 0, child.output()

    for channel, word in (("transcript", "said"), ("visual_index", "seen")):
        kept = Counter(texts_of(child.folder, channel))
        assert kept == Counter(f"{word} {n}" for n in range(EVENTS))
    lines = lines_of(child.folder)
    gaps = [line["data"] for line in lines if line.get("event") == "capture.gap"]
    fetched = [line for line in lines if line["_capture"]["origin"] == "poll" and "rtstream_id" in line]
    assert [gap["filled"] for gap in gaps] == [True, True, True]
    assert sum(gap["records"] for gap in gaps) == len(fetched) > 0
    assert [line["data"]["generation"] for line in lines if line.get("event") == "capture.generation"] == [1, 2, 3, 4]
    for line in fetched:  # and only what came in a hole was fetched
        assert any(gap["from"] - 1000 <= line["data"]["start"] <= gap["to"] for gap in gaps)
    reasons = [gap["reason"] for gap in gaps]
    assert reasons[0] == "closed by the cloud with 1000"
    assert reasons[2] == "closed by the cloud with 1001"


def test_every_index_that_was_replaced_is_stopped(child: Child) -> None:
    (child.folder / "capture.yaml").write_text(YAML)
    child.start().reaches("waiting")
    child.sim.drop("dirty")
    until(lambda: events_of(child.folder, "capture.gap"), "the gap line")
    pipelines = child.sim.snapshot()["pipelines"]
    visual = [each for each in pipelines if each["kind"] == "visual"]
    assert [(each["running"], each["ws_id"]) for each in visual] == [(False, "conn-0001"), (True, "conn-0002")]
    transcript = next(each for each in pipelines if each["kind"] == "transcript")
    assert (transcript["running"], transcript["ws_id"]) == (True, "conn-0002")
    calls = [f"{call.method} {call.path}" for call in child.sim.calls if "/index/scene" in call.path]
    made = [n for n, call in enumerate(calls) if call.startswith("POST")]
    ended = next(n for n, call in enumerate(calls) if call.startswith("PATCH"))
    assert made[1] < ended, "the old index may end only when the new one runs"
    child.signal(signal.SIGINT)
    assert child.ends() == 0
    assert not any(each["running"] for each in child.sim.snapshot()["pipelines"])
