"""Run every bench and write its figures into docs/performance.md, with the command that prints each."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- bench: written by bench/run_all.py -->", "<!-- end of bench -->"
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"

Rows = list[tuple[str, str]]


def start_up(found: dict[str, Any]) -> Rows:
    loaded = ", ".join(name for name, is_loaded in found["run_imports"].items() if is_loaded) or "none of them"
    return [
        ("`engine --help`, limit 150 ms", f"{found['engine_help']} ms CPU"),
        ("`engine check` on 100 rules, limit 300 ms", f"{found['check_100_rules']} ms CPU"),
        ("`engine test-rule`, one rule", f"{found['test_rule_1_rule']} ms CPU"),
        ("`capture --help`", f"{found['capture_help']} ms CPU"),
        ("a bare interpreter, for comparison", f"{found['bare_interpreter']} ms CPU"),
        ("`engine run` loads of apprise, videodb, websockets, asyncio", loaded),
    ]


def live_latency(found: dict[str, Any]) -> Rows:
    return [
        ("append to outbox commit, 1,001 rules, 100 lines/s; limit p50 5 ms, p99 25 ms",
         f"p50 {found['p50']} ms, p95 {found['p95']} ms, p99 {found['p99']} ms, worst {found['max']} ms"),
        ("`engine run` when nothing happens, limit 1 %", f"{found['idle_cpu_percent']} % of a core"),
    ]  # fmt: skip


def backtest(found: dict[str, Any]) -> Rows:
    rows = [
        (f"backtest at {row['rules']:,} mixed rules" + (", goal 100,000" if row["rules"] == 1000 else ""),
         f"{row['events_per_cpu_s']:,} events per CPU second ({row['share_of_parsing']} of parsing JSON alone)")
        for row in found["sizes"]
    ]  # fmt: skip
    return [
        *rows,
        ("parsing JSON alone, same run", f"{found['orjson_events_per_cpu_s']:,} events per CPU second"),
        ("cost at 10,000 rules over cost at 1,000, limit 2", f"{found['cost_10k_over_1k']}"),
        ("peak memory of that run, all sizes, limit 150 MiB", f"{found['peak_rss_mib']} MiB"),
    ]


def store_commit(found: dict[str, Any]) -> Rows:
    return [
        (f"state commits of {size} rows, {found['durability']} durability",
         f"{found[f'batch_{size}']['commits_per_s']:,}/s, {found[f'batch_{size}']['cpu_ms_per_commit']} ms CPU each")
        for size in (1, 100, 512)
    ]  # fmt: skip


def tail_read(found: dict[str, Any]) -> Rows:
    return [
        ("reading and splitting a journal that is followed", f"{found['tail_lines_per_cpu_s']:,} lines per CPU second"),
        ("reading and splitting a recording", f"{found['recording_lines_per_cpu_s']:,} lines per CPU second"),
    ]


def journal_write(found: dict[str, Any]) -> Rows:
    paced = found["paced"]
    complete = "all there, in order" if paced["in_order_and_complete"] else "NOT complete"
    return [
        ("journal, 10,000 lines/s for 10 s without fsync; limit p99 10 ms", f"p99 {paced['p99']} us, {complete}"),
        ("journal flat out, without fsync", f"{found['flat_out_never']['events_per_s']:,} lines/s"),
        ("journal flat out, fsync at most every 200 ms", f"{found['flat_out_auto']['events_per_s']:,} lines/s"),
    ]


def regex_engines(found: dict[str, Any]) -> Rows:
    hostile = found["hostile"]
    worst = max(hostile.items(), key=lambda item: item[1]["ours_first_ms"])
    benign = found["benign"]["word"]
    return [
        ("regex, a short text", f"{benign['ours_ns'] / 1000:.1f} us; Python's own {benign['re_ns'] / 1000:.1f} us"),
        (f"regex, worst of {len(hostile)} hostile patterns on 20,000 characters, limit 50 ms",
         f"{worst[1]['ours_first_ms']} ms"),
        ("of those, how many keep Python's own busy after 3 s",
         f"{sum(bool(one.get('re_busy_after_3_s')) for one in hostile.values())}"),
    ]  # fmt: skip


def windows(found: dict[str, Any]) -> Rows:
    one, many = found["hits"]
    return [
        (f"a hit of a rule over time, {many['groups']:,} live groups; limit 5 us",
         f"{many['us_per_hit']} us; with one group {one['us_per_hit']} us"),
        ("state rows in a commit after 100 hits",
         f"{many['rows_in_a_commit_of_100_hits']}, {many['us_per_row']} us each"),
        (f"start with {found['restart']['states']:,} open windows, limit 2 s", f"{found['restart']['seconds']} s CPU"),
    ]  # fmt: skip


def day(found: dict[str, Any]) -> Rows:
    return [
        (f"a day of {found['virtual_s']:,} s, {found['lines']:,} lines, through all {found['rules']} rules; limit 10 s",
         f"{found['wall_s']} s, {found['messages']:,} firings told"),
    ]  # fmt: skip


def summaries(found: dict[str, Any]) -> Rows:
    return [
        (f"offline summary of {name}, {found['chars']} characters: ROUGE-1 / ROUGE-L F1 in percent",
         ", ".join(f"{way} {score['rouge_1']:.1f} / {score['rouge_l']:.1f}" for way, score in ways.items()))
        for name, ways in found["f1"].items()
    ] + [("offline summary of 24,000 characters, limit 50 ms", f"{found['slowest_ms']} ms CPU")]  # fmt: skip


BENCHES: list[Callable[[dict[str, Any]], Rows]] = [
    start_up, live_latency, backtest, tail_read, store_commit, journal_write, regex_engines, windows,
    day, summaries,
]  # fmt: skip

OPTIONS = {"summaries": ("--json",)}


def main() -> None:
    lines = ["| what | figure | printed by |", "| --- | --- | --- |"]
    for bench in BENCHES:
        name = bench.__name__
        print(f"{name} ...", file=sys.stderr)
        asked = [sys.executable, "-m", f"bench.{name}", *OPTIONS.get(name, ())]
        done = subprocess.run(asked, stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        lines += [f"| {what} | {figure} | `python -m bench.{name}` |" for what, figure in bench(found)]
    lines += ["", f"Python {platform.python_version()}, {platform.system()} on {platform.machine()}, two shared cores."]
    page = PAGE.read_text(encoding="utf-8")
    before, after = page[: page.index(BEGIN) + len(BEGIN)], page[page.index(END) :]
    PAGE.write_text(before + "\n\n" + "\n".join(lines) + "\n\n" + after, encoding="utf-8")


if __name__ == "__main__":
    main()
