"""With what rights a run works: an API key, or only a client token and a session that a backend made.

With a client token the cloud lets a desktop record and look at its own session, nothing else: no websocket, no
pipelines, no export. The backend does those.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from capture import cloud_session
from capture.account import Account, connect

__all__ = ["Access"]

_END_TOKEN_S = 600


class Access(NamedTuple):
    """A connection and its rights. Shape: `session_id` only `by_token`. The key or token is in `account`."""

    account: Account
    connection: Any
    by_token: bool = False
    session_id: str | None = None

    async def token(self, expires_s: int, timeout_s: float) -> str:
        """Return a client token for a recorder: our own, or a new one. Errors: CloudError."""
        if self.by_token:
            return self.account.api_key
        return await cloud_session.client_token(self.connection, expires_s, timeout_s=timeout_s)

    async def end_session(self, session_id: str, timeout_s: float) -> None:
        """End a session in the cloud without its recorder, with the rights a recorder has. Errors: CloudError."""
        with _client(Account(await self.token(_END_TOKEN_S, timeout_s), self.account.base_url)) as connection:
            await cloud_session.end(connection, session_id, timeout_s=timeout_s)


@contextmanager
def _client(who: Account) -> Iterator[Any]:
    connection = connect(who)
    try:
        yield connection
    finally:
        connection.session.close()
