"""A rule's pattern, and what follows a firing over time, in words: what `engine explain` says, one sentence a fact."""

from __future__ import annotations

from typing import assert_never

from engine.core.express import as_jmespath
from engine.core.health import period_name
from engine.core.moment import duration_text
from engine.model.rule import Digest, Incident, Rule
from engine.model.window import (
    Absent,
    Changes,
    Count,
    FirstSeen,
    Held,
    Sequence,
    Spike,
    Timer,
    Together,
    Track,
    Window,
)

__all__ = ["effect_words", "ending_words", "pattern_words"]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def pattern_words(rule: Rule) -> str:
    """Return the pattern as one sentence, or nothing for a rule that needs one event only."""
    if rule.window is None:
        return ""
    words = _words(rule.window)
    if rule.by and not isinstance(rule.window, Timer):
        words += f", for each {', '.join(rule.by)} apart"
    return words


def ending_words(rule: Rule) -> tuple[str, ...]:
    """Return what happens after a firing of the pattern, and how long it waits for late lines."""
    words = []
    match rule.window:
        case Count(keep=True):
            words.append("the window rolls on after a firing")
        case Count():
            words.append("then the window is emptied")
        case Together() | Sequence():
            words.append("then what came before is forgotten")
        case Absent():
            words.append("it fires once, and is over when one comes")
        case Held():
            words.append("it fires once, and is over when the silence passes the gap")
        case _:
            pass
    if rule.window is not None and rule.lateness_ms is not None:
        wait = f"{duration_text(rule.lateness_ms)} for late lines" if rule.lateness_ms else "for no late line"
        words.append(f"it waits {wait}")
    return tuple(words)


def effect_words(rule: Rule) -> tuple[str, ...]:
    """Return what becomes of firings beyond a message at once: digest, summary, incident, and the rule's own health."""
    words = []
    if rule.digest is not None:
        words.append(_digest(rule.digest))
    if rule.summarize is not None:
        summary = rule.summarize
        size = f"at most {summary.max_chars:,} characters, {summary.budget} a day"
        words.append(f"summed up in {size}; else {summary.fallback}")
    if rule.incident is not None:
        words += _incident(rule.incident, isinstance(rule.window, Absent | Held))
    if rule.expect is not None:
        expect = rule.expect
        bounds = [f"more than {expect.at_most}"] if expect.at_most is not None else []
        bounds += [f"fewer than {expect.at_least}"] if expect.at_least is not None else []
        words.append(f"reports itself when it tells {' or '.join(bounds)} in a local {period_name(expect)}")
    return tuple(words)


def _digest(digest: Digest) -> str:
    times = [_clock(timer) for timer in digest.timers] + (["when the session ends"] if digest.at_session_end else [])
    times += [f"when {digest.or_at} wait"] if digest.or_at is not None else []
    least = f", at least {digest.minimum}" if digest.minimum > 1 else ""
    return f"collected, and told {', '.join(times)}{least}{', even if there are none' if digest.send_empty else ''}"


def _incident(incident: Incident, is_lasting: bool) -> list[str]:
    words = []
    for step in incident.steps:
        again = f", again every {duration_text(step.repeat_ms)} up to {step.most} times" if step.repeat_ms else ""
        words.append(f"still open after {duration_text(step.after_ms)}: tell {', '.join(step.notify)}{again}")
    ends = [f"an event with {as_jmespath(incident.until)}"] if incident.until is not None else []
    ends += ["the pattern is over"] if is_lasting else []
    ends += ["somebody acks it"] if incident.until_acked or not ends else []
    words.append(f"open until {' or '.join(ends)}")
    return [*words, *(["told again when it is over"] if incident.resolve is not None else [])]


def _words(window: Window) -> str:
    match window:
        case Count(at_least, within_ms, distinct):
            what = "events" if distinct is None else f"different values of {distinct}"
            return f"{at_least} {what} within {duration_text(within_ms)}"
        case Together():
            return f"{_steps(window)}, in any order, within {duration_text(window.within_ms)} of each other"
        case Sequence():
            return f"{_steps(window)}, in this order, the last within {duration_text(window.within_ms)} of the first"
        case Absent() | Held():
            return _lasting(window)
        case Timer():
            return _timer(window)
        case _:
            return _values(window)


def _lasting(window: Absent | Held) -> str:
    match window:
        case Absent(for_ms, at_most, during):
            what = "no event" if not at_most else f"at most {at_most} {'event' if at_most == 1 else 'events'}"
            return f"{what} for {duration_text(for_ms)}{_during(during)}"
        case Held(for_ms, gap_ms):
            return f"events for {duration_text(for_ms)}, with no silence longer than {duration_text(gap_ms)} in between"
        case _:
            assert_never(window)


def _values(window: Changes | FirstSeen | Spike | Track) -> str:
    match window:
        case Changes(path):
            return f"{path} is another than the last time"
        case FirstSeen(path, memory_ms):
            return f"a value of {path} that did not occur for {duration_text(memory_ms)}"
        case Spike(ratio, window_ms, baseline_ms, minimum):
            return (
                f"at least {minimum} events in {duration_text(window_ms)}, and {ratio:g} times as many as usual in the "
                f"{duration_text(baseline_ms)} before"
            )
        case Track(path, gap_ms, min_ms):
            least = f" of at least {duration_text(min_ms)}" if min_ms else ""
            return f"each span{least} with the same {path}; a silence of more than {duration_text(gap_ms)} ends it"
        case _:
            assert_never(window)


def _steps(window: Together | Sequence) -> str:
    positive = [step.name for step in window.steps if not step.negated]
    names = [f"no {step.name}" if step.negated else step.name for step in window.steps]
    joined = (", then " if isinstance(window, Sequence) else " and ").join(names)
    if window.at_least < len(positive):
        return f"{window.at_least} of the {len(positive)} steps {joined}"
    return joined


def _during(during: str | None) -> str:
    return "" if during is None else f" while a session is {during}"


def _timer(timer: Timer) -> str:
    return _clock(timer) + _during(timer.during) + ("; what was slept through fires once" if timer.missed_once else "")


def _clock(timer: Timer) -> str:
    if timer.every_ms is not None:
        words = f"every {duration_text(timer.every_ms)}"
    else:
        words = "at " + ", ".join(f"{minute // 60:02}:{minute % 60:02}" for minute in timer.at_min)
    if len(timer.days) < len(_DAYS):
        words += " on " + ", ".join(_DAYS[day] for day in timer.days)
    if timer.zone != "local":
        words += f" in {timer.zone}"
    return words
