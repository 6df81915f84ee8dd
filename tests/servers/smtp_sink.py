"""An SMTP server on 127.0.0.1 that refuses or hangs at a chosen stage and keeps the mails it took."""

from __future__ import annotations

import asyncio
import email
import email.policy
import threading
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP


class SmtpSink:
    """`refusals` maps a stage (`mail`, `rcpt`, `data`) or a recipient to the reply line; `hang` names a stage."""

    def __init__(self, refusals: dict[str, str] | None = None, hang: str = "") -> None:
        self.refusals = refusals or {}
        self.hang = hang
        self.mails: list[EmailMessage] = []
        self.attempts = 0
        self._loop = asyncio.new_event_loop()
        self._released = asyncio.Event()
        self._server = self._loop.run_until_complete(
            self._loop.create_server(lambda: SMTP(self, loop=self._loop, hostname="sink.test"), "127.0.0.1", 0)
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def url(self, recipient: str = "rcpt@sink.test") -> str:
        """The mailto URL that reaches this server."""
        address = recipient.replace("@", "%40")
        return f"mailto://127.0.0.1:{self.port}/{address}?from=engine@sink.test&smtp=127.0.0.1&mode=insecure"

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        self.attempts += 1
        envelope.mail_from = address
        return await self._reply("mail", "250 OK")

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        reply = self.refusals.get(address) or await self._reply("rcpt", "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        reply = await self._reply("data", "250 OK")
        if reply.startswith("250"):
            message = email.message_from_bytes(envelope.content, policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            self.mails.append(message)
        return reply

    async def _reply(self, stage: str, fine: str) -> str:
        if self.hang == stage:
            await self._released.wait()
        return self.refusals.get(stage, fine)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _close(self) -> None:
        self._released.set()
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
