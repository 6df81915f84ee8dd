"""The whole product without a key: a local cloud plays a session, `capture start` records it, `engine run` tells.

Three real processes that meet in a file, as the README shows them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from capture.simulator import Simulator
from engine.shipped import demo_recording
from tests.capture.desk import Child, environment, until
from tests.servers.http_sink import HttpSink

ROOT = Path(__file__).parents[2]
SESSION = """\
channels: [mic:default, system_audio:default, "display:1"]
store: true
pipelines:
  mic: {transcript: true}
  system_audio: {transcript: true}
  screen: {visual: {prompt: "What is on the screen?"}}
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="runs the recorder's script itself")


@contextmanager
def engine_following(journal: Path, folder: Path, sink: HttpSink, *rules: str) -> Iterator[None]:
    """`engine run` on the journal from its beginning, with a loopback sink for everything."""
    # No event is late here, so patterns need not wait for such.
    settings = f"destinations:\n  sink: json://{sink.host}/\ndefault: sink\nlimits: {{lateness: 1s}}\n"
    (folder / "engine.yaml").write_text(settings)
    named = [part for path in rules for part in ("--rules", str(ROOT / path))]
    running = subprocess.Popen(
        [sys.executable, "-m", "engine", "run", *named, "--events", str(journal), "--config",
         str(folder / "engine.yaml"), "--state", str(folder / "state"), "--from", "start", "--quiet"],
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: (folder / "state" / "engine.db").exists(), "the engine")
        yield
    finally:
        running.terminate()
        _, said = running.communicate(timeout=30)
        assert running.returncode == 0, said.decode()


def told(sink: HttpSink) -> dict[str, str]:
    return {seen.json()["title"]: seen.json()["message"] for seen in sink.seen}


def test_a_rule_fires_on_a_simulated_session_end_to_end(tmp_path: Path) -> None:
    folder = tmp_path / "capture"
    folder.mkdir()
    (folder / "capture.yaml").write_text(SESSION)
    with Simulator(play=demo_recording(), speed=200) as cloud, HttpSink() as sink:
        recorder = Child(cloud, folder, environment(cloud))
        try:
            recorder.start().reaches("live")
            with engine_following(folder / "videodb_events.jsonl", tmp_path, sink, "rules"):
                until(lambda: "slack-on-screen" in told(sink), "the message of the screen rule")
                recorder.run("stop", str(folder))
                assert recorder.ends() == 0, recorder.output()
                until(lambda: "Recording ready" in told(sink), "the message of the export")
        finally:
            recorder.close()
    assert "Slack" in told(sink)["slack-on-screen"]
    assert "/play/m-0001" in told(sink)["Recording ready"]


@pytest.mark.featured_apps
def test_the_packs_speak_on_a_simulated_session(tmp_path: Path) -> None:
    """One event of each app's kind goes through the cloud, the recorder's journal and the pack named after the app."""
    folder = tmp_path / "capture"
    folder.mkdir()
    (folder / "capture.yaml").write_text(SESSION)
    with Simulator() as cloud, HttpSink() as sink:
        recorder = Child(cloud, folder, environment(cloud))
        try:
            recorder.start().reaches("waiting")
            with engine_following(folder / "videodb_events.jsonl", tmp_path, sink, "rules/packs"):
                cloud.emit("transcript", "I'll send the notes tonight.", "mic")
                cloud.emit("visual_index", "A traceback in the terminal of VS Code", "display:1")
                cloud.emit("transcript", "Okay computer, why does this fail?", "mic")
                cloud.emit("visual_index", "A page asks to verify you are human", "display:1")
                cloud.drop("clean")
                until(lambda: "The watch had a hole" in told(sink), "the gap of the dropped connection")
                recorder.run("stop", str(folder))
                assert recorder.ends() == 0, recorder.output()
                until(lambda: "Recording ready" in told(sink), "the export")
                until(lambda: "You asked" in told(sink), "the wish with its screen")
                until(lambda: "Decided: 0, promised: 1" in told(sink), "what is told at the end of a session")
        finally:
            recorder.close()
    assert "Somebody has to sign in" in told(sink)
    assert "A traceback in the terminal" in told(sink)["You asked"]
    assert (tmp_path / "state" / "output" / "wishes.jsonl").exists(), "the wishes of the pair pack"
