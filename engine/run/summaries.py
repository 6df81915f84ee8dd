"""Summaries by a language model, asked for just before a message is sent, in the thread that sends it.

One answer a firing: it is remembered in the state file, so that its other destinations and later tries cost nothing. A
call is counted on the budgets before it begins and is waited for so long and no longer; then, as after any failure,
the message goes out with the text it was made with. Nothing here keeps a message back.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from queue import Empty, SimpleQueue

from engine.core.redact import redactor
from engine.core.summary import OFFLINE, prompt_of, read_answer, told
from engine.model.config import Summaries
from engine.model.delivery import Delivery, Outcome
from engine.model.errors import StoreError
from engine.model.notification import Notification, SummaryRequest
from engine.model.summary import Answer, Refused, Reply, Spend, Spoken
from engine.run.ports import Clock, Sender, SummaryLedger
from engine.sink.summarize import Model, model_of

__all__ = ["Summarist", "SummedSender", "summarist"]

_log = logging.getLogger("engine.deliver")

EVERYTHING = ""
"""The name of the budget that all rules share. No rule is called so."""

_PAUSE_AFTER = 3
_PAUSE_MS = 5 * 60_000
# No right, no money, no such model: a person has to act first.
_LONG_PAUSE_MS = 15 * 60_000
# A model that drips bytes cannot be stopped, only left alone. So many may be left behind.
_MOST_CALLS = 16
# For the model's own clock to run out first: it knows better words.
_SLACK_S = 1.0


class Summarist:
    """Fulfils summary requests. Shape: `day_of` tells the local day of an instant. Safe in any number of threads."""

    def __init__(
        self,
        model: Model | None,
        settings: Summaries,
        ledger: SummaryLedger,
        clock: Clock,
        day_of: Callable[[int], str],
        redact: Callable[[str], str] = str,
    ) -> None:
        self._model = model
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._day_of = day_of
        self._redact = redact
        self._lock = threading.Lock()
        self._turns: dict[str, tuple[threading.Lock, int]] = {}
        self._failures = 0
        self._pause_until_ms = 0
        self._calls = 0

    def fulfil(self, notification: Notification) -> Notification:
        """Return the notification with its summary in place, or with its own body, and with the word who spoke."""
        request = notification.request
        if request is None:
            return notification
        body = told(request, notification.body, self._answer(request, notification.rule))
        return replace(notification, body=body, request=None)

    def _answer(self, request: SummaryRequest, rule: str) -> Answer:
        if self._model is None or not min(request.budget, self._settings.budget):
            return OFFLINE
        try:
            with self._turn(request.key):
                with self._lock:
                    known = self._ledger.remembered(request.key)
                return self._asked(self._model, request, rule) if known is None else known
        except StoreError as error:
            _log.error("summaries: %s", error)
            return Answer(None, reason="the state file cannot be used")

    @contextmanager
    def _turn(self, key: str) -> Iterator[None]:
        """Let one thread at a time work on a request; the next ones find its answer."""
        with self._lock:
            lock, waiting = self._turns.get(key, (threading.Lock(), 0))
            self._turns[key] = lock, waiting + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, waiting = self._turns.pop(key)
                if waiting > 1:
                    self._turns[key] = lock, waiting - 1

    def _asked(self, model: Model, request: SummaryRequest, rule: str) -> Answer:
        """Ask, and remember what came of it. Errors: `StoreError`; then the model was not asked."""
        now_ms = self._clock()
        with self._lock:
            refusal = self._refusal(request, rule, now_ms)
        answer = self._call(model, request) if refusal is None else Answer(None, reason=refusal)
        try:
            with self._lock:
                self._ledger.remember(request.key, answer, self._clock())
        except StoreError as error:
            _log.error("summaries: an answer is not remembered: %s", error)
        return answer

    def _refusal(self, request: SummaryRequest, rule: str, now_ms: int) -> str | None:
        """Return why not to ask now; None, and the call is counted."""
        if now_ms < self._pause_until_ms:
            return "it failed too often and is given a pause"
        if self._calls >= _MOST_CALLS:
            return "too many calls are waiting for it"
        budgets = (
            Spend(request.day, rule, request.budget),
            Spend(self._day_of(now_ms), EVERYTHING, self._settings.budget),
        )
        used_up = self._ledger.spend(budgets, now_ms)
        if used_up is None:
            return None
        if used_up == EVERYTHING:
            return f"all {self._settings.budget:,} summaries of the day are used up"
        return f"the rule's {request.budget:,} summaries of the day are used up"

    def _call(self, model: Model, request: SummaryRequest) -> Answer:
        fence = f"TEXT-{secrets.token_hex(16)}"
        prompt = prompt_of(request, fence, self._redact)
        reply = self._within(lambda: model.ask(prompt))
        self._note(reply, model.name)
        if isinstance(reply, Refused):
            return Answer(None, reason=reply.reason)
        text = read_answer(reply.content, request, fence)
        if text is None:
            # No failure of the model's: captured text may have made it answer so, and must not silence it for others.
            return Answer(None, reason="its answer is not in the agreed form")
        return Answer(self._redact(text), model.name)

    def _within(self, call: Callable[[], Reply]) -> Reply:
        """Return the reply, or a refusal once the time is up; the thread that asks is then left behind."""
        replies: SimpleQueue[Reply] = SimpleQueue()

        def ask() -> None:
            try:
                reply = call()
            except Exception as error:  # noqa: BLE001 - the one place around a model; its text may hold secrets
                reply = Refused(f"the call failed ({type(error).__name__})")
            with self._lock:
                self._calls -= 1
            replies.put(reply)

        with self._lock:
            self._calls += 1
        threading.Thread(target=ask, name="summarize", daemon=True).start()
        try:
            return replies.get(timeout=self._settings.timeout_ms / 1000 + _SLACK_S)
        except Empty:
            return Refused("no answer in time")

    def _note(self, reply: Reply, name: str) -> None:
        """Count failures in a row; at the third, or at one that only a person can mend, pause."""
        with self._lock:
            if isinstance(reply, Spoken):
                self._failures = 0
                return
            self._failures += 1
            if self._failures < _PAUSE_AFTER and not reply.for_good:
                return
            pause_ms = _LONG_PAUSE_MS if reply.for_good else _PAUSE_MS
            self._pause_until_ms = self._clock() + pause_ms
        _log.warning("summaries by %s pause for %d minutes: %s", name, pause_ms // 60_000, reply.reason)


class SummedSender:
    """A sender that has a message summed up first, unless the destination gets no text anyway."""

    def __init__(self, sender: Sender, summarist: Summarist) -> None:
        self._sender = sender
        self._summarist = summarist

    def send(self, delivery: Delivery) -> Outcome:
        """Try once. Blocks for the model's time more than the sender itself."""
        notification = self._summarist.fulfil(delivery.notification)
        return self._sender.send(replace(delivery, notification=notification))


def summarist(
    settings: Summaries, ledger: SummaryLedger, clock: Clock, day_of: Callable[[int], str], hidden: frozenset[str]
) -> Summarist:
    """Return what fulfils requests as engine.yaml says. `hidden` is in no prompt, even if it was on the screen."""
    return Summarist(model_of(settings), settings, ledger, clock, day_of, redactor(hidden))
