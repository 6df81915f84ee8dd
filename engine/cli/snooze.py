"""`engine snooze`: no messages of a rule for a while."""

from __future__ import annotations

import click

from engine.cli.asking import ask, opened
from engine.cli.exits import ExitCode
from engine.cli.known_rules import known_rules, names_in
from engine.cli.settings import load_settings
from engine.cli.words import duration_option
from engine.core.moment import clock_text, date_text, duration_text
from engine.core.schedule import Offset, next_ms
from engine.model.request import Request
from engine.model.window import Timer
from engine.rulebook.scalars import ScalarError, clock_time
from engine.run.clock import now_ms, zone_offset

__all__ = ["command", "until_instant"]

HELP = """Send no messages of a rule for a while.

\b
engine snooze transcript-went-quiet 2h
engine snooze transcript-went-quiet until 14:00
engine snooze transcript-went-quiet --off

The rule goes on watching. What it would have sent is held and counted in the message after the snooze; windows,
digests and incidents stay as they are. Works whether or not `engine run` runs.

Exit codes: 0 asked, 2 unknown rule or odd time, 4 the state folder cannot be used.
"""


@click.command("snooze", help=HELP, short_help="Send no messages of a rule for a while.")
@click.argument("rule", metavar="RULE")
@click.argument("when", nargs=-1, metavar="2h | until 14:00")
@click.option("--off", is_flag=True, help="Take a snooze back.")
@click.option("--rules", multiple=True, metavar="PATH", help="Rule file or folder, again for more (default ./rules).")
@click.option("--state", metavar="DIR", help="The engine's state folder.")
@click.option("--config", metavar="FILE", help="The engine.yaml to use.")
def command(
    rule: str, when: tuple[str, ...], off: bool, rules: tuple[str, ...], state: str | None, config: str | None
) -> int:
    """Snooze a rule."""
    if off == bool(when):
        raise click.UsageError("say for how long (2h), until when (until 14:00), or --off")
    settings = load_settings(config, rules, state=state)
    now, offsets = now_ms(), zone_offset(settings.config.zone)
    until_ms = now if off else until_instant(when, now, offsets)
    with opened(settings.state) as store:
        status = store.status()
        known_rules(settings, names_in(store.load().states, status.counters)).find(rule)
        words = f"{rule}: snooze taken back" if off else f"{rule}: snoozed {_until_words(now, until_ms, offsets)}"
        ask(store, Request("snooze", rule, now, None, until_ms), words, status.holder)
    return ExitCode.OK


def until_instant(when: tuple[str, ...], now: int, offsets: Offset) -> int:
    """Return the instant that `2h` or `until 14:00` means: the next time the local clock shows that.

    Errors: a usage error that says how to write it.
    """
    text = " ".join(when)
    if not text.startswith("until"):
        span_ms = duration_option(text.removeprefix("for "), "snooze")
        if not span_ms:
            raise click.UsageError("snooze: 0 is no time; --off takes a snooze back")
        return now + span_ms
    try:
        minutes = clock_time(text.removeprefix("until").strip())
    except ScalarError as error:
        raise click.UsageError(f"snooze: {error.message}; {error.hint}") from error
    return next_ms(Timer(at_min=(minutes,)), now, offsets)


def _until_words(now: int, until_ms: int, offsets: Offset) -> str:
    offset = offsets("local", until_ms)
    day, clock = date_text(until_ms, offset), clock_text(until_ms, offset)
    today = date_text(now, offsets("local", now))
    length = duration_text((until_ms - now) // 1000 * 1000)
    return f"until {clock if day == today else f'{day} {clock}'} ({length})"
