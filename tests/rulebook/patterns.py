"""All that can be said about time, each with what it means: for the tests of the parser and of the schema."""

from __future__ import annotations

from typing import Any

from engine.model.condition import AllOf, AnyOf, Kinds, Selector, Text
from engine.model.rule import Digest, Escalation, Expect, Incident, Summarize
from engine.model.window import (
    Absent,
    Changes,
    Count,
    FirstSeen,
    Held,
    Sequence,
    Spike,
    StepSpec,
    Timer,
    Together,
    Track,
)

S, M, H, D = 1_000, 60_000, 3_600_000, 86_400_000
ANY = Kinds((Selector("any"),))
SCREEN = Kinds((Selector("visual_index"),))
SPEECH = Kinds((Selector("transcript"),))
ACTIVE = Kinds((Selector("session", "active"),))


def _text(op: Any, needle: str) -> Text:
    return Text(op, (needle,))


A = StepSpec("a", AllOf((SCREEN, _text("contains", "x"))))
B = StepSpec("b", AllOf((SPEECH, _text("word", "y"))))
NOT_B = StepSpec("b", B.condition, negated=True)
TWO = "a: {when: screen, contains: x}, b: {when: transcript, word: y}"
CALM = "a: {when: screen, contains: x}, b: {not: {when: transcript, word: y}}"

# (rule, window); places in the file are left out of the comparison.
WINDOWS: list[tuple[str, Any]] = [
    ("when: any\ncount: 3 within 10m\n", Count(3, 10 * M)),
    ("when: any\ncount: '3   within 1h 30m'\n", Count(3, 90 * M)),
    ("when: any\ncount: 10000 within 7d\n", Count(10_000, 7 * D)),
    ("when: any\ncount: {at_least: 2, within: 10m}\n", Count(2, 10 * M)),
    ("when: any\ncount: {at_least: 5, within: 1h, distinct: _.stream}\n", Count(5, H, "_.stream")),
    ("when: any\ncount: 3 within 10m\nreset: keep\n", Count(3, 10 * M, keep=True)),
    ("when: any\ncount: {at_least: 3, within: 10m, distinct: a}\nreset: keep\n", Count(3, 10 * M, "a", True)),
    ("when: any\ncount: {at_most: 2, within: 1h}\n", Absent(H, 2)),
    ("when: any\ncount: {at_most: 0, within: 1h}\nwhile: session.active\n", Absent(H, 0, "active")),
    (f"together: {{{TWO}}}\nwithin: 2m\n", Together((A, B), 2 * M, 2)),
    (f"together: {{{CALM}}}\nwithin: 2m\n", Together((A, NOT_B), 2 * M, 1)),
    (f"together: {{{TWO}, c: {{when: alert}}}}\nwithin: 2m\nat_least: 2\n",
     Together((A, B, StepSpec("c", Kinds((Selector("alert"),)))), 2 * M, 2)),
    ("when: screen\ntogether: {a: {contains: x}, b: {word: y}}\nwithin: 7d\n",
     Together((StepSpec("a", _text("contains", "x")), StepSpec("b", _text("word", "y"))), 7 * D, 2)),
    ("together: [{a: {when: screen, contains: x}}, {b: {when: transcript, word: y}}]\nwithin: 2m\n",
     Together((A, B), 2 * M, 2)),
    (f"sequence: {{{TWO}}}\nwithin: 2m\n", Sequence((A, B), 2 * M, 2)),
    (f"sequence: {{{CALM}}}\nwithin: 2m\nat_least: 1\n", Sequence((A, NOT_B), 2 * M, 1)),
    ("sequence:\n  - b: {when: transcript, word: y}\n  - a: {when: screen, contains: x}\nwithin: 30s\n",
     Sequence((B, A), 30 * S, 2)),
    ("sequence: {a: {when: screen, contains: x}, b: {not: [{when: transcript, word: y}, {when: alert}]}}\nwithin: 1m\n",
     Sequence((A, StepSpec("b", AnyOf((B.condition, Kinds((Selector("alert"),)))), True)), M, 1)),
    ("absent: {when: transcript}\nfor: 10m\n", Absent(10 * M)),
    ("absent: {when: transcript}\nfor: 10m\nwhile: session.active\n", Absent(10 * M, during="active")),
    ("when: screen\nfor: 5m\n", Held(5 * M, 90 * S)),
    ("when: screen\nfor: 1m\n", Held(M, M)),
    ("when: screen\nfor: 5m\ngap: 5m\n", Held(5 * M, 5 * M)),
    ("when: screen\nfor: 5m\ngap: 0s\n", Held(5 * M, 0)),
    ("when: screen\nchanges: data.app\n", Changes("data.app")),
    ("when: screen\nfirst_seen: data.app\n", FirstSeen("data.app", 30 * D)),
    ("when: screen\nfirst_seen: {path: data.app, memory: 2h}\n", FirstSeen("data.app", 2 * H)),
    ("when: screen\nspike: true\n", Spike(3.0, 10 * M, H, 5)),
    ("when: screen\nspike: {window: 1m}\n", Spike(3.0, M, 6 * M, 5)),
    ("when: screen\nspike: {ratio: 1.5, window: 1d, baseline: 6d, min: 1}\n", Spike(1.5, D, 6 * D, 1)),
    ("when: screen\ntrack: data.app\n", Track("data.app", 90 * S, 0)),
    ("when: screen\ntrack: {key: data.app, gap: 2m, min: 10s}\n", Track("data.app", 2 * M, 10 * S)),
    ("every: 30m\n", Timer(every_ms=30 * M)),
    ("every: 1m\ndays: weekend\nzone: Europe/Berlin\nmissed: skip\nwhile: session.active\n",
     Timer(M, (), (5, 6), "Europe/Berlin", False, "active")),
    ("at: '18:00'\nmissed: once\n", Timer(at_min=(1_080,))),
    ("at: [18:00, 9:05]\ndays: [mon, thu-fri]\n", Timer(None, (545, 1_080), (0, 3, 4))),
]  # fmt: skip

