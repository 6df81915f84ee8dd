"""Cases A to E of the identity of a log, one row each."""

from __future__ import annotations

import pytest

from engine.source.identity import Facts, Verdict, decide

SAME = Facts(same_file=True, same_path=True, size=900, offset=500, head_len=500, head=True, guard=True)
OTHER = SAME._replace(same_file=False, same_path=False)
SAME_CUT = SAME._replace(size=400, guard=False)
OTHER_CUT = OTHER._replace(size=400, guard=False)


@pytest.mark.parametrize(
    ("case", "facts", "verdict"),
    [
        ("A grown", SAME, Verdict.CONTINUE),
        ("A at its end", SAME._replace(size=500), Verdict.CONTINUE),
        ("A under another name", SAME._replace(same_path=False), Verdict.CONTINUE),
        ("B truncated", SAME_CUT, Verdict.RESTART),
        ("B emptied, and a boot", SAME_CUT._replace(size=0, head=False, rebooted=True), Verdict.RESTART),
        ("B loss of power", SAME_CUT._replace(rebooted=True), Verdict.SHRUNK),
        ("B loss of power, too little to tell", SAME_CUT._replace(rebooted=True, head_len=63), Verdict.RESTART),
        ("B boot, but other content", SAME_CUT._replace(rebooted=True, head=False), Verdict.RESTART),
        ("C regrown, head differs", SAME._replace(head=False), Verdict.RESTART),
        ("C regrown, guard differs", SAME._replace(guard=False), Verdict.RESTART),
        ("C regrown after a boot", SAME._replace(guard=False, rebooted=True), Verdict.RESTART),
        ("C inode reused by another log", SAME._replace(same_path=False, head=False), Verdict.NEW),
        ("C inode reused by a shorter log", SAME_CUT._replace(same_path=False), Verdict.NEW),
        ("D moved", OTHER, Verdict.MOVED),
        ("D copy", OTHER._replace(original=True), Verdict.COPY),
        ("D too little to tell", OTHER._replace(head_len=63), Verdict.NEW),
        ("D copy in the making", OTHER_CUT._replace(original=True), Verdict.WAIT),
        ("D move in the making", OTHER_CUT, Verdict.WAIT),
        ("D copy that stopped", OTHER_CUT._replace(original=True, prefix=True, settled=True), Verdict.COPY),
        ("D likeness that stopped", OTHER_CUT._replace(original=True, settled=True), Verdict.NEW),
        ("D remainder of a log gone", OTHER_CUT._replace(settled=True), Verdict.NEW),
        ("E other content", OTHER._replace(head=False), Verdict.NEW),
        ("E same beginning only", OTHER._replace(guard=False), Verdict.NEW),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_every_case(case: str, facts: Facts, verdict: Verdict) -> None:
    assert decide(facts) is verdict
