"""`engine run`: the whole product in one terminal."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click

from engine.cli.exits import ExitCode
from engine.cli.settings import Settings, load_settings
from engine.cli.words import duration_option, logs_to_stderr, plural, print_problems, say
from engine.core.decision import decided_words, decision_of_request
from engine.core.evaluator import Evaluator
from engine.core.moment import clock_text
from engine.model.checkpoint import Checkpoint
from engine.model.errors import ConfigError, Problem, RulebookError
from engine.model.match import Firing, Reason
from engine.run.clock import now_ms, zone_offset
from engine.run.library import Library
from engine.run.live import Answer, Helping, Pipeline
from engine.run.loop import follow, read_once
from engine.run.ports import Store
from engine.run.supervise import CourierProcess
from engine.sink.neutralize import safe_line
from engine.source.patterns import expand as expand_now
from engine.source.patterns import is_glob
from engine.source.recording import Recording, expand
from engine.source.tail import Bounds, Tail

__all__ = ["command"]

HELP = """Tail the journal, match the rules, deliver the messages.

\b
engine run                              the recorder's journal, with ./rules
engine run --events rec.jsonl --from start --once      a recording, then stop
engine run --events rec.jsonl --dry-run      what would be sent; sends nothing

The first start reads from the end of the journal; later ones go on where the last one stopped, so nothing is
missed in between. Edit a rule while it runs: it takes effect within a second, and a broken edit changes nothing.
Stop with Ctrl-C: what is in flight is finished first, what is not sent yet waits in the outbox. A second Ctrl-C
ends it at once, and is safe too.

