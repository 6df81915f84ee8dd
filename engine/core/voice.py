"""Who may sum up when engine.yaml does not say: VideoDB, which has the recording already, or nobody.

A key that lies in the environment for other programs is no consent: no other service is ever chosen by it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.model.config import Summaries

__all__ = ["BASIC", "is_safe", "usual", "videodb"]

BASIC = "basic"

_HOST = r"(?:[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])"
_LOCAL = r"(?:127\.0\.0\.1|localhost|\[::1\])"
_SAFE = re.compile(
    rf"(?:https://{_HOST}|http://{_LOCAL})(?::[1-9][0-9]{{0,4}})?(?:/[a-z0-9._~%!$&'()*+,;=:/-]{{0,500}})?",
    re.IGNORECASE,
)


def usual(environment: Mapping[str, str]) -> Summaries:
    """Return the settings without a word in engine.yaml: VideoDB with the key that `capture` uses, else nobody."""
    return videodb(environment) or Summaries()


def videodb(environment: Mapping[str, str]) -> Summaries | None:
    """Return VideoDB by `VIDEO_DB_API_KEY` (else `VIDEODB_API_KEY`) and `VIDEO_DB_API`; None without a usable pair."""
    key = (environment.get("VIDEO_DB_API_KEY") or environment.get("VIDEODB_API_KEY") or "").strip()
    url = environment.get("VIDEO_DB_API", "").strip().rstrip("/")
    if not key or not key.isprintable() or (url and not is_safe(url)):
        return None
    return Summaries("videodb", url, key, BASIC)


def is_safe(url: str) -> bool:
    """Return whether nobody on the way can read what is sent there: https, or http to this machine itself.

    An address with a user, a query or a fragment is none that a key and a path could be joined to.
    """
    return _SAFE.fullmatch(url) is not None
