"""Events per CPU second through the whole of `engine backtest`, at 10 to 10,000 mixed rules; one JSON line.

`share_of_parsing` is that speed over orjson's alone in the same run, which a noisy machine cannot distort.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import orjson

from bench.corpus import write_journal, write_rules
from engine.core.compile import compile_rulebook
from engine.core.evaluator import Evaluator
from engine.rulebook.parse import parse_rules
from engine.run.clock import zone_offset
from engine.run.replay import replay
from engine.source.rules_dir import read_rules


def main(lines: int = 60_000, sizes: tuple[int, ...] = (10, 100, 1_000, 10_000)) -> None:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        journal = write_journal(Path(folder) / "journal.jsonl", lines)
        started = time.process_time()
        for line in journal.open("rb"):
            orjson.loads(line)
        parse_s = time.process_time() - started
        for size in sizes:
            read = read_rules([str(write_rules(Path(folder) / f"rules{size}", size))])
            started = time.process_time()
            parsed = parse_rules(read.files, None)
            assert not parsed.problems, parsed.problems[:3]
            loaded_s = time.process_time() - started
            started = time.process_time()
            program = compile_rulebook(parsed.rulebook)
            for kind in ("transcript", "visual_index", "audio_index", "alert"):
                program.index(kind)
            compiled_s = time.process_time() - started
            started = time.process_time()
            result = replay(Evaluator(program, {"default": ("console",)}, zone_offset("UTC")), [str(journal)])
            spent = time.process_time() - started
            hits = sum(count for name, count in result.counters.items() if name.startswith("rule."))
            found.append({
                "rules": size, "events_per_cpu_s": round(lines / spent), "us_per_event": round(spent / lines * 1e6, 2),
                "share_of_parsing": round(parse_s / spent, 3), "hits_per_event": round(hits / lines, 4),
                "parse_rules_s": round(loaded_s, 3), "compile_s": round(compiled_s, 3),
            })  # fmt: skip
    by_size = {row["rules"]: row["us_per_event"] for row in found}
    print(json.dumps({
        "bench": "backtest", "lines": lines, "orjson_events_per_cpu_s": round(lines / parse_s), "sizes": found,
        "cost_10k_over_1k": round(by_size[10_000] / by_size[1_000], 2) if 10_000 in by_size else None,
        "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }))  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60_000)
