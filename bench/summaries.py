"""The summary without a model, measured against people's: a table of ROUGE F1 by recording, and the time it takes.

A recording's `audio_index` texts are summaries that people wrote; the input is what was said in that span. Beside
`extract` stand the first sentences, the first characters and sentences at random, all at the same length.
Run: `python -m bench.summaries [FOLDER] [--chars 400]`, or one line of JSON with `--json`.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from bench.rouge import rouge_1, rouge_l
from engine.core import sentences
from engine.core.extract import extract

CHARS = 400
SEEDS = 30
SPANS = Path(__file__).parents[1] / "tests" / "data" / "spans"

_END = re.compile(r"(?<=[.!?])\s+")


class Span(NamedTuple):
    """What was said in a span, and how a person summed it up."""

    lines: tuple[tuple[str, str], ...]
    reference: str


class Score(NamedTuple):
    """Units: F1 in percent."""

    rouge_1: float
    rouge_l: float


def spans(recording: Path) -> list[Span]:
    """Return the spans of a recording that have a summary and in which something was said."""
    events = [json.loads(line) for line in recording.read_text(encoding="utf-8").splitlines()]
    said = [event for event in events if event["channel"] == "transcript" and event["data"].get("is_final", True)]
    found = []
    for event in events:
        if event["channel"] == "audio_index":
            start, end = event["data"]["start"], event["data"]["end"]
            heard = [one for one in said if start <= one["data"]["start"] <= end]
            lines = tuple((one["rtstream_name"], one["data"]["text"]) for one in heard)
            found += [Span(lines, event["data"]["text"])] if lines else []
    return found


def scores(found: Sequence[Span], chars: int) -> dict[str, Score]:
    """Return the mean of each way to sum up over the spans; `random` is the mean of 30 seeds a span."""
    ways: dict[str, list[list[str]]] = {"extract": [], "lead-n": [], "lead-cut": [], "random": []}
    for span in found:
        told = [part for _, text in span.lines for part in _END.split(text) if part]
        ways["extract"].append([" ".join(extract(span.lines, chars))])
        ways["lead-n"].append([_packed(range(len(told)), told, chars)])
        ways["lead-cut"].append([" ".join(told)[:chars]])
        ways["random"].append([_packed(_shuffled(len(told), seed), told, chars) for seed in range(SEEDS)])
    return {way: _mean(found, texts) for way, texts in ways.items()}


def _mean(found: Sequence[Span], texts: list[list[str]]) -> Score:
    pairs = list(zip(found, texts, strict=True))
    return Score(
        100 * mean(mean(rouge_1(text, span.reference) for text in some) for span, some in pairs),
        100 * mean(mean(rouge_l(text, span.reference) for text in some) for span, some in pairs),
    )


def _shuffled(count: int, seed: int) -> list[int]:
    order = list(range(count))
    random.Random(seed).shuffle(order)
    return order


def _packed(order: Iterable[int], told: Sequence[str], chars: int) -> str:
    """Take sentences in this order as long as they fit; return them in order of time."""
    taken: list[int] = []
    left = chars
    for number in order:
        size = len(told[number]) + (1 if taken else 0)
        if size <= left:
            taken.append(number)
            left -= size
    return " ".join(told[number] for number in sorted(taken))


def speed_ms(found: Iterable[Span]) -> float:
    """Return the CPU time of the slowest of five runs on 24,000 characters of speech. Units: milliseconds."""
    lines = [line for span in found for line in span.lines]
    text, size = [], 0
    while size < 24_000:
        for line in lines:
            text.append(line)
            size += len(line[1])
    slowest = 0.0
    for _ in range(5):
        sentences._taken_apart.cache_clear()  # a text nobody has seen yet
        began = time.process_time()
        extract(text, 1_500)
        slowest = max(slowest, time.process_time() - began)
    return round(slowest * 1_000, 1)


def table(measured: dict[str, tuple[int, dict[str, Score]]]) -> str:
    """Return the figures as rows of Markdown."""
    ways = ("extract", "lead-n", "lead-cut", "random")
    rows = ["| recording | spans | " + " | ".join(ways) + " |", "| --- | --- |" + " --- |" * len(ways)]
    for name, (count, by_way) in measured.items():
        cells = (f"{by_way[way].rouge_1:.1f} / {by_way[way].rouge_l:.1f}" for way in ways)
        rows.append(f"| {name} | {count} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", nargs="?", type=Path, default=SPANS, help="recordings (default: the spans in tests/data)"
    )
    parser.add_argument("--chars", type=int, default=CHARS, help="length of every summary (default 400)")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = {path.stem: spans(path) for path in sorted(asked.folder.glob("*.jsonl"))}
    measured = {name: (len(some), scores(some, asked.chars)) for name, some in found.items() if some}
    slowest = speed_ms(span for some in found.values() for span in some)
    if asked.json:
        means = {
            name: {way: score._asdict() for way, score in by_way.items()} for name, (_, by_way) in measured.items()
        }
        print(json.dumps({"bench": "summaries", "chars": asked.chars, "slowest_ms": slowest, "f1": means}))
        return
    print(f"ROUGE-1 / ROUGE-L F1 in percent, summaries of {asked.chars} characters, random: mean of {SEEDS} seeds\n")
    print(table(measured))
    print(f"\n24,000 characters take {slowest} ms of CPU time (slowest of five)")


if __name__ == "__main__":
    main()
