"""Cost of regular expressions, Python's matcher against ours: one JSON line, CPU time, best of several runs.

Run: python bench/regex_engines.py
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable

from engine.core.regex import REGEX_TEXT_MAX, compile_pattern
from engine.core.regex_linear import Automaton
from engine.core.regex_tree import read

BENIGN_TEXT = (
    "The slide shows the quarterly plan with three columns and a chart; Ana says that the deadline for the invoice "
    "moves to next Friday, and asks whether the error in the export was found. Somebody shares a browser window."
)
BENIGN = {
    "word": r"\binvoice\b",
    "alternatives": r"\b(error|exception|traceback)\b",
    "absent": r"kubernetes",
    "one gap": r"deadline.*friday",
    "two gaps": r"ana.*deadline.*friday",
    "groups": r"(?P<who>\w+) says that the (?P<what>\w+)",
    "nested": r"(\w+\s?)*invoice$",
}
HOSTILE = {
    r"(a+)+$": "a" * (REGEX_TEXT_MAX - 1) + "!",
    r"(a|aa)+$": "a" * (REGEX_TEXT_MAX - 1) + "!",
    r"(.*)*x": "a" * REGEX_TEXT_MAX,
    r"(\w+\s?)*invoice$": "a" * (REGEX_TEXT_MAX - 1) + "!",
    r".*.*.*=": "a" * REGEX_TEXT_MAX,
    r"\s*slack\s*$": " " * (REGEX_TEXT_MAX - 1) + "x",
    r"(a|b)*a(a|b){12}c": "abbabaab" * (REGEX_TEXT_MAX // 8),
    r"(\w|\d|_)+@": "".join(map(chr, range(0x4E00, 0x4E00 + REGEX_TEXT_MAX))),
}
PYTHON_LETTERS = 20
"""Letters of the hostile texts that Python's matcher is given, since with 20,000 it would not end."""


def cpu_s(call: Callable[[], object], times: int, runs: int = 5) -> float:
    best = float("inf")
    for _ in range(runs):
        began = time.process_time()
        for _ in range(times):
            call()
        best = min(best, time.process_time() - began)
    return best / times


def benign(pattern: str) -> dict[str, int]:
    python = re.compile(pattern, re.IGNORECASE)
    ours = compile_pattern(pattern)
    linear = Automaton(read(pattern, False).root)
    row = {
        "ours_ns": cpu_s(lambda: ours.holds(BENIGN_TEXT), 2_000),
        "ours_search_ns": cpu_s(lambda: ours.search(BENIGN_TEXT), 200),
        "linear_ns": cpu_s(lambda: linear.holds(BENIGN_TEXT), 2_000),
    }
    if pattern != BENIGN["nested"]:
        row["re_ns"] = cpu_s(lambda: python.search(BENIGN_TEXT), 2_000)
    return {name: round(seconds * 1e9) for name, seconds in row.items()}


def hostile(pattern: str, text: str) -> dict[str, float]:
    root = read(pattern, False).root
    ours = compile_pattern(pattern)
    python = re.compile(pattern, re.IGNORECASE)
    short = text[: PYTHON_LETTERS - 1] + text[-1]
    row = {
        "ours_first_ms": cpu_s(lambda: Automaton(root).holds(text), 1, 3),
        "ours_ms": cpu_s(lambda: ours.holds(text), 1, 3),
        "ours_search_ms": cpu_s(lambda: ours.search(text), 1, 3),
        f"re_{PYTHON_LETTERS}_letters_ms": cpu_s(lambda: python.search(short), 1, 1),
    }
    return {name: round(seconds * 1e3, 2) for name, seconds in row.items()}


def re_dead_after_s(pattern: str, text: str, limit_s: float) -> bool:
    """Tell whether Python's matcher is still busy with the whole text after this long, in a child process."""
    code = "import re, sys; re.compile(sys.argv[1], re.I).search(sys.stdin.read())"
    try:
        subprocess.run([sys.executable, "-c", code, pattern], input=text, text=True, timeout=limit_s, check=True)
    except subprocess.TimeoutExpired:
        return True
    return False


def main() -> None:
    result = {
        "python": platform.python_version(),
        "benign": {name: benign(pattern) for name, pattern in BENIGN.items()},
        "hostile": {
            pattern: hostile(pattern, text) | {"re_busy_after_3_s": re_dead_after_s(pattern, text, 3)}
            for pattern, text in HOSTILE.items()
        },
    }
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
