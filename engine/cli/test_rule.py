"""`engine test-rule`: what a rule makes of a recording, and of its own tests."""

from __future__ import annotations

import re
from collections.abc import Sequence

import click

from engine.cli.exits import ExitCode
from engine.cli.fail_on import FAIL_ON, complaints, fail_on_option
from engine.cli.golden import messages
from engine.cli.golden import save as save_golden
from engine.cli.output import printed_to
from engine.cli.replay_view import too_many_bad
from engine.cli.settings import Settings, load_settings
from engine.cli.trial import Ask, Trial, check_ask, try_out
from engine.cli.trial_view import print_trial
from engine.cli.words import plural, say
from engine.run.replay import place_of
from engine.source.recording import expand

__all__ = ["FORMATS", "command"]

FORMATS = ("text", "json", "junit", "tap", "markdown")

HELP = f"""Try rules on a recording, and run their own tests.

\b
engine test-rule rules/slack.yaml                     its own tests
engine test-rule rules/slack.yaml --events rec.jsonl  every firing, and why
engine test-rule rules/slack.yaml --events rec.jsonl --from 10:00 --to 10:20
engine test-rule rules/slack.yaml --events rec.jsonl --explain 702

\b
Keep what it does today, and see after an edit whether it still does:
engine test-rule rules/slack.yaml --events rec.jsonl --save-expect slack.json
engine test-rule rules/slack.yaml --events rec.jsonl --expect slack.json

\b
Or compare with the last commit, or with another rule:
engine test-rule rules/slack.yaml --events rec.jsonl --against HEAD
engine test-rule rules/slack.yaml --events rec.jsonl --against draft.yaml

The engine itself does it, with the recording's clock; nothing is sent unless --send names a destination. A file of
tests that names its rules (docs/rules.md, 12) can stand in the place of a rule.

--fail-on takes {", ".join(FAIL_ON)}: a rule that told nothing, a warning about it, a value of a wrong type in its
filter, more summaries in a day than it may have (or a rule outside its own `expect`).

Exit codes: 0 fine, 1 a test failed, --fail-on found something, or the firings differ from --expect or --against,
2 a rule, test or option is invalid, 3 nothing to run, 4 the recording cannot be read or holds more bad lines than
--max-bad.
"""


@click.command("test-rule", help=HELP, short_help="Try rules on a recording, and run their own tests.")
@click.argument("rules", nargs=-1, required=True, metavar="RULE...")
@click.option("--events", multiple=True, metavar="REC", help="Recording or glob, again for more.")
@click.option("--from", "since", metavar="T", help="Begin here: 10:15:00, 90s from the first event, or a full date.")
@click.option("--to", "until", metavar="T", help="End here.")
@click.option("--session", metavar="ID", help="Show rules the events of this capture session only.")
@click.option("--near", default=3, show_default=True, metavar="N", help="Show this many near misses a rule.")
@click.option("--explain", metavar="LINE", help="Explain one event only: its line, REC:LINE, or its id.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--out", metavar="FILE", help="Write the report to a file.")
@click.option("--save-expect", metavar="F", help="Write the firings to a golden file.")
@click.option("--expect", metavar="F", help="Compare the firings with a golden file.")
@click.option("--against", metavar="V", help="Compare with a git revision of these rules, or with another rule file.")
@click.option("--fail-on", metavar="WORDS", help="Exit 1 on these as well, separated by commas.")
@click.option("--watch", is_flag=True, help="Do it again whenever a rule file is saved.")
@click.option("--send", metavar="DEST", help="Really send the messages, only to this destination of engine.yaml.")
@click.option("--config", metavar="FILE", help="The engine.yaml that declares DEST.")
@click.option("--max-bad", default=100, show_default=True, metavar="N", help="Bad lines a recording may have.")
@click.option("--all", "all_", is_flag=True, help="Print every firing, not the first ten.")
def command(
    rules: tuple[str, ...], events: tuple[str, ...], since: str | None, until: str | None, session: str | None,
    near: int, explain: str | None, form: str, out: str | None, save_expect: str | None, expect: str | None,
    against: str | None, fail_on: str | None, watch: bool, send: str | None, config: str | None, max_bad: int,
    all_: bool,
) -> int:  # fmt: skip
    """Test rules."""
    ask = Ask(
        rules, events, since, until, session, near, form, out, save_expect, expect, against, explain, send,
        fail_on_option(fail_on), config, max_bad, all_,
    )  # fmt: skip
    check_ask(ask)
    if not watch:
        return _once(ask)
    from engine.cli.watch import repeat

    return repeat(rules, lambda: _once(ask))


def _once(ask: Ask) -> int:
    if ask.explain is not None:
        return _explain(ask, ask.explain)
    settings = load_settings(ask.config)
    trial = try_out(ask, settings)
    with printed_to(ask.out):
        print_trial(ask, trial, settings)
    if ask.out is not None:
        say(f"report written to {ask.out}")
    return _verdict(ask, settings, trial)


def _verdict(ask: Ask, settings: Settings, trial: Trial) -> int:
    replayed = trial.replayed
    if replayed is None and not trial.results:
        say("nothing to run: no tests in these rules, and no --events")
        return ExitCode.NOTHING
    if replayed is not None:
        if too_many_bad(replayed, ask.max_bad):
            return ExitCode.DEGRADED
        if not replayed.events:
            say("no event in this recording and time span")
            return ExitCode.NOTHING
        if ask.save is not None:
            say(f"{plural(save_golden(ask.save, replayed.firings), 'firing')} saved in {ask.save}")
    found = complaints(ask, trial)
    for line in found:
        say(line, "red")
    failed = bool(trial.failed) or bool(found) or _differs(trial)
    if replayed is not None and ask.send is not None:
        failed = not _send(ask.send, settings, trial) or failed
    return ExitCode.FAILED if failed else ExitCode.OK


def _differs(trial: Trial) -> bool:
    """Tell whether the firings are others than those of the golden file, or of the other version."""
    golden, versions = trial.golden, trial.versions
    return bool(golden is not None and golden.size) or bool(versions is not None and versions.changed.size)


def _send(name: str, settings: Settings, trial: Trial) -> bool:
    """Really send every message to one destination, whatever the rules say. Returns whether all went out."""
    from engine.cli.sending import send_all

    firings = trial.replayed.firings if trial.replayed is not None else []
    return send_all(name, settings, messages(firings))


def _explain(ask: Ask, named: str) -> int:
    """Show every condition of the rules against one event."""
    from engine.cli.explain import command as explain

    recording, line = _place(named, expand(ask.events))
    for number, rule in enumerate(ask.rules):
        if number:
            click.echo()
        click.get_current_context().invoke(explain, rule=rule, events=recording, line=line)
    return ExitCode.OK


def _place(named: str, recordings: Sequence[str]) -> tuple[str, int]:
    """Return the recording and line that `702`, `L702`, `rec.jsonl:702` or an event's id means."""
    found = re.fullmatch(r"(?:(.+):)?L?([0-9]{1,9})", named)
    if found is None or (found[1] is None and len(named) >= 12 and not named.startswith("L")):
        return place_of(recordings, named)
    if found[1] is not None:
        return found[1], int(found[2])
    if len(recordings) > 1:
        raise click.UsageError(f"--explain {named}: which recording? Write {recordings[0]}:{found[2]}")
    return recordings[0], int(found[2])
