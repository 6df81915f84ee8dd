"""How commands end when the cloud refuses: one exit code for each refusal that only the user can mend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import click

from capture.account import Account, account, connect
from capture.calls import CloudError
from capture.cli.exits import Failure

__all__ = ["CloudExit", "connected", "refusal"]


class CloudExit(IntEnum):
    """Exit codes that go on from `Exit`. Scripts rely on them: add, never change."""

    AUTH = 4
    CREDITS = 5
    FORBIDDEN = 6


class _KeyRefused(click.ClickException):
    exit_code = CloudExit.AUTH


class _NoCredits(click.ClickException):
    exit_code = CloudExit.CREDITS


class _Forbidden(click.ClickException):
    exit_code = CloudExit.FORBIDDEN


def refusal(error: CloudError) -> click.ClickException:
    """Return how to leave: what the cloud said, what to do, and the exit code for it."""
    match error.kind:
        case "auth":
            return _KeyRefused(f"{error.message}; check VIDEO_DB_API_KEY" if error.status else error.message)
        case "credits":
            return _NoCredits(f"{error.message}; top up at console.videodb.io")
        case "forbidden":
            return _Forbidden(f"{error.message}; the key has no right to do this")
        case _:
            return Failure(error.message)


@contextmanager
def connected() -> Iterator[tuple[Account, Any]]:
    """Give the account and an SDK connection, closed afterwards; a CloudError in the block ends as `refusal`."""
    try:
        who = account()
        connection = connect(who)
        try:
            yield who, connection
        finally:
            connection.session.close()
    except CloudError as error:
        raise refusal(error) from error
