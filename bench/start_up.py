"""CPU time of short commands, above a bare interpreter's, and what `engine run` imports; one JSON line.

Each figure is the best of five child processes: the least disturbed one says what the program costs.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.corpus import rule_texts


def cpu_ms(arguments: list[str], times: int = 5) -> float:
    best = float("inf")
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best, spent * 1000)
    return round(best, 1)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules"
        rules.mkdir()
        for number, text in enumerate(rule_texts(100)):
            (rules / f"r{number:03}.yaml").write_text("rules:\n" + text, encoding="utf-8")
        recording = Path(folder) / "one.jsonl"
        recording.write_text('{"channel": "transcript", "unix_ts": 1772618396.0, "data": {"text": "hello"}}\n', "utf-8")
        imported = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "engine", "run", "--once", "--dry-run", "--rules", str(rules),
             "--events", str(recording), "--from", "start"],
            capture_output=True, text=True, check=True,
        ).stderr  # fmt: skip
        modules = {line.rsplit("|", 1)[-1].strip() for line in imported.splitlines() if line.startswith("import time")}
        print(json.dumps({
            "bench": "start_up", "unit": "CPU ms, best of 5",
            "bare_interpreter": cpu_ms(["-c", "pass"]),
            "engine_help": cpu_ms(["-m", "engine", "--help"]),
            "check_100_rules": cpu_ms(["-m", "engine", "check", str(rules)]),
            "test_rule_1_rule": cpu_ms(
                ["-m", "engine", "test-rule", str(rules / "r000.yaml"), "--events", str(recording)]
            ),
            "capture_help": cpu_ms(["-m", "capture", "--help"]),
            "run_imports": {name: any(one.split(".")[0] == name for one in modules)
                            for name in ("apprise", "videodb", "websockets", "asyncio")},
        }))  # fmt: skip


if __name__ == "__main__":
    main()
