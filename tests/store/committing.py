"""A process that commits (or, as courier, claims and settles) until it is killed; see test_crash.py."""

from __future__ import annotations

import sys

from engine.core import retry
from engine.model.checkpoint import Commit, SourceRecord
from engine.model.delivery import Sent
from engine.model.event import BadLine, Position
from engine.model.notification import Notification
from engine.store.sqlite import SqliteStore

STATE = ("rule", "group")


def batch(number: int) -> Commit:
    source = SourceRecord("u", "/events.jsonl", 1, 2, 0, number, number, 0, "", b"")
    return Commit(
        now_ms=number,
        sources=(source,),
        states={STATE: b"%d" % number},
        notifications=(Notification(f"k{number}", "f", "rule", None, "me", "t", "x" * 300, "info", number),),
        bad_lines=(BadLine(Position("u:0", number), "/events.jsonl", number, "not-json", 1, b"{"),),
        counters={"batches": 1},
    )


def commit_for_ever(directory: str) -> None:
    store = SqliteStore.open(directory, role="engine", now_ms=0)
    number = int(store.load().states.get(STATE, b"0"))
    print("started", flush=True)  # noqa: T201
    while True:
        number += 1
        store.commit(batch(number))


def deliver_for_ever(directory: str) -> None:
    store = SqliteStore.open(directory, role="courier", now_ms=0)
    store.release(0)
    print("started", flush=True)  # noqa: T201
    while True:
        store.settle([retry.after(row, Sent(), row.due_ms, 0.0) for row in store.claim("me", 10**15, 1)])


if __name__ == "__main__":
    {"engine": commit_for_ever, "courier": deliver_for_ever}[sys.argv[1]](sys.argv[2])