Exit codes: 0 stopped as asked (by Ctrl-C too), or with --once all delivered; 2 rules, config or command line
invalid; 3 no journal matches; 4 journal or state folder cannot be used, or something is left undelivered;
130 --once was interrupted.
"""


@click.command("run", help=HELP, short_help="Tail the journal, match the rules, deliver the messages.")
@click.option("--rules", multiple=True, metavar="PATH", help="Rule file or folder, again for more (default ./rules).")
@click.option("--events", multiple=True, metavar="FILE|GLOB", help="Journal to read, again for more.")
@click.option("--config", metavar="FILE", help="The engine.yaml to use (default ./engine.yaml, if there is one).")
@click.option("--state", metavar="DIR", help="Where positions and the outbox are kept; one engine a folder.")
@click.option(
    "--from",
    "start",
    type=click.Choice(["start", "end"]),
    help="Where the very first run begins: end, or with --dry-run start.",
)
@click.option(
    "--once", is_flag=True, help="Read to the end, deliver, and stop; exit 4 when something stays undelivered."
)
@click.option(
    "--wait", default="60s", metavar="TIME", show_default=True, help="With --once: how long to wait for retries."
)
@click.option("--dry-run", is_flag=True, help="Print what would be sent; write no state and send nothing.")
@click.option("--recover", is_flag=True, help="Set a damaged state file aside, save what can be read, and go on.")
@click.option("--quiet", is_flag=True, help="Say nothing but messages and errors.")
def command(
    rules: tuple[str, ...], events: tuple[str, ...], config: str | None, state: str | None, start: str | None,
    once: bool, wait: str, dry_run: bool, recover: bool, quiet: bool,
) -> int:  # fmt: skip
    """Run the engine."""
    duration_option(wait, "--wait")
    settings = load_settings(config, rules, events, state)
    logs_to_stderr(logging.WARNING, settings.config.secrets)
    library, evaluator_of = _prepare(settings)
    _refuse_odd_journals(settings, once or dry_run)
    voice = _Voice(settings, quiet, dry_run)
    if recover:
        _recover(settings)
    store = _open_store(settings, dry_run)
    try:
        checkpoint = store.load()
        evaluator = evaluator_of(checkpoint)
        source = _open_source(settings, checkpoint, start or ("start" if dry_run else "end"))
        pipeline = Pipeline(source, store, evaluator, now_ms, settings.config.privacy.excerpt)
        voice.start(len(evaluator.program.rules))
        try:
            if once or dry_run:
                read_once(pipeline, source, voice)
            else:
                courier = CourierProcess(_deliver_command(settings, "--child"))
                follow(pipeline, source, library, settings.routes, voice, courier)
        finally:
            source.close()
    finally:
        store.close()
    voice.finish()
    return _deliver_once(settings, wait) if once and not dry_run else ExitCode.OK


def _prepare(settings: Settings) -> tuple[Library, Callable[[Checkpoint], Evaluator]]:
    library = Library(settings.rules, settings.config.names())
    loaded = library.load()
    if loaded.is_broken:
        raise RulebookError(loaded.problems)
    if loaded.program is None or not loaded.program.rules:
        where = ", ".join(settings.rules)
        raise ConfigError(f"no rules in {where}; write one with `engine new NAME`, or name a folder with --rules")
    if loaded.problems:
        print_problems(loaded.problems)
    program = loaded.program
    offsets = zone_offset(settings.config.zone)

    def evaluator(checkpoint: Checkpoint) -> Evaluator:
        return Evaluator(program, settings.routes(program), offsets, checkpoint.states, settings.config.limits)

    return library, evaluator


def _open_store(settings: Settings, dry_run: bool) -> Store:
    if dry_run:
        from engine.store.memory import MemoryStore

        return MemoryStore()
    from engine.store.sqlite import SqliteStore

    store = SqliteStore.open(settings.state, role="engine", now_ms=now_ms())
    for warning in store.warnings:
        say(warning, "yellow")
    return store


def _recover(settings: Settings) -> None:
    from engine.store.sqlite import SqliteStore

    recovery = SqliteStore.recover(settings.state, now_ms())
    saved = ", ".join(f"{count} {table}" for table, count in recovery.rows.items())
    say(f"the damaged file is kept as {recovery.moved_to}; saved: {saved or 'nothing'}", "yellow")
    if recovery.damaged:
        say(f"lost in part: {', '.join(recovery.damaged)}", "red")


def _refuse_odd_journals(settings: Settings, once: bool) -> None:
    """Refuse what can never be read; with `once`, also what is not there: nobody will wait for it."""
    for path in expand(settings.journals if once else [name for name in settings.journals if Path(name).exists()]):
        if once or not Path(path).is_file():
            Recording(path).close()


def _open_source(settings: Settings, checkpoint: Checkpoint, start: str) -> Tail:
    return Tail(
        settings.journals,
        checkpoint.sources,
        "start" if start == "start" else "end",
        bounds=Bounds(line=settings.config.limits.max_line_bytes),
    )


def _deliver_command(settings: Settings, *more: str) -> list[str]:
    config = ["--config", settings.config_file] if settings.config_file is not None else []
    return [sys.executable, "-m", "engine", "deliver", "--state", settings.state, *config, *more]


def _deliver_once(settings: Settings, wait: str) -> int:
    code = subprocess.run(_deliver_command(settings, "--once", "--wait", wait), check=False).returncode
    return code if code >= 0 else ExitCode.DEGRADED  # killed: what it did not send waits in the outbox


class _Voice:
    """Says on stderr what the loop does: one line a firing, and what a person would otherwise wonder about."""

    def __init__(self, settings: Settings, quiet: bool, dry_run: bool) -> None:
        self._settings = settings
        self._offset = zone_offset(settings.config.zone)
        self._quiet = quiet
        self._dry_run = dry_run
        self._totals: Counter[str] = Counter()
        self._bad_told: set[str] = set()
        self._from_end = False

    def start(self, rules: int) -> None:
        """Say what is read, and by how many rules."""
        if self._quiet:
            return
        settings = self._settings
        say(f"{plural(rules, 'rule')} from {', '.join(settings.rules)}")
        say(f"reading {', '.join(settings.journals)}")
        for path in settings.journals:
            if is_glob(path) and not expand_now([path]):
                say(f"no file matches {path} yet; waiting for one", "yellow")
            elif not is_glob(path) and not Path(path).exists():
                say(f"waiting for {path}, which does not exist yet", "yellow")

    def note(self, text: str) -> None:
        """Say something good to know: reading begins at the end."""
        self._from_end = True
        if not self._quiet:
            say(safe_line(text))

    def warn(self, text: str) -> None:
        """Say something to see to."""
        say(safe_line(text), "yellow")

    def helping(self, helping: Helping) -> None:
        """Tell the firings of one round, what can no longer be read, and each new kind of bad line once."""
        output = helping.output
        self._totals.update(output.counters)
        for gap in helping.gaps:
            self.warn(f"{gap.path}: a part from byte {gap.offset:,} on can no longer be read: {gap.reason}")
        for bad in output.bad_lines:
            reason = bad.reason.partition(":")[0]
            if reason not in self._bad_told:
                self._bad_told.add(reason)
                self.warn(f"{bad.path}:{bad.line_no}: skipped a line: {bad.reason} (kept; see `engine status`)")
        for name in output.counters:
            if name.startswith("rule.") and name.endswith(".broken"):
                rule = name.removeprefix("rule.").removesuffix(".broken")
                self.warn(f"{rule} was switched off by a fault of the engine; `engine status {rule}` has more")
        for answer in helping.answers:
            self._answer(answer)
        for firing in output.firings:
            self._tell(firing)

    def _answer(self, answer: Answer) -> None:
        if not self._quiet:
            words = decided_words(decision_of_request(*answer), self._clock)
            say(f"{self._clock(now_ms())}  asked   {safe_line(answer.request.rule, 80)}  {words}")

    def _clock(self, at_ms: int) -> str:
        return clock_text(at_ms, self._offset("local", at_ms))

    def _tell(self, firing: Firing) -> None:
        if firing.reason not in (None, Reason.QUIET) or (self._quiet and not self._dry_run):
            return
        at = clock_text(firing.match.at_ms, self._offset("local", firing.match.at_ms))
        to = ", ".join(firing.destinations) or "record"
        if firing.reason is Reason.QUIET:
            say(f"{at}  waits   {firing.match.rule}  until quiet hours end")
        elif self._dry_run:
            click.echo(f"{at}  would send to {to}: {safe_line(firing.title)}")
            for line in firing.body.split("\n"):
                click.echo(f"    {safe_line(line)}")
        else:
            say(f"{at}  fired   {firing.match.rule} -> {to}", "green")

    def reloaded(self, rules: int, problems: tuple[Problem, ...], mended: bool) -> None:
        """Say that an edit took effect, or why it did not."""
        broken = [problem for problem in problems if problem.severity == "error"]
        if broken:
            print_problems(broken)
            say("the last good version of these rules goes on", "yellow")
        elif not self._quiet:
            say(f"{'mended' if mended else 'rules read again'}: {plural(rules, 'rule')} in force", "green")

    def finish(self) -> None:
        """Say what the whole run came to."""
        if not self._quiet:
            fired = sum(count for name, count in self._totals.items() if name.endswith(".fired"))
            bad = self._totals["lines.bad"]
            say(f"{plural(self._totals['lines'], 'line')}, {plural(fired, 'firing')}"
                + (f", {plural(bad, 'bad line')} kept" if bad else ""))  # fmt: skip
            if self._from_end and not self._totals["lines"]:
                say("on its first run the engine begins at the end of a journal; `--from start` reads all of it")
