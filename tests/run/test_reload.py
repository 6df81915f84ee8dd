"""Rules edited under a running engine: what is good takes effect, what is broken changes nothing."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Iterator

import pytest

from engine.run.library import Library
from engine.source.rules_dir import signature
from tests.cli.workspace import Running, Workspace, screen

RULE = "when: visual_index\ncontains: Slack\nmessage: 'v0 {{ _.text }}'\n"


class Session:
    """A running engine, and events with ever new texts."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._numbers = itertools.count()
        workspace.journal.touch()
        self.engine: Running = workspace.run()
        self.engine.says("reading")

    def show(self, words: str = "Slack") -> str:
        """Put words on the screen; return the text, unlike any before."""
        number = next(self._numbers)
        text = f"{words} {number:04}"
        self.workspace.append(screen(text, at=1_772_442_000 + number))
        return text

    def prints(self, version: str, words: str = "Slack") -> None:
        self.engine.prints(f"{version} {self.show(words)}")


@pytest.fixture
def session(workspace: Workspace) -> Iterator[Session]:
    workspace.rule("slack", RULE)
    one = Session(workspace)
    with one.engine:
        one.prints("v0")
        yield one


def test_an_edit_takes_effect_within_a_second(session: Session) -> None:
    took: list[float] = []
    for version in ("v1", "v2", "v3"):
        began = time.monotonic()
        session.workspace.rule("slack", RULE.replace("v0", version))
        while version not in session.engine.out:
            session.show()
            time.sleep(0.01)
            assert time.monotonic() - began < 10, session.engine.err
        took.append(time.monotonic() - began)
    assert min(took) < 1, took


def test_a_broken_edit_changes_nothing_and_is_said_once(session: Session) -> None:
    path = session.workspace.rule("slack", RULE.replace("contains", "contians").replace("v0", "v1"))
    session.engine.says('slack.yaml:2:1  error   unknown key "contians"')
    session.engine.says("the last good version of these rules goes on")
    session.prints("v0")
    path.touch()
    session.engine.send(signal.SIGHUP)
    session.prints("v0")
    time.sleep(1)
    assert session.engine.err.count("contians") == 2  # the message, and the line it quotes
    session.workspace.rule("slack", RULE.replace("v0", "v2"))
    session.engine.says("mended: 1 rule in force")
    session.prints("v2")


def test_taken_back_is_mended_too(session: Session) -> None:
    session.workspace.rule("slack", RULE + "cooldwn: 5m\n")
    session.engine.says("cooldwn")
    session.workspace.rule("slack", RULE)
    session.engine.says("mended: 1 rule in force")
    session.prints("v0")


def test_another_file_is_picked_up_beside_a_broken_one(session: Session) -> None:
    session.workspace.rule("slack", "when: [")
    session.engine.says("the last good version")
    session.workspace.rule("zoom", "when: visual_index\ncontains: Zoom\nmessage: 'z {{ _.text }}'\n")
    deadline = time.monotonic() + 5
    while "z Zoom" not in session.engine.out:
        session.show("Zoom")
        time.sleep(0.02)
        assert time.monotonic() < deadline, session.engine.err
    session.prints("v0")


def test_a_deleted_file_stops(session: Session) -> None:
    session.workspace.rule("zoom", "when: visual_index\ncontains: Zoom\nmessage: 'z {{ _.text }}'\n")
    session.engine.says("rules read again: 2 rules in force")
    session.prints("z", "Zoom")
    (session.workspace.root / "rules" / "slack.yaml").unlink()
    session.engine.says("rules read again: 1 rule in force")
    gone = session.show()
    session.prints("z", "Zoom")
    assert gone not in session.engine.out


def test_a_file_replaced_by_rename_is_one_edit(session: Session) -> None:
    fresh = session.workspace.rule("_draft", RULE.replace("v0", "v1"))
    fresh.rename(session.workspace.root / "rules" / "slack.yaml")
    session.engine.says("rules read again: 1 rule in force")
    session.prints("v1")


def test_a_file_emptied_and_then_written_is_one_edit(session: Session) -> None:
    """Editors that write in place leave an empty file for a moment; it must not forget the rule's state."""
    for version in ("v1", "v2", "v3"):
        path = session.workspace.rule("slack", "")
        time.sleep(0.03)
        path.write_text(RULE.replace("v0", version), encoding="utf-8")
        session.engine.says("rules read again: 1 rule in force")
    deadline = time.monotonic() + 5
    while "v3 " not in session.engine.out:
        session.show()
        time.sleep(0.02)
        assert time.monotonic() < deadline, session.engine.err
    assert "0 rules" not in session.engine.err
    assert "error" not in session.engine.err


def test_an_edited_message_keeps_the_cooldown(workspace: Workspace) -> None:
    cool = RULE + "cooldown: 1h\n"
    workspace.rule("slack", cool)
    workspace.rule("other", "when: visual_index\ncontains: Slack\nmessage: 'other {{ _.text }}'\n")
    session = Session(workspace)
    with session.engine:
        session.prints("v0")
        workspace.rule("slack", cool.replace("v0", "v1"))
        session.engine.says("rules read again: 2 rules in force")
        session.prints("other")
        workspace.rule("slack", cool.replace("v0", "v2").replace("1h", "1s"))
        session.engine.says("rules read again", count=2)
        session.prints("v2")
    assert "v1" not in session.engine.out
    assert "(and 1 more since the last message)" in session.engine.out


def test_an_edit_during_the_start_is_not_missed(workspace: Workspace) -> None:
    """What was read is known by how the files stood before: an edit just after the reading shows as a difference."""
    path = workspace.rule("slack", RULE)
    library = Library([str(workspace.root / "rules")])
    assert library.load().program is not None
    assert library.seen == signature(library.paths)
    path.write_text(RULE.replace("v0", "other"), encoding="utf-8")
    assert library.seen != signature(library.paths)


def test_sighup_reads_the_rules_again(session: Session) -> None:
    session.workspace.rule("slack", RULE.replace("v0", "v1"))
    session.engine.send(signal.SIGHUP)
    session.engine.says("rules read again")
    session.prints("v1")
    assert session.engine.stop() == 0


def test_a_rule_hears_of_broken_rules(session: Session) -> None:
    session.workspace.rule("watch", "when: engine.rule_error\nmessage: 'broken: {{ data.text }}'\n")
    session.engine.says("2 rules in force")
    session.workspace.rule("slack", RULE + "colldown: 5m\n")
    session.engine.prints("broken: rules/slack.yaml:4:1 unknown key")


def test_an_engine_without_rules_left_goes_on_and_waits_for_some(session: Session) -> None:
    (session.workspace.root / "rules" / "slack.yaml").unlink()
    session.engine.says("rules read again: 0 rules in force")
    session.workspace.rule("slack", RULE.replace("v0", "v1"))
    session.engine.says("1 rule in force")
    session.prints("v1")


def test_an_edited_pack_takes_effect(workspace: Workspace) -> None:
    pack = (
        "inputs: {what: {type: text, default: Slack}}\n"
        "rules: [{name: seen, when: screen, contains: $what, message: '%s {{ _.text }}'}]\n"
    )
    workspace.rule("packs/words", pack % "v0")
    workspace.rule("slack", "use: words")
    session = Session(workspace)
    with session.engine:
        session.prints("v0")
        workspace.rule("packs/words", pack % "v1")
        session.engine.says("rules read again: 1 rule in force")
        session.prints("v1")
