"""Calls to the cloud: every one in a thread of its own, every failure one kind of error.

The SDK blocks, sleeps and polls for up to 500 s, and trips over odd replies with AttributeError and TypeError. `call`
keeps all that away from the event loop, so that a websocket is still answered meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, Literal, TypeAlias, TypeVar

import requests
from videodb.exceptions import RequestTimeoutError, VideodbError

__all__ = ["CloudError", "Kind", "call", "kind_of_status"]

Kind: TypeAlias = Literal["auth", "credits", "forbidden", "not-found", "rate", "server", "network", "odd"]
"""What went wrong. `odd` is any other refusal, and an answer that makes no sense."""

_KINDS: dict[int, Kind] = {401: "auth", 402: "credits", 403: "forbidden", 404: "not-found", 429: "rate"}
_MESSAGE_LIMIT = 200

_T = TypeVar("_T")


class CloudError(Exception):
    """The cloud refused, did not answer, or answered nonsense. Shape: `status` is None when no HTTP status came."""

    def __init__(self, kind: Kind, status: int | None, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status
        self.message = message

    @property
    def passing(self) -> bool:
        """Whether the same call may succeed later without anybody doing anything."""
        return self.kind in ("rate", "server", "network")

    @property
    def fatal(self) -> bool:
        """Whether no further call can succeed until the user changes key, plan or rights."""
        return self.kind in ("auth", "credits", "forbidden")


def kind_of_status(status: int) -> Kind:
    """Return what an HTTP status that is no success stands for."""
    return _KINDS.get(status, "server" if status >= 500 else "odd")


async def call(function: Callable[..., _T], *args: Any, timeout_s: float = 60.0, **kwargs: Any) -> _T:
    """Run an SDK function in a thread and return its result, unwrapped when it came as `{"data": {...}}`.

    A call that is given up on goes on in its thread and keeps neither the loop nor the program alive.
    Errors: CloudError.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def run() -> None:
        result: _T | None = None
        error: Exception | None = None
        try:
            result = function(*args, **kwargs)
        except Exception as raised:  # noqa: BLE001  # goes to the caller, who is in another thread
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(_settle, done, result, error)

    threading.Thread(target=run, name="cloud-call", daemon=True).start()
    try:
        async with asyncio.timeout(timeout_s):
            result: _T = _checked(await done)
            return result
    except TimeoutError:
        raise CloudError("network", None, f"no answer within {timeout_s:g} s") from None
    except CloudError:
        raise
    except (VideodbError, requests.RequestException) as error:
        raise _refusal(error) from error
    except (AttributeError, TypeError, LookupError, ValueError, RecursionError) as error:
        raise _nonsense(error) from error


def _settle(done: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if done.done():
        return
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(result)


def _checked(result: Any) -> Any:
    if isinstance(result, dict) and isinstance(result.get("data"), dict) and result.keys() <= {"data", "success"}:
        return result["data"]
    if getattr(result, "id", "") is None:
        raise CloudError("odd", None, f"the answer has no id for the {type(result).__name__}")
    return result


def _refusal(error: Exception) -> CloudError:
    status = _status_behind(error)
    if status is not None and status >= 400:
        return CloudError(kind_of_status(status), status, _clean(error))
    if status is None and isinstance(error, RequestTimeoutError | requests.RequestException):
        return CloudError("network", None, _clean(error))
    if status is None:  # the SDK names both with the same class
        kind: Kind = "server" if "Max retries" in str(error) else "network"
        return CloudError(kind, None, _clean(error))
    return CloudError("odd", status, _clean(error))


def _nonsense(error: Exception) -> CloudError:
    """The SDK tripped over a reply; behind that there may be an HTTP error whose body it could not read."""
    status = _status_behind(error)
    if status is not None and status >= 400:
        return CloudError(kind_of_status(status), status, f"refused with HTTP {status}")
    return CloudError("odd", status, f"the answer is not as expected ({type(error).__name__}: {_clean(error)})")


def _status_behind(error: BaseException | None) -> int | None:
    while error is not None:
        response = getattr(error, "response", None)
        if response is not None:  # a Response of 400 and over is false
            return int(response.status_code)
        error = error.__cause__ or error.__context__
    return None


def _clean(error: Exception) -> str:
    text = " ".join(str(error).split())
    shown = "".join(letter for letter in text if letter.isprintable())
    return shown[:_MESSAGE_LIMIT] or type(error).__name__
