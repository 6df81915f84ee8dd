"""`engine outbox`, `status` and `deliver`: what an operator sees and does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.workspace import Workspace, screen
from tests.servers.http_sink import Answer, HttpSink, always

RULE = "when: visual_index\ncontains: Slack\nmessage: '{{ _.text }}'\nby: _.stream\n"


@pytest.fixture
def sink(workspace: Workspace) -> Iterator[HttpSink]:
    """Three messages: the first two refused for good, the third on the console."""
    workspace.rule("slack", RULE + "notify: hook\n")
    workspace.rule("zoom", "when: visual_index\ncontains: Zoom\ntitle: Zoom again\nseverity: warn\nnotify: console\n")
    with HttpSink(always(Answer(400))) as one:
        workspace.write("engine.yaml", f"destinations: {{hook: 'json://{one.host}/'}}\n")
        workspace.append(screen("Slack 1"), screen("Slack 2"), screen("Zoom\nsecond line"), b"{broken\n")
        done = workspace.once()
        assert done.code == 4, done.err
        yield one


def state(workspace: Workspace, command: str, *more: object) -> str:
    result = workspace.call(*command.split(), "--state", workspace.state, *more)
    assert result.code == 0, result.err
    return result.said


def test_list_shows_and_filters(workspace: Workspace, sink: HttpSink) -> None:
    lines = state(workspace, "outbox list").splitlines()
    assert [line.split()[:4] for line in lines if line[5].isdigit()] == [
        ["3", "sent", "console", "zoom"], ["2", "dead", "hook", "slack"], ["1", "dead", "hook", "slack"],
    ]  # fmt: skip
    assert all("400" in line for line in lines if not line[5].isdigit())
    assert state(workspace, "outbox list --only dead").count("hook") == 2
    assert state(workspace, "outbox list --to console").count("zoom") == 1
    assert state(workspace, "outbox list --most 1").count("sent") == 1
    assert state(workspace, "outbox list --only pending") == "no such rows\n"
    rows = workspace.call("outbox", "list", "--state", workspace.state, "--json").json()["rows"]
    assert [(row["id"], row["state"], row["tries"]) for row in rows] == [(3, "sent", 1), (2, "dead", 1), (1, "dead", 1)]
    assert rows[0]["title"] == "Zoom again"


def test_show_gives_the_whole_message(workspace: Workspace, sink: HttpSink) -> None:
    shown = state(workspace, "outbox show", 3)
    assert "row 3: sent, 1 try, " in shown
    assert "to console, from rule zoom, fired 2026-03-02T09:00:00.000Z, severity warn" in shown
    assert shown.endswith("\nZoom again\nZoom\nsecond line\n")
    assert "last error: json: " in state(workspace, "outbox show", 1)
    assert workspace.call("outbox", "show", 1, "--state", workspace.state, "--json").json()["group"] == "display:1"


def test_retry_puts_back_and_deliver_sends(workspace: Workspace, sink: HttpSink) -> None:
    sink.seen.clear()
    sink.decide = always(Answer())
    assert "1 row due now; a running engine sends them" in state(workspace, "outbox retry", 2)
    done = workspace.engine("deliver", "--once", "--state", workspace.state)
    assert (done.code, done.err) == (0, "1 sent\n")
    assert [seen.json()["message"] for seen in sink.seen] == ["Slack 2"]
    assert "1 row due now" in state(workspace, "outbox retry --all")
    assert workspace.engine("deliver", "--once", "--state", workspace.state).code == 0
    assert [seen.json()["message"] for seen in sink.seen] == ["Slack 2", "Slack 1"]


def test_retry_while_the_engine_runs(workspace: Workspace, sink: HttpSink) -> None:
    sink.seen.clear()
    sink.decide = always(Answer())
    with workspace.run() as engine:
        engine.says("reading")
        state(workspace, "outbox retry --all")
        assert len(sink.wait_for(2)) == 2
        assert engine.stop() == 0


def test_dropped_is_never_sent(workspace: Workspace, sink: HttpSink) -> None:
    assert "1 row dropped" in state(workspace, "outbox drop", 1)
    assert "1 row dropped" in state(workspace, "outbox drop --all-dead")
    assert "dead" not in state(workspace, "outbox list")
    sent = workspace.call("outbox", "drop", 3, "--state", workspace.state)
    assert (sent.code, sent.err) == (3, "0 rows dropped\n"), "what was sent is history"


def test_status_tells_what_went_wrong(workspace: Workspace, sink: HttpSink) -> None:
    text = state(workspace, "status")
    assert f"state   {workspace.state}\n" in text
    assert "engine  not running\n" in text
    assert f"{workspace.journal}  line 4, byte " in text
    assert "slack  2 firings" in text
    assert "hook  0 sent, nothing waiting, 2 dead" in text
    assert "last error: json: " in text
    assert "bad lines  1, the newest:" in text
    assert f"{workspace.journal}:4  not-json" in text
    assert "{broken" in text


def test_status_as_json(workspace: Workspace, sink: HttpSink) -> None:
    status = workspace.status()
    assert list(status) == [
        "version", "running", "holder", "clean", "last_commit", "logs", "streams", "rules", "held", "outbox",
        "bad_lines", "gaps", "counters",
    ]  # fmt: skip
    assert status["rules"] == {"slack": {"fired": 2}, "zoom": {"fired": 1}}
    assert [(one["destination"], one["sent"], one["dead"]) for one in status["outbox"]] == [
        ("console", 1, 0), ("hook", 0, 2),
    ]  # fmt: skip
    [bad] = status["bad_lines"]
    assert (bad["line"], bad["length"], bad["head"]) == (4, 7, "{broken")
    assert status["logs"][0]["offset"] == workspace.journal.stat().st_size
    assert status["counters"]["lines.bad"] == 1


def test_status_says_that_an_engine_died(workspace: Workspace, sink: HttpSink) -> None:
    with workspace.run() as engine:
        engine.says("reading")
        assert f"engine  pid {engine.process.pid} on " in state(workspace, "status")
        engine.kill()
    assert "engine  not running; it did not stop in order" in state(workspace, "status")


def test_deliver_once_waits_no_longer_than_told(workspace: Workspace, sink: HttpSink) -> None:
    sink.decide = always(Answer(503))
    state(workspace, "outbox retry --all")
    done = workspace.engine("deliver", "--once", "--wait", "1s", "--state", workspace.state, timeout=20)
    assert done.code == 4
    assert "2 still waiting" in done.err
    assert "`engine outbox list` shows why" in done.err
    assert "503" in state(workspace, "outbox list --only pending")


def test_two_couriers_do_not_share(workspace: Workspace, sink: HttpSink) -> None:
    with workspace.run() as engine:
        engine.says("reading")
        lock = workspace.state / "courier.lock"
        while not (lock.exists() and lock.stat().st_size):
            assert engine.process.poll() is None
        done = workspace.engine("deliver", "--once", "--state", workspace.state)
        assert done.code == 4
        assert "another `engine deliver` (pid " in done.err
        assert engine.stop() == 0
