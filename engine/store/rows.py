"""Model values as columns, and back.

Only packing lives here, no SQL. What `pack` wrote, `unpack` reads back equal, whatever text or size it held.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from engine.model.checkpoint import SourceRecord
from engine.model.delivery import Delivery, DeliveryState
from engine.model.event import BadLine, Gap, Position
from engine.model.notification import Notification, SummaryRequest
from engine.model.request import Request
from engine.model.summary import Answer
from engine.store.limits import clip

__all__ = [
    "DELIVERY", "DamageError", "answer", "bad_line", "decision", "delivery", "gap", "pack_answer", "pack_bad_line",
    "pack_decision", "pack_gap", "pack_notification", "pack_request", "pack_source", "request", "source", "text",
    "untext",
]  # fmt: skip

DELIVERY: Final = "id, key, destination, state, tries, crashes, created_ms, due_ms, last_error, record"
"""The columns that `delivery` reads, in its order."""

_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))
_SOURCE_FIELDS: Final = tuple(field.name for field in fields(SourceRecord))
_REQUEST_FIELDS: Final = tuple(field.name for field in fields(Request) if field.name != "id")
_SUMMARY_FIELDS: Final = tuple(field.name for field in fields(SummaryRequest))
_NOTIFICATION_FIELDS: Final = tuple(
    field.name for field in fields(Notification) if field.name not in {"key", "destination"}
)


class DamageError(Exception):
    """A stored record cannot be read back: the file was changed by something other than us."""


def text(value: str) -> str | bytes:
    """Return what SQLite can hold: the text itself, or bytes when a lone surrogate keeps it from being UTF-8."""
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
    return value


def untext(value: str | bytes) -> str:
    """Undo `text`."""
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value


def pack_source(record: SourceRecord) -> str:
    """Return the JSON of a source record."""
    values = {name: getattr(record, name) for name in _SOURCE_FIELDS}
    values["guard"] = record.guard.hex()
    return _pack(values)


def source(packed: str) -> SourceRecord:
    """Return the source record. Errors: `DamageError`."""
    values = _unpack(packed)
    try:
        return SourceRecord(**values | {"guard": bytes.fromhex(values["guard"])})
    except (KeyError, TypeError, ValueError) as error:
        raise DamageError("a source record does not read back") from error


def pack_notification(notification: Notification) -> str:
    """Return the JSON of all fields but `key` and `destination`, which are columns."""
    values = {name: getattr(notification, name) for name in _NOTIFICATION_FIELDS}
    asked = notification.request
    if asked is not None:
        values["request"] = {name: getattr(asked, name) for name in _SUMMARY_FIELDS}
    return _pack(values)


def delivery(row: tuple[Any, ...]) -> Delivery:
    """Return the outbox row. Shape: the columns of `DELIVERY`. Errors: `DamageError`."""
    number, key, destination, state, tries, crashes, created_ms, due_ms, last_error, record = row
    values = _unpack(record)
    try:
        if values.get("request") is not None:
            values["request"] = _summary_request(values["request"])
        notification = Notification(key=untext(key), destination=untext(destination), **values)
        return Delivery(
            id=number,
            notification=notification,
            state=DeliveryState(state),
            tries=tries,
            created_ms=created_ms,
            due_ms=due_ms,
            crashes=crashes,
            last_error=untext(last_error),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DamageError("an outbox row does not read back") from error


def pack_bad_line(line: BadLine) -> str:
    """Return the JSON of a bad line, clipped."""
    return _pack(line._asdict() | {"head": clip(line).head.hex()})


def bad_line(packed: str) -> BadLine:
    """Return the bad line. Errors: `DamageError`."""
    values = _unpack(packed)
    try:
        return BadLine(**values | {"position": Position(*values["position"]), "head": bytes.fromhex(values["head"])})
    except (KeyError, TypeError, ValueError) as error:
        raise DamageError("a bad line does not read back") from error


def pack_gap(missing: Gap) -> str:
    """Return the JSON of a gap."""
    return _pack(missing._asdict())


def gap(packed: str) -> Gap:
    """Return the gap. Errors: `DamageError`."""
    try:
        return Gap(**_unpack(packed))
    except TypeError as error:
        raise DamageError("a gap does not read back") from error


def pack_decision(at_ms: int, body: str) -> str:
    """Return the JSON of one decision of a rule's ring."""
    return _pack({"at_ms": at_ms, "body": body})


def decision(packed: str) -> tuple[int, str]:
    """Return (at_ms, JSON text). Errors: `DamageError`."""
    values = _unpack(packed)
    try:
        return values["at_ms"], values["body"]
    except KeyError as error:
        raise DamageError("a decision does not read back") from error


def pack_request(asked: Request) -> str:
    """Return the JSON of all fields but `id`, which is a column."""
    return _pack({name: getattr(asked, name) for name in _REQUEST_FIELDS})


def request(packed: str) -> Request:
    """Return the request. Errors: `DamageError`."""
    values = _unpack(packed)
    try:
        return Request(**values)
    except TypeError as error:
        raise DamageError("a request does not read back") from error


def pack_answer(given: Answer) -> str:
    """Return the JSON of an answer to a summary request."""
    return _pack(given._asdict())


def answer(packed: str) -> Answer:
    """Return the answer. Errors: `DamageError`."""
    values = _unpack(packed)
    try:
        return Answer(**values)
    except TypeError as error:
        raise DamageError("a summary does not read back") from error


def _summary_request(values: dict[str, Any]) -> SummaryRequest:
    lines = tuple((label, said) for label, said in values["lines"])
    return SummaryRequest(**values | {"lines": lines})


def _pack(values: Mapping[str, Any]) -> str:
    # ASCII only: a lone surrogate becomes an escape that reads back, where UTF-8 would refuse it.
    return _ENCODER.encode(values)


def _unpack(packed: str) -> dict[str, Any]:
    try:
        values = json.loads(packed)
    except (TypeError, ValueError) as error:
        raise DamageError("a record is not JSON") from error
    if not isinstance(values, dict):
        raise DamageError("a record is not a JSON object")
    return values
