"""Every way a command can end, by its exit code, in one table; and that `--help` teaches."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engine.cli.main import COMMANDS
from tests.cli.workspace import KICKOFF, Workspace, screen

OK, FAILED, INVALID, NOTHING, DEGRADED = 0, 1, 2, 3, 4
REC = str(KICKOFF)
STATE = "state"

RULES = {
    "slack": "when: visual_index\ncontains: Slack\ncooldown: 5m\ntests:\n"
    "  - {name: fires, given: [{at: 0s, screen: Slack}], expect: 1}\n",
    "untested": "when: visual_index\ncontains: Zoom\n",
    "never": "when: transcript\ncontains: qqqq\n",
    "failing": "when: visual_index\ncontains: Slack\ntests:\n"
    "  - {name: fires, given: [{at: 0s, screen: Slack}], expect: never}\n",
    "broken": "when: visual_index\ncontians: Slack\n",
    "doubtful": "when: visual_index\ncontains: AI\n",
}

TABLE: tuple[tuple[int, str], ...] = (
    (OK, "--help"),
    (OK, "-h"),
    (OK, "--version"),
    (INVALID, "nonsense"),
    (INVALID, "--nonsense"),
    # test-rule
    (OK, "test-rule r/slack.yaml"),
    (OK, f"test-rule r/slack.yaml --events {REC}"),
    (OK, f"test-rule r/slack.yaml --events {REC} --format json"),
    (OK, f"test-rule r/slack.yaml --events {REC} --format junit"),
    (OK, f"test-rule r/never.yaml --events {REC}"),
    (OK, f"test-rule r/slack.yaml --events {REC} --save-expect new.json"),
    (FAILED, f"test-rule r/slack.yaml --events {REC} --expect other.json"),
    (FAILED, "test-rule r/failing.yaml"),
    (FAILED, f"test-rule r/failing.yaml --events {REC}"),
    (INVALID, "test-rule"),
    (INVALID, "test-rule r/broken.yaml"),
    (INVALID, "test-rule r/missing.yaml"),
    (INVALID, "test-rule r/slack.yaml --nonsense"),
    (INVALID, f"test-rule r/slack.yaml --events {REC} --from noon"),
    (INVALID, f"test-rule r/slack.yaml --events {REC} --expect r/slack.yaml"),
    (INVALID, f"test-rule r/slack.yaml --events {REC} --expect missing.json"),
    (INVALID, f"test-rule r/slack.yaml --events {REC} --send nobody"),
    (NOTHING, "test-rule r/untested.yaml"),
    (NOTHING, "test-rule r/slack.yaml --events none-*.jsonl"),
    (NOTHING, f"test-rule r/slack.yaml --events {REC} --from 2030-01-01T00:00:00Z"),
    (NOTHING, "test-rule r/slack.yaml --events empty.jsonl"),
    (DEGRADED, "test-rule r/slack.yaml --events missing.jsonl"),
    (DEGRADED, "test-rule r/slack.yaml --events r"),
    (DEGRADED, "test-rule r/slack.yaml --events bad.jsonl --max-bad 1"),
    (OK, "test-rule r/slack.yaml --events bad.jsonl --max-bad 2"),
    # test
    (OK, "test r/slack.yaml"),
    (OK, "test r/slack.yaml r/untested.yaml -v"),
    (OK, "test r/slack.yaml --format json"),
    (OK, "test r/slack.yaml --format junit"),
    (FAILED, "test r/slack.yaml r/failing.yaml"),
    (FAILED, "test r/failing.yaml --format json"),
    (INVALID, "test r/broken.yaml"),
    (INVALID, "test missing"),
    (INVALID, "test"),
    (NOTHING, "test r/untested.yaml"),
    (NOTHING, "test empty"),
    # backtest
    (OK, f"backtest r/slack.yaml --events {REC}"),
    (OK, f"backtest r/slack.yaml --events {REC} --format json"),
    (INVALID, "backtest r/slack.yaml"),
    (INVALID, f"backtest r/broken.yaml --events {REC}"),
    (NOTHING, "backtest r/slack.yaml --events none-*.jsonl"),
    (NOTHING, "backtest r/slack.yaml --events empty.jsonl"),
    (DEGRADED, "backtest r/slack.yaml --events missing.jsonl"),
    (DEGRADED, "backtest r/slack.yaml --events bad.jsonl --max-bad 1"),
    # check
    (OK, "check r/slack.yaml"),
    (OK, "check r/slack.yaml --strict"),
    (OK, "check r/doubtful.yaml"),
    (OK, "check r/slack.yaml --config good.yaml --notify"),
    (INVALID, "check r/doubtful.yaml --strict"),
    (INVALID, "check r/untested.yaml --strict"),
    (INVALID, "check r/broken.yaml"),
    (INVALID, "check r/broken.yaml --format json"),
    (INVALID, "check r/broken.yaml --format sarif"),
    (INVALID, "check r/slack.yaml --config bad.yaml"),
    (INVALID, "check r/slack.yaml --config refused.yaml --notify"),
    (INVALID, "check r/slack.yaml --config missing.yaml"),
    (INVALID, "check missing"),
    (NOTHING, "check empty"),
    # explain
    (OK, "explain r/slack.yaml"),
    (OK, f"explain r/slack.yaml --events {REC} --line 20"),
    (INVALID, "explain"),
    (INVALID, "explain r/broken.yaml"),
    (INVALID, f"explain r/slack.yaml --events {REC}"),
    (INVALID, "explain r/slack.yaml --line 3"),
    (INVALID, f"explain r/slack.yaml --events {REC} --line 0"),
    (DEGRADED, f"explain r/slack.yaml --events {REC} --line 99999"),
    (DEGRADED, "explain r/slack.yaml --events missing.jsonl --line 1"),
    (DEGRADED, "explain r/slack.yaml --events bad.jsonl --line 1"),
    # new
    (OK, "new fresh --folder made"),
    (INVALID, "new slack --folder r"),
    (INVALID, "new 'no name' --folder made"),
    (INVALID, "new"),
    # run; what needs a process is in tests/run
    (INVALID, f"run --once --rules r/broken.yaml --events {REC} --state {STATE}"),
    (INVALID, f"run --once --rules empty --events {REC} --state {STATE}"),
    (INVALID, f"run --once --rules missing --events {REC} --state {STATE}"),
    (INVALID, f"run --once --rules r/slack.yaml --events {REC} --state {STATE} --wait soon"),
    (INVALID, f"run --once --rules r/slack.yaml --events {REC} --state {STATE} --config bad.yaml"),
    (NOTHING, f"run --once --rules r/slack.yaml --events none-*.jsonl --state {STATE}"),
    (DEGRADED, f"run --once --rules r/slack.yaml --events missing.jsonl --state {STATE}"),
    (DEGRADED, f"run --once --rules r/slack.yaml --events {REC} --state empty.jsonl"),
    (DEGRADED, f"run --once --rules r/slack.yaml --events {REC} --state damaged"),
    (OK, f"run --dry-run --rules r/slack.yaml --events {REC} --state {STATE}"),
    # state
    (DEGRADED, "status --state nowhere"),
    (DEGRADED, "outbox list --state nowhere"),
    (DEGRADED, "deliver --once --state nowhere"),
    (INVALID, "outbox"),
    (INVALID, "outbox show x --state nowhere"),
    (INVALID, "outbox retry --state kept"),
    (INVALID, "outbox show 99 --state kept"),
    (NOTHING, "outbox retry 99 --state kept"),
    (NOTHING, "outbox retry --all --state kept"),
    (NOTHING, "outbox drop 99 --state kept"),
    (OK, "outbox list --state kept"),
    (OK, "status --state kept"),
    (OK, "status --state kept --json"),
    # schema
    (OK, "schema"),
    (OK, "schema --out schema.json"),
    (INVALID, "schema --nonsense"),
)


@pytest.fixture
def full(workspace: Workspace) -> Workspace:
    for name, text in RULES.items():
        workspace.write(f"r/{name}.yaml", text)
    workspace.write("empty/readme.txt", "")
    workspace.write("empty.jsonl", "")
    workspace.write("bad.jsonl", "one\ntwo\n" + '{"channel": "visual_index", "data": {"text": "Slack"}}\n')
    workspace.write("other.json", '{"version": 1, "firings": []}')
    workspace.write("good.yaml", "destinations: {me: 'json://127.0.0.1:9/'}\n")
    workspace.write("refused.yaml", "destinations: {me: 'slack://x'}\n")
    workspace.write("bad.yaml", "destinations: {me: '${NOT_SET_ANYWHERE}'}\n")
    workspace.write("damaged/engine.db", "not a database at all")
    (workspace.root / "damaged").chmod(0o700)
    _kept(workspace.root / "kept")
    return workspace


def _kept(folder: Path) -> None:
    from engine.store.sqlite import SqliteStore

    SqliteStore.open(str(folder), role="engine", now_ms=1).close()


def test_every_end_of_every_command(full: Workspace) -> None:
    """One test, because the table is the point; all rows are tried before it fails."""
    import shlex

    wrong = []
    for wanted, line in TABLE:
        result = full.call(*shlex.split(line))
        if result.code != wanted:
            wrong.append(f"{result.code} instead of {wanted}: engine {line}\n{result.said[-400:]}")
        if result.code in (INVALID, NOTHING, DEGRADED) and not result.said.strip():
            wrong.append(f"says nothing: engine {line}")
        if "Traceback" in result.said or "internal error:" in result.said:
            wrong.append(f"internal: engine {line}\n{result.said}")
    assert not wrong, "\n".join(wrong)


def test_a_process_ends_with_the_same_code(full: Workspace) -> None:
    for wanted, line in ((OK, "test r/slack.yaml"), (FAILED, "test r/failing.yaml"), (INVALID, "check r/broken.yaml")):
        assert full.engine(*line.split()).code == wanted


def test_a_reader_that_leaves_is_no_error(workspace: Workspace) -> None:
    import subprocess
    import sys

    workspace.rule("all", "when: any\nmessage: '{{ _.text }}'\n")
    workspace.append(*(screen(f"text {number} " + "x" * 500, at=1_772_442_000 + number) for number in range(500)))
    argv = [sys.executable, "-m", "engine", "run", "--dry-run", "--quiet", "--events", str(workspace.journal)]
    with subprocess.Popen(
        argv, cwd=workspace.root, env=workspace.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 0
        assert process.stderr.read() == b""


def test_a_bug_is_told_without_a_traceback(workspace: Workspace) -> None:
    """A state file from another program: tables that are not ours are the nearest thing to a bug from outside."""
    _kept(workspace.root / "kept")
    database = sqlite3.connect(workspace.root / "kept" / "engine.db")
    database.execute("DROP TABLE source")
    database.commit()
    database.close()
    result = workspace.call("status", "--state", "kept")
    assert result.code in (4, 5)
    assert "Traceback" not in result.said


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "demo"])
def test_help_teaches(workspace: Workspace, name: str) -> None:
    result = workspace.call(name, "--help")
    assert result.code == 0
    assert f"engine {name}" in result.out.partition("\n")[2], "an example, not only the usage line"
    assert result.out.rstrip().splitlines()[-1].startswith("  ")


def test_the_help_of_all_names_every_command_and_code(workspace: Workspace) -> None:
    result = workspace.call("--help")
    for name, words in COMMANDS.items():
        assert f"  {name}" in result.out
        assert words.split(".")[0][:40] in result.out
    flat = " ".join(result.out.split())
    assert "Exit codes: 0 fine, 1 an expectation failed, 2 rules" in flat
    for name in COMMANDS:
        if name == "demo":
            continue
        for line in workspace.call(name, "--help").out.splitlines():
            assert len(line) <= 120, (name, line)
