"""From one generation of a log to the next: after a truncation, or when other content took its inode."""

from __future__ import annotations

from dataclasses import replace

from engine.model.event import Gap
from engine.source.files import id_at
from engine.source.fingerprint import blank, first_line
from engine.source.ledger import DONE, LEFT
from engine.source.log import Log
from engine.source.roster import Roster
from engine.source.rotated import Absent, Found, find, siblings

__all__ = ["begin_again", "end", "truncated"]


def truncated(roster: Roster, log: Log, now_ms: int) -> None:
    """Go on after a truncation: first with the rest of the last generation, if a copy of it is found."""
    if log.next is not None:
        end(roster, log, "changed", now_ms)
        return
    beside = [one for one in siblings(log.real or log.path) if one.file != log.file]
    found = find(log.record, beside, lambda archive: roster.settled(archive, now_ms))
    if isinstance(found, Found):
        log.next, log.descriptor = log.descriptor, None
        log.read_from(found)
    elif found is Absent.GROWING:
        log.stalled = True
    else:
        end(roster, log, "truncated", now_ms)


def end(roster: Roster, log: Log, reason: str, now_ms: int) -> None:
    """End a generation. The next one begins when all that came and went between the two has been read.

    Even when the rest was read from a copy, what was written between the end of the copy and the truncation is
    nowhere: only a gap can tell. Until the next generation begins the record stays, so that a start finds the
    same again.
    """
    log.idle = False
    missed = roster.between(log, now_ms, ended_ns=log.record.seen_ms * 1_000_000, turning=True)
    if missed is None:
        log.stalled = True
        return
    log.ended = reason
    log.wait_for(missed)


def _keep_copy(roster: Roster, log: Log) -> None:
    """Know the copy by itself from here, so that its lines are not read again; follow it if the user named it."""
    copied = log.source
    assert copied is not None and log.descriptor is not None
    copy = next((one for one in roster.logs if one is not log and one.claims(copied)), None)
    if copy is not None and copy.named:
        return
    path = next((path for path in roster.paths if id_at(path) == copied), None)
    uid = roster.ledger.name(path or log.path, first_line(log.descriptor, finished=True) or b"")
    status = LEFT if copy is not None and copy.left else "copy" if path else DONE
    device, inode = copied
    own = replace(log.record, uid=uid, generation=0, device=device, inode=inode, status=status)
    if copy is None:
        copy = Log(path or log.path, own, grown_ms=log.grown_ms)
        if path is not None:
            roster.logs.append(copy)
            roster.at[path] = copy
    roster.write(copy, replace(own, path=copy.path))


def begin_again(roster: Roster, log: Log, now_ms: int) -> Gap:
    """Start the next generation at 0; returns what may be missing of the last one."""
    gap = log.gap(log.ended)
    if log.next is not None:
        _keep_copy(roster, log)
        log.turn_over()
    old = log.record
    fresh = blank(old.path, log.source or log.file, roster.boot, old.uid)
    roster.write(log, replace(fresh, generation=old.generation + 1, status=old.status, seen_ms=old.seen_ms))
    log.head, log.rest, log.grown_ms, log.ended = b"", 0, now_ms, ""
    return gap
