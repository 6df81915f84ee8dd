"""Sending for real from a test: only what the user asked for, only to the one destination named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from engine.cli.settings import Settings
from engine.cli.words import plural, say
from engine.model.delivery import Delivery, DeliveryState, Sent
from engine.model.match import Firing
from engine.model.notification import Notification
from engine.run.senders import sender_maker

__all__ = ["send_all"]

# A recording can hold thousands of firings; nobody wants those on a phone because of a test.
MOST = 20


def send_all(name: str, settings: Settings, firings: Sequence[Firing]) -> bool:
    """Send each message once, without retry. Returns whether all were taken."""
    targets = settings.config.targets(name)
    if not targets:
        known = ", ".join(sorted(settings.config.names()))
        raise click.UsageError(f"--send {name}: no such destination; engine.yaml declares {known}")
    make = sender_maker(Path(settings.output), zone=settings.config.zone)
    senders = {target: make(settings.config.destinations[target]) for target in targets}
    failed = 0
    for number, firing in enumerate(firings[:MOST], 1):
        for target, sender in senders.items():
            match = firing.match
            note = Notification(f"test:{match.id}:{target}", match.id, match.rule, match.group, target,
                                firing.title, firing.body, "info", match.at_ms)  # fmt: skip
            outcome = sender.send(Delivery(number, note, DeliveryState.SENDING, 1, match.at_ms, match.at_ms))
            if not isinstance(outcome, Sent):
                failed += 1
                say(f"{target}: {outcome.reason}", "red")
    left = len(firings) - MOST
    say(f"{plural(min(len(firings), MOST), 'message')} sent to {name}" + (f", {left} not sent" if left > 0 else ""))
    return not failed
