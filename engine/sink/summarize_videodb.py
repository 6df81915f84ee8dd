"""Ask VideoDB's own text generation, through its SDK, which is loaded with the first question.

The recording is there already, so no new service learns what was said. The SDK may poll for minutes and retries
connections by itself: the caller has a clock. Its errors hold addresses and whole answers; only their kind is told.
"""

from __future__ import annotations

import logging
from typing import Any

from engine.model.summary import Prompt, Refused, Reply, Spoken

__all__ = ["VideoDbModel"]

_NAME = "VideoDB"
_REFUSALS = {401: "the key is refused", 402: "the account has no credit", 403: "the key has no right to this"}


class VideoDbModel:
    """One account. Shape: `url` is empty for the vendor's own address; `model` is basic, pro or ultra."""

    def __init__(self, url: str, key: str, model: str) -> None:
        self.name = _NAME if model == "basic" else f"{_NAME} ({model})"
        self._url = url
        self._key = key
        self._model = model

    def ask(self, prompt: Prompt) -> Reply:
        """Ask once, for JSON. Its prompt is one text: instructions first, then the material between its fences."""
        try:
            answer = self._generate(f"{prompt.instructions}\n{prompt.material}")
        except Exception as error:  # noqa: BLE001 - the SDK raises requests', its own and ValueError; all mean the same
            return _refused(error)
        if isinstance(answer, dict) and "output" in answer:
            return Spoken(answer["output"])
        return Refused("the answer is not in the agreed form")

    def _generate(self, prompt: str) -> Any:
        import videodb

        # The SDK logs whole answers; nothing of them belongs in a log.
        address = {"base_url": self._url} if self._url else {}
        connection = videodb.connect(api_key=self._key, log_level=logging.CRITICAL, **address)
        try:
            collection = connection.get_collection()
            return collection.generate_text(prompt, model_name=self._model, response_type="json")
        finally:
            connection.session.close()


def _refused(error: Exception) -> Refused:
    """Return why, from the kind of error and the HTTP status alone."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if not isinstance(status, int) or status == 200:
        return Refused(f"no answer ({type(error).__name__})")
    told = f"HTTP {status}, {_REFUSALS[status]}" if status in _REFUSALS else f"HTTP {status}"
    return Refused(told, for_good=status in _REFUSALS)
