"""`engine run --once` against `engine backtest`: the same messages, to every destination, once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.sink.neutralize import neutralize, title
from tests.cli.workspace import RECORDINGS, Workspace
from tests.servers.http_sink import Answer, HttpSink, always
from tests.servers.smtp_sink import SmtpSink

CONFIG = """\
zone: UTC
destinations:
  hook: json://{host}/
  mail: {{url: "{mail}", per_minute: 60000}}
default: [hook, mail]
"""


class Sinks:
    """Both servers, and the configuration that names them."""

    def __init__(self, workspace: Workspace) -> None:
        self.http, self.smtp = HttpSink(), SmtpSink()
        workspace.write("engine.yaml", CONFIG.format(host=self.http.host, mail=self.smtp.url()))

    def hooked(self) -> dict[str, tuple[str, str]]:
        """Title and text of each message, by key."""
        found = [(seen.headers["x-engine-key"], seen.json()) for seen in self.http.seen]
        assert len({key for key, _ in found}) == len(found)
        return {key: (payload["title"], payload["message"]) for key, payload in found}

    def mailed(self) -> dict[str, tuple[str, str]]:
        found = [(str(mail["X-Engine-Key"]), str(mail["Subject"]), mail.get_content()) for mail in self.smtp.mails]
        assert len({key for key, _, _ in found}) == len(found)
        return {key: (subject, text.replace("\r\n", "\n").rstrip("\n")) for key, subject, text in found}


@pytest.fixture
def sinks(workspace: Workspace) -> Iterator[Sinks]:
    both = Sinks(workspace)
    yield both
    both.http.close()
    both.smtp.close()


def predicted(workspace: Workspace, recording: Path) -> list[tuple[str, dict[str, Any]]]:
    """Every message that the backtest counts, with the name of its rule."""
    done = workspace.call("backtest", "--events", recording, "--format", "json")
    assert done.code == 0, done.err
    return [(rule["rule"], firing) for rule in done.json()["rules"] for firing in rule["firings"]]


def stored(workspace: Workspace) -> set[tuple[str, str, str, str]]:
    """(destination, rule, time, text) of every row of the outbox, all sent."""
    rows = workspace.call("outbox", "list", "--state", workspace.state, "--json", "--most", 1000).json()["rows"]
    assert {row["state"] for row in rows} == {"sent"}
    return {(row["destination"], row["rule"], row["at"], row["body"]) for row in rows}


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_what_the_backtest_counts_is_delivered_once_to_each(
    workspace: Workspace, sinks: Sinks, recording: Path
) -> None:
    workspace.shipped_rules()
    arguments = ("run", "--once", "--events", recording, "--state", workspace.state, "--from", "start")
    done = workspace.engine(*arguments)
    assert done.code == 0, done.err

    firings = predicted(workspace, recording)
    told = [(rule, one) for rule, one in firings if one["rendered"]["destination"]]
    assert len(told) >= 2
    rows = {row for row in stored(workspace) if not row[0].startswith("record:")}
    assert rows == {(name, rule, one["at"], one["rendered"]["body"]) for rule, one in told for name in ("hook", "mail")}
    wanted = {one["id"]: one["rendered"] for _, one in told}
    assert sinks.hooked() == {
        f"{firing}:hook": (title(said["title"], "json"), neutralize(said["body"], "json"))
        for firing, said in wanted.items()
    }
    assert sinks.mailed() == {
        f"{firing}:mail": (title(said["title"], "mailto"), neutralize(said["body"], "mailto"))
        for firing, said in wanted.items()
    }
    kept = (workspace.state / "output" / "app-labels.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(kept) == sum(rule == "app-labels" for rule, _ in firings)
    assert all(json.loads(line)["rule"] == "app-labels" for line in kept)

    count = len(sinks.http.seen)
    again = workspace.engine(*arguments)
    assert (again.code, len(sinks.http.seen), len(sinks.smtp.mails)) == (0, count, count)
    assert "0 lines, 0 firings" in again.err


def test_the_same_lines_read_again_send_nothing_again(workspace: Workspace, sinks: Sinks) -> None:
    """A lost position is a replay: the keys of what was sent are known."""
    workspace.shipped_rules()
    arguments = ("run", "--once", "--events", RECORDINGS[0], "--state", workspace.state, "--from", "start")
    assert workspace.engine(*arguments).code == 0
    count = len(sinks.http.seen)
    with sqlite3.connect(workspace.state / "engine.db") as database:
        database.execute("DELETE FROM source")
        database.execute("DELETE FROM state")
    database.close()
    again = workspace.engine(*arguments)
    assert again.code == 0
    assert "74 lines" in again.err
    assert (len(sinks.http.seen), len(sinks.smtp.mails)) == (count, count)


def test_a_refusal_is_told_by_the_exit_code_and_kept(workspace: Workspace, sinks: Sinks) -> None:
    workspace.shipped_rules()
    sinks.http.decide = always(Answer(400))
    arguments = ("run", "--once", "--events", RECORDINGS[0], "--state", workspace.state, "--from", "start")
    done = workspace.engine(*arguments)
    assert done.code == 4, done.err
    assert "to the dead letter" in done.err
    assert len(sinks.smtp.mails) >= 2
    dead = len(sinks.smtp.mails)
    rows = workspace.call("outbox", "list", "--state", workspace.state, "--only", "dead", "--json").json()["rows"]
    assert [row["destination"] for row in rows] == ["hook"] * dead
    assert all("400" in row["last_error"] for row in rows)

    sinks.http.seen.clear()
    sinks.http.decide = always(Answer())
    assert workspace.call("outbox", "retry", "--all", "--state", workspace.state).code == 0
    assert workspace.engine("deliver", "--once", "--state", workspace.state).code == 0
    assert len(sinks.hooked()) == dead


def test_a_sink_that_is_away_leaves_rows_waiting(workspace: Workspace, sinks: Sinks) -> None:
    workspace.rule("slack", "when: visual_index\ncontains: Slack\nnotify: hook\n")
    sinks.http.decide = always(Answer(503))
    workspace.append({"channel": "visual_index", "data": {"text": "Slack"}, "unix_ts": 1_772_442_000})
    done = workspace.once("--wait", "1s")
    assert done.code == 4, done.err
    assert "1 still waiting" in done.err
    sinks.http.decide = always(Answer())
    assert workspace.engine("deliver", "--once", "--state", workspace.state).code == 0
    assert workspace.status()["outbox"][0]["sent"] == 1
