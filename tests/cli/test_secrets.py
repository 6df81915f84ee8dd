"""Twelve canaries in everything that holds a secret: none may be found in anything the program writes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.cli.workspace import Result, Workspace, screen
from tests.servers.http_sink import Answer, HttpSink, in_turn

CANARIES = tuple(f"c4n4ry{number:02}zq" for number in range(12))

CONFIG = """\
destinations:
  user: json://{0}:{1}@{host}/
  path: json://{host}/hooks/{2}/x
  query: json://{host}/?+X-Token={3}&-key={4}
  header: json://{host}/?+Authorization=Bearer%20${{TOKEN}}
  env: ${{WHOLE_URL}}
  beside: json://{host}/${{FROM_DOTENV}}
  push: gotify://{host}/{7}
  topic: ntfy://{8}:{9}@{host}/topic
  mail: mailto://{10}:{11}@127.0.0.1:1/you@sink.test?from=me@sink.test&smtp=127.0.0.1&mode=insecure
default: [user, path, query, header, env, beside, push, topic, mail]
"""


def test_no_canary_sings(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs: list[Result] = []
    # Refused for now, refused for good, redirected, broken off: each leaves words somewhere.
    answers = [Answer(status) for status in (503, 401, 400)] + [Answer(302, {"Location": "/"}), Answer(manner="reset")]
    with HttpSink(in_turn(*answers, then=Answer(500, body=" ".join(CANARIES).encode()))) as sink:
        secret = {
            "TOKEN": CANARIES[5],
            "WHOLE_URL": f"json://{sink.host}/{CANARIES[6]}",
            "ENGINE_DEBUG": "1",
        }
        workspace.environment |= secret
        workspace.write(".env", f"FROM_DOTENV={CANARIES[6]}\n")
        workspace.write("engine.yaml", CONFIG.format(*CANARIES, host=sink.host))
        workspace.rule(
            "slack",
            "when: visual_index\ncontains: Slack\ntests:\n  - {name: x, given: [{at: 0s, screen: Slack}], expect: 1}\n",
        )
        workspace.append(screen("Slack"))
        outputs.append(workspace.once("--wait", "3s"))
        assert outputs[-1].code == 4
        assert len(sink.seen) >= 6
        with workspace.run() as engine:
            engine.says("reading")
            workspace.append(screen("Slack again", 1_772_442_009))
            sink.wait_for(8)
            assert engine.process.poll() is None
            engine.send(signal.SIGTERM)
            engine.process.wait(20)
        outputs.append(Result(0, engine.out, engine.err))
        folder, recording = f"--state {workspace.state}", "--events events.jsonl"
        commands = [
            "check --strict --notify", "check --format json --notify", "check --format sarif", "test -v",
            "explain rules/slack.yaml", f"test-rule rules/slack.yaml {recording} --send push",
            f"test-rule rules/slack.yaml {recording} --send mail",
            f"test-rule rules/slack.yaml {recording} --send header",
            f"test-rule rules/slack.yaml {recording} --send nobody", f"run --dry-run {recording}",
            f"status {folder}", f"status --json {folder}", f"outbox list --json {folder}",
            f"outbox list {folder}", f"outbox show 1 --json {folder}", f"deliver --once --wait 1s {folder}",
        ]  # fmt: skip
        for name, value in secret.items():
            monkeypatch.setenv(name, value)
        for command in commands:
            outputs.append(workspace.call(*command.split()))
        workspace.write("engine.yaml", CONFIG.format(*CANARIES, host=sink.host) + "zonee: x\n")
        for command in ("check", "check --format json", "check --format sarif", "run --once", "status"):
            outputs.append(workspace.call(*command.split()))
            assert outputs[-1].code == 2, outputs[-1]
        for name in secret:
            monkeypatch.delenv(name)
        outputs.append(workspace.call("check"))
        assert outputs[-1].code == 2
        assert "TOKEN" in outputs[-1].said
    for output in outputs:
        assert _found(output.said) == [], output
        assert "Traceback" not in output.said, output
    for path in _files(workspace.root):
        assert _found(path.read_bytes().decode("utf-8", "replace")) == [], path


def _found(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text.lower()]


def _files(root: Path) -> list[Path]:
    """Every file that the program wrote: state, outbox, logs, but not what the user keeps."""
    mine = {"engine.yaml", ".env"}
    paths = [Path(folder, name) for folder, _, names in os.walk(root) for name in names]
    found = [path for path in paths if path.name not in mine]
    assert any(path.name == "engine.db" for path in found)
    return found
