"""Deliveries for the tests of this room."""

from __future__ import annotations

from typing import Any

from engine.model.delivery import Delivery, DeliveryState
from engine.model.notification import Notification


def delivery(body: str = "text", title: str = "rule fired", number: int = 1, **changes: Any) -> Delivery:
    """A row on its first try; `changes` go to the notification, `tries` and `crashes` to the row."""
    row = {name: changes.pop(name) for name in ("tries", "crashes") if name in changes}
    notification = Notification(
        key=changes.pop("key", f"key-{number:08x}"),
        firing="firing",
        rule=changes.pop("rule", "slack-open"),
        group=None,
        destination=changes.pop("destination", "me"),
        title=title,
        body=body,
        severity=changes.pop("severity", "info"),
        at_ms=changes.pop("at_ms", 1_700_000_000_000),
        **changes,
    )
    tries = row.get("tries", 1)
    return Delivery(number, notification, DeliveryState.SENDING, tries, 0, 0, row.get("crashes", 0))
