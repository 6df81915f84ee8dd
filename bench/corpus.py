"""Rules and journals for the benches: made-up words by Zipf's law, so that rare needles are rare.

Mix and shape follow the measurements this project started from: per hundred rules, contains 40, any-of-list 25,
all-of-list 4, regex 10, equality with a number 11, number only 5, jmespath 4, negation 1.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

START_S = 1_772_618_396.0
VOCABULARY = 5_000_000
STREAMS = (("rts-mic", "mic:default"), ("rts-sys", "system_audio:default"), ("rts-scr", "display:1"))
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "is", "on", "ul")]


def word(rank: int) -> str:
    """Return the word of a rank: always the same, at least two syllables."""
    letters = []
    rank += len(SYLLABLES)
    while rank:
        rank, digit = divmod(rank, len(SYLLABLES))
        letters.append(SYLLABLES[digit])
    return "".join(letters)


def zipf_rank(rng: random.Random) -> int:
    """Return a rank by Zipf's law with exponent 1: equally likely in each power of two."""
    return int(VOCABULARY ** rng.random()) - 1


def journal_lines(count: int, seed: int = 1) -> Iterator[bytes]:
    """Yield that many journal lines, ten a second, as a listener writes them."""
    rng = random.Random(seed)
    at = START_S
    for number in range(count):
        at += rng.random() * 0.2
        kind = rng.choices(("transcript", "visual_index", "audio_index", "alert"), (50, 35, 5, 10))[0]
        stream_id, stream = STREAMS[2 if kind in ("visual_index", "alert") else rng.randrange(2)]
        words = [word(zipf_rank(rng)) for _ in range(rng.randint(12, 36))]
        if rng.random() < 0.1:
            words[rng.randrange(len(words))] = rng.choice(("café", "naïve", "Übung", "東京", "—"))
        data = {"text": " ".join(words).capitalize() + ".", "start": int(at * 1000) - 3000, "end": int(at * 1000) - 200}
        if kind == "transcript":
            data["is_final"] = True
        if kind == "alert":
            data |= {"label": f"label_{rng.randrange(200)}", "confidence": round(rng.random(), 7), "triggered": True}
        clock = f"{int(at) // 3600 % 24:02}:{int(at) // 60 % 60:02}:{int(at) % 60:02}.{number % 1000:03}"
        body = {
            "ts": f"2026-03-04T{clock}+00:00",
            "unix_ts": round(at, 6), "channel": kind, "rtstream_id": stream_id, "rtstream_name": stream, "data": data,
        }  # fmt: skip
        yield json.dumps(body).encode() + b"\n"


def write_journal(path: Path, count: int, seed: int = 1) -> Path:
    """Write a journal and return its path."""
    with path.open("wb") as file:
        file.writelines(journal_lines(count, seed))
    return path


def rule_texts(count: int, seed: int = 2) -> Iterator[str]:
    """Yield that many rules of the mix as YAML."""
    rng = random.Random(seed)

    def rare() -> str:
        return word(rng.randrange(2_000, VOCABULARY))

    for number in range(count):
        kind = rng.choice(("transcript", "visual_index", "audio_index"))
        share = number % 100
        head = f"  - name: r{number}\n    cooldown: 5m\n"
        if share < 40:
            yield f"{head}    when: {kind}\n    contains: {rare()}\n"
        elif share < 65:
            yield f"{head}    when: {kind}\n    contains: [{', '.join(rare() for _ in range(rng.randint(2, 8)))}]\n"
        elif share < 69:
            yield f"{head}    when: {kind}\n    contains_all: [{rare()}, {rare()}]\n"
        elif share < 79:
            yield f"{head}    when: {kind}\n    regex: '\\b({rare()}|{rare()})\\w*\\b'\n"
        elif share < 90:
            yield (f"{head}    when: alert\n    where: {{label: label_{rng.randrange(2000)}, "
                   f"confidence: {{gte: {rng.random():.2f}}}}}\n")  # fmt: skip
        elif share < 95:
            yield f"{head}    when: alert\n    where: {{confidence: {{gte: {1 - rng.random() / (5 * count):.7f}}}}}\n"
        elif share < 99:
            yield f"{head}    filter: \"channel == '{kind}' && has(_.text, '{rare()}')\"\n"
        else:
            yield f"{head}    when: audio_index\n    not: {{contains: {word(0)}}}\n    word: {rare()}\n"


def write_rules(path: Path, count: int, seed: int = 2) -> Path:
    """Write the rules, 200 a file (a file may not be larger than 256 kB), and return the folder."""
    path.mkdir(parents=True, exist_ok=True)
    texts = list(rule_texts(count, seed))
    for start in range(0, len(texts), 200):
        (path / f"rules{start:06}.yaml").write_text("rules:\n" + "".join(texts[start : start + 200]), encoding="utf-8")
    return path
