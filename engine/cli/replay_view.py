"""A replay on a terminal: a timeline, each firing with its evidence and its message, and what nearly fired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import click

from engine.cli.timeline import MARKS, Axis, length_text, timeline
from engine.cli.words import plural, say, styled
from engine.core.compile import CompiledRule
from engine.core.explain import Finding, explain, find, spans
from engine.core.moment import clock_text
from engine.core.near import Near
from engine.core.subject import Subject
from engine.model.event import Event
from engine.model.match import Firing, Reason
from engine.model.window import Sequence as InOrder
from engine.model.window import Together
from engine.run.evidence import pieces, reason
from engine.run.outcome import item_count
from engine.run.replay import Replay
from engine.sink.neutralize import safe_line

__all__ = ["MOST_FIRINGS", "Page", "firing_lines", "found_in", "held_line", "print_rule", "too_many_bad"]

MOST_FIRINGS = 10
MOST_EVIDENCE = 6
MOST_LINES = 6
# A digest is read for what is in it.
MOST_DIGEST_LINES = 20
INDENT = " " * 6
_COLORS = {"fired": "green", "digest": "cyan", "escalated": "yellow", "resolved": "blue", "health": "magenta"}


class Page:
    """What the pages of all rules share: the replay and the zone in which times are shown.

    `rows` are the instants at which each step of each rule was seen.
    """

    def __init__(
        self,
        replayed: Replay,
        offset_min: Callable[[int], int],
        most: int = MOST_FIRINGS,
        rows: dict[str, dict[str, list[int]]] | None = None,
    ) -> None:
        self.replayed = replayed
        self.most = most
        self.rows = rows or {}
        self._offset_min = offset_min
        self.axis = Axis(replayed.first_ms, replayed.last_ms, self.clock)

    def clock(self, at_ms: int) -> str:
        """Return local wall-clock time."""
        return clock_text(at_ms, self._offset_min(at_ms))


def print_rule(page: Page, compiled: CompiledRule, firings: Sequence[Firing], near: Sequence[Near], seen: int) -> None:
    """Print one rule's page. `seen` is how many near misses there were before the list was cut."""
    rule, replayed = compiled.rule, page.replayed
    length = length_text(replayed.first_ms, replayed.last_ms)
    click.echo(f"{styled(rule.name, 'bright_white')}   {rule.span.file}   {length}, {plural(replayed.events, 'event')}",
               color=True)  # fmt: skip
    told = [firing for firing in firings if firing.reason in (None, Reason.QUIET)]
    drawn = timeline(page.axis, page.rows.get(rule.name, {}), firings, page.clock)
    if drawn:
        click.echo("\n" + "\n".join(drawn))
    for firing in told[: page.most]:
        click.echo()
        for line in firing_lines(page, compiled, firing):
            click.echo(f"  {line}", color=True)
    if len(told) > page.most:
        click.echo(f"\n  ... and {plural(len(told) - page.most, 'firing')} more (--all shows them)")
    click.echo(f"\n  {_told_line(told)}{held_line(firings)}")
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


def _told_line(told: Sequence[Firing]) -> str:
    """Return what was told, by kind: `2 firings, 1 digest, 1 resolved`."""
    counts: Counter[str] = Counter(firing.kind for firing in told)
    words = {"fired": "firing", "digest": "digest"}
    parts = [plural(counts[kind], word) for kind, word in words.items() if counts[kind]]
    parts += [f"{count} {kind}" for kind, count in counts.items() if kind not in words]
    return ", ".join(parts) or plural(0, "firing")


def held_line(firings: Sequence[Firing]) -> str:
    """Return what the gates held: `; held: 149 by cooldown`, or nothing."""
    held = Counter(one.reason.value for one in firings if one.reason not in (None, Reason.QUIET, Reason.DIGEST))
    waited = sum(one.reason is Reason.QUIET for one in firings)
    parts = [f"{count} by {reason}" for reason, count in held.items()]
    return (f"; held: {', '.join(parts)}" if parts else "") + (f"; {waited} sent when quiet ended" if waited else "")


def firing_lines(page: Page, compiled: CompiledRule, firing: Firing) -> list[str]:
    """Return one message with what it rests on, newest first, as lines without indentation."""
    match = firing.match
    group = f"  group {safe_line(match.group, 60)}" if match.group is not None else ""
    why = safe_line(_why(page, compiled, firing), 160)
    mark = styled(MARKS[firing.kind], _COLORS[firing.kind])
    lines = [f"{mark} {page.clock(match.at_ms)}{group}" + (f"  {why}" if why else "")]
    lines += _because(page, compiled, firing)
    if firing.destinations:
        lines.append(f"    would send to {', '.join(firing.destinations)}")
        lines.append(f"      | Title  {safe_line(firing.title, 160)}")
        body = firing.body.split("\n")
        most = MOST_LINES if firing.kind != "digest" else MOST_DIGEST_LINES
        lines += [f"      | {safe_line(line, 160)}" for line in body[:most]]
        lines += [f"      | ... {plural(len(body) - most, 'line')} more"] if len(body) > most else []
    if compiled.rule.record is not None and firing.kind == "fired":
        lines.append(f"    records a line in {compiled.rule.record}")
    return lines


def _why(page: Page, compiled: CompiledRule, firing: Firing) -> str:
    if firing.kind == "digest":
        return f"digest of {item_count(firing)}"
    why = reason(compiled.rule, firing.match, page.clock)
    if firing.kind == "fired":
        return why
    word = {"escalated": "still open", "resolved": "resolved", "health": "the rule's own health"}[firing.kind]
    return f"{word}: {why}" if why else word


def _because(page: Page, compiled: CompiledRule, firing: Firing) -> list[str]:
    """Return the lines of evidence, the one that completed the pattern first."""
    found = [piece for piece in reversed(pieces(firing.match)) if piece.event.line_no]
    if firing.kind == "digest" and found:
        return [f"    collected from L{found[-1].event.line_no} to L{found[0].event.line_no}"]
    width = max((len(piece.step) for piece in found), default=0)
    times = len(found) > 1 or compiled.rule.window is not None
    lines = []
    for number, (step, event) in enumerate(found[:MOST_EVIDENCE]):
        named = f"{safe_line(step, 40):<{width}}  " if width else ""
        when = f"{page.clock(event.at_ms)} " if times else ""
        stream = safe_line(event.stream or event.kind, 60)
        head = "because  " if not number else " " * 9
        lines.append(f"    {head}{named}L{event.line_no} {when}{stream}  {_marked(compiled, event, step)}")
    more = len(found) - MOST_EVIDENCE
    if more > 0:
        lines.append(f"    {'':9}... and {plural(more, 'line')} more, from L{found[-1].event.line_no}")
    return lines


def found_in(compiled: CompiledRule, event: Event, step: str = "") -> Finding:
    """Return why the event belongs to the evidence: by the condition of its step, or of the rule."""
    window = compiled.rule.window
    if isinstance(window, Together | InOrder):
        for spec in window.steps:
            if spec.name == step.partition(" + ")[0]:
                return find(spec.condition, Subject(event))
    return explain(compiled, Subject(event))


def _marked(compiled: CompiledRule, event: Event, step: str) -> str:
    """Return the event's text with the matched words in brackets, cut around the first of them."""
    if event.text is None:
        return safe_line(f"{event.kind}.{event.status}" if event.status else event.kind, 80)
    text, places = event.text, spans(found_in(compiled, event, step))
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
        click.echo(f"{INDENT}          {safe_line(one.missing, 160)}    {safe_line(one.hint, 80)}".rstrip())
