"""`engine explain`: a pattern in words, the steps of a line with values, and the windows just after it."""

from __future__ import annotations

from tests.cli.workspace import Workspace, screen

START = 1_772_442_000  # 2026-03-02T09:00:00Z
TOGETHER = """
together:
  slack: {when: visual_index, contains: Slack}
  said: {when: transcript, word: deadline}
within: 2m
cooldown: 10m
"""
ERRORS = "when: visual_index\ncontains: error\ncount: 3 within 10m\nby: _.stream\ncooldown: 1h\n"


def spoken(text: str, after_s: float) -> dict[str, object]:
    return {**screen(text, START + after_s), "channel": "transcript", "rtstream_name": "mic:default"}


def explained(workspace: Workspace, rule: str, line: int | None = None) -> str:
    place = () if line is None else ("--events", workspace.journal, "--line", line)
    result = workspace.call("explain", f"rules/{rule}.yaml", *place)
    assert result.code == 0, result.err
    return result.out


def test_a_pattern_is_told_in_words_with_the_filter_of_each_step(workspace: Workspace) -> None:
    workspace.rule("both", TOGETHER)
    told = explained(workspace, "both")
    assert "  pattern: slack and said, in any order, within 2m of each other\n" in told
    assert "           then what came before is forgotten\n" in told
    assert "  slack: _.kind == 'visual_index' && has(_.text, 'Slack')\n" in told
    assert "  said: _.kind == 'transcript' && has_word(_.text, 'deadline')\n" in told
    assert "  gate: then silent for 10m\n" in told
    assert "filter:" not in told


def test_a_count_is_told_for_each_group(workspace: Workspace) -> None:
    workspace.rule("errors", ERRORS)
    told = explained(workspace, "errors")
    assert "  pattern: 3 events within 10m, for each _.stream apart\n" in told
    assert "           then the window is emptied\n" in told


def test_a_line_is_shown_to_every_step_with_values(workspace: Workspace) -> None:
    workspace.rule("both", TOGETHER)
    workspace.append(screen("a Slack thread", START), spoken("no dead line", 30))
    told = explained(workspace, "both", 1)
    assert "both can use " in told
    slack, said = told.index("  step slack: takes part\n"), told.index("  step said: no part\n")
    assert slack < told.index("yes  contains 'Slack'    got 'a Slack thread'") < said
    assert said < told.index("no   when transcript    got visual_index")
    assert "near miss: word \"deadline\" not found" in explained(workspace, "both", 2)  # fmt: skip


def test_the_window_just_after_the_line_and_the_next_deadline(workspace: Workspace) -> None:
    workspace.rule("errors", ERRORS)
    workspace.append(*(screen(f"error {number}", START + 60 * number) for number in range(4)))
    second = explained(workspace, "errors", 2)
    assert "  just after this line:\n" in second
    assert "display:1: 2 of 3 within 10m since 09:00:00; forgotten at 09:10:00\n" in second
    third = explained(workspace, "errors", 3)
    assert "  then, at 09:02:00: fired -> default  group display:1\n" in third
    assert "cooldown until 10:02:00" in third
    assert "1 of 3 within 10m since 09:03:00" in explained(workspace, "errors", 4)


def test_a_line_that_completes_a_held_firing_says_so(workspace: Workspace) -> None:
    workspace.rule("errors", ERRORS)
    workspace.append(*(screen(f"error {number}", START + 60 * number) for number in range(6)))
    assert "then, at 09:05:00: held by cooldown until 10:02:00  group display:1\n" in explained(workspace, "errors", 6)


def test_a_silence_tells_when_it_is_due(workspace: Workspace) -> None:
    workspace.rule("quiet", "absent: {when: transcript}\nfor: 10m\n")
    workspace.append(spoken("hello", 0), screen("a desk", START + 240))
    assert "quiet for 4m of 10m since 09:00:00; due at 09:10:00\n" in explained(workspace, "quiet", 2)


def test_a_line_that_is_none_is_refused(workspace: Workspace) -> None:
    workspace.rule("errors", ERRORS)
    workspace.append(screen("error", START), screen("error", START), b"{broken\n", b"\n", screen("x", START + 5))
    for line, said in ((2, "the same event came before"), (3, "not-json"), (4, "is blank"), (9, "has no line 9")):
        result = workspace.call("explain", "rules/errors.yaml", "--events", workspace.journal, "--line", line)
        assert (result.code, said in result.err) == (4, True), result.err