# (lines below `when: any`, field of the rule, value)
PARTS: list[tuple[str, str, Any]] = [
    ("digest: {every: 30m}", "digest", Digest((Timer(30 * M),))),
    ("digest: {every: 30m, at: session_end, min: 3}", "digest", Digest((Timer(30 * M),), True, minimum=3)),
    ("digest: {at: ['18:00', session_end, '9:00'], days: mon-fri}", "digest",
     Digest((Timer(at_min=(540, 1_080), days=(0, 1, 2, 3, 4)),), True)),
    ("digest: {every: 1h, at: '18:00', days: sun}\nzone: UTC", "digest",
     Digest((Timer(H, days=(6,), zone="UTC"), Timer(None, (1_080,), (6,), "UTC")))),
    ("digest: {or_at: 200}", "digest", Digest(or_at=200)),
    ("digest: {every: 30m, or_at: 20, min: 20, send_empty: true}", "digest",
     Digest((Timer(30 * M),), or_at=20, minimum=20, send_empty=True)),
    ("summarize: true\ndigest: {or_at: 5}", "summarize", Summarize()),
    ("summarize: false\ndigest: {or_at: 5}", "summarize", None),
    ("summarize: {prompt: Decisions.}\ndigest: {or_at: 5}", "summarize", Summarize("Decisions.")),
    ("summarize: {max_chars: 500, fallback: terms, budget: 5}\ndigest: {or_at: 5}", "summarize",
     Summarize("", 500, "terms", 5)),
    ("summarize: {budget: 3/day, fallback: none}\ndigest: {or_at: 5}", "summarize", Summarize("", 1_500, "none", 3)),
    ("summarize: {budget: 0}\ndigest: {or_at: 5}", "summarize", Summarize(budget=0)),
    ("escalate: [{after: 5m, notify: oncall}]", "incident",
     Incident((Escalation(5 * M, ("oncall",)),), until_acked=True)),
    ("escalate:\n  - {after: 5m, notify: [a, b, a]}\n  - {after: 5m, notify: c, repeat: 15m, max: 4}\nuntil: acked",
     "incident", Incident((Escalation(5 * M, ("a", "b")), Escalation(5 * M, ("c",), 15 * M, 4)), until_acked=True)),
    ("escalate: [{after: 5m, notify: a, repeat: 1m}]\nuntil: session.active", "incident",
     Incident((Escalation(5 * M, ("a",), M, 10),), ACTIVE)),
    ("escalate: [{after: 5m, notify: a}]\nabsent: {when: screen}\nfor: 5m", "incident",
     Incident((Escalation(5 * M, ("a",)),))),
    ("until: [acked, session.active, engine.late, screen]", "incident",
     Incident(until=Kinds((Selector("session", "active"), Selector("engine", "late"), Selector("visual_index"))),
              until_acked=True)),
    ("expect: {max: 20/day}", "expect", Expect(D, None, 20)),
    ("expect: {min: 1/week}", "expect", Expect(7 * D, 1)),
    ("expect: {min: 2/h, max: 3/60m}", "expect", Expect(H, 2, 3)),
    ("count: 3 within 10m\nlateness: 0s", "lateness_ms", 0),
    ("changes: a\nlateness: 10m", "lateness_ms", 600_000),
]  # fmt: skip
