"""A replay on a terminal: a timeline, each firing with its evidence and its message, and what nearly fired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import click

from engine.cli.words import plural, say, styled
from engine.core.compile import CompiledRule
from engine.core.explain import explain, spans
from engine.core.moment import clock_text, duration_text
from engine.core.near import Near
from engine.core.subject import Subject
from engine.model.event import Event
from engine.model.match import Firing, Reason
from engine.run.replay import Replay
from engine.sink.neutralize import safe_line

__all__ = ["Page", "held_line", "print_rule", "too_many_bad"]

COLUMNS = 48
MOST_FIRINGS = 10
INDENT = " " * 6


class Page:
    """What the pages of all rules share: the replay and the zone in which times are shown."""

    def __init__(self, replayed: Replay, offset_min: Callable[[int], int], most: int = MOST_FIRINGS) -> None:
        self.replayed = replayed
        self.most = most
        self._offset_min = offset_min

    def clock(self, at_ms: int) -> str:
        """Return local wall-clock time."""
        return clock_text(at_ms, self._offset_min(at_ms))

    def column(self, at_ms: int) -> int:
        """Return the timeline column of an instant."""
        span = max(1, self.replayed.last_ms - self.replayed.first_ms)
        return min(COLUMNS - 1, max(0, (at_ms - self.replayed.first_ms) * COLUMNS // span))


def print_rule(page: Page, compiled: CompiledRule, firings: Sequence[Firing], near: Sequence[Near], seen: int) -> None:
    """Print one rule's page. `seen` is how many near misses there were before the list was cut."""
    rule, replayed = compiled.rule, page.replayed
    length = duration_text((replayed.last_ms - replayed.first_ms) // 1000 * 1000)
    click.echo(f"{styled(rule.name, 'bright_white')}   {rule.span.file}   {length}, {plural(replayed.events, 'event')}",
               color=True)  # fmt: skip
    told = [firing for firing in firings if firing.reason in (None, Reason.QUIET)]
    if firings:
        _print_timeline(page, firings)
    for firing in told[: page.most]:
        _print_firing(page, compiled, firing)
    if len(told) > page.most:
        click.echo(f"\n  ... and {plural(len(told) - page.most, 'firing')} more (--all shows them)")
    click.echo(f"\n  {plural(len(told), 'firing')}{held_line(firings)}")
    _print_near(page, near, seen)


def too_many_bad(replayed: Replay, most: int) -> bool:
    """Tell whether a replay met more bad lines than allowed, and if so say it, with the first of them."""
    count = replayed.counters["lines.bad"]
    if count <= most:
        return False
    bad = replayed.bad_lines[0]
    say(f"{plural(count, 'bad line')}, more than --max-bad {most}; the first:"
        f" {safe_line(bad.path)}:{bad.line_no}: {safe_line(bad.reason)}")  # fmt: skip
    return True


def held_line(firings: Sequence[Firing]) -> str:
    """Return what the gates held: `; held: 149 by cooldown`, or nothing."""
    held = Counter(one.reason.value for one in firings if one.reason not in (None, Reason.QUIET))
    waited = sum(one.reason is Reason.QUIET for one in firings)
    parts = [f"{count} by {reason}" for reason, count in held.items()]
    return (f"; held: {', '.join(parts)}" if parts else "") + (f"; {waited} sent when quiet ended" if waited else "")


def _print_timeline(page: Page, firings: Sequence[Firing]) -> None:
    """Draw when: `F` fired, `s` held by a gate, several marks in one column show the fired one."""
    row = ["."] * COLUMNS
    for firing in firings:
        column = page.column(firing.match.at_ms)
        if firing.reason is None:
            row[column] = "F"
        elif row[column] != "F":
            row[column] = "q" if firing.reason is Reason.QUIET else "s"
    first, last = page.clock(page.replayed.first_ms)[:5], page.clock(page.replayed.last_ms)[:5]
    click.echo(f"\n  {first} {''.join(row)} {last}    F fired  s held")


def _print_firing(page: Page, compiled: CompiledRule, firing: Firing) -> None:
    match = firing.match
    group = f"  group {safe_line(match.group, 60)}" if match.group is not None else ""
    click.echo(f"\n  {styled('F', 'green')} {page.clock(match.at_ms)}{group}", color=True)
    for event in match.events:
        stream = safe_line(event.stream or event.kind, 60)
        click.echo(f"{INDENT}because  L{event.line_no} {stream}  {_marked(compiled, event)}", color=True)
    if firing.destinations:
        click.echo(f"{INDENT}would send to {', '.join(firing.destinations)}")
        click.echo(f"{INDENT}  | {safe_line(firing.title, 160)}")
        for line in firing.body.split("\n")[:6]:
            click.echo(f"{INDENT}  | {safe_line(line, 160)}")
    if compiled.rule.record is not None:
        click.echo(f"{INDENT}records a line in {compiled.rule.record}")


def _marked(compiled: CompiledRule, event: Event) -> str:
    """Return the event's text with the matched words in brackets, cut around the first of them."""
    if event.text is None:
        return safe_line(f"{event.kind}.{event.status}" if event.status else event.kind, 80)
    text, places = event.text, spans(explain(compiled, Subject(event)))
    start = max(0, places[0][0] - 60) if places else 0
    end = min(len(text), start + 140)
    parts: list[str] = ["..."] if start else []
    at = start
    for a, b in places:
        if a >= at and b <= end:
            parts += [safe_line(text[at:a], 400), styled(f"[{safe_line(text[a:b], 400)}]", "yellow")]
            at = b
    parts += [safe_line(text[at:end], 400), "..." if end < len(text) else ""]
    return f'"{"".join(parts)}"'


def _print_near(page: Page, near: Sequence[Near], seen: int) -> None:
    if not near:
        return
    click.echo(f"\n  near misses ({len(near)} of {seen}, closest first)")
    for one in near:
        text = f'"{safe_line(one.event.text, 60)}"' if one.event.text else one.event.kind
        click.echo(f"{INDENT}{page.clock(one.event.seen_ms)}  L{one.event.line_no} {text}")
        click.echo(f"{INDENT}          {safe_line(one.missing, 160)}    {safe_line(one.hint, 80)}")
