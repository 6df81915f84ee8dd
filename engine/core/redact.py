"""Secrets out of text: what a log, an error message or a terminal may show."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable, Iterable, Iterator

__all__ = ["MARK", "SHORTEST", "redactor"]

MARK = "[secret]"
SHORTEST = 6

_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return a function that replaces every secret in a text by `[secret]`.

    A secret is found as it is, percent-encoded, escaped as in JSON, and inside base64 whatever stands before it
    (`user:password`); upper and lower case are one, since a host name comes back in lower case. Values shorter than
    6 characters stay: they would blank ordinary words.
    """
    forms = sorted({form.translate(_LOWER) for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)})

    def redact(text: str) -> str:
        folded = text.translate(_LOWER)
        spans = [span for form in forms if form in folded for span in _occurrences(folded, form)]
        if not spans:
            return text
        shown, at = [], 0
        for start, end in _joined(spans):
            shown += [text[at:start], MARK]
            at = end
        return "".join([*shown, text[at:]])

    return redact


def _forms(secret: str) -> Iterator[str]:
    """Yield the ways in which a secret turns up. Shape: ASCII letters still in both cases."""
    yield secret
    yield _percent(secret, "")
    yield _percent(secret, "/")
    yield _percent(secret, "/:@+=,;&$!*'()")
    yield _percent(secret, " ").replace(" ", "+")
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    raw = secret.encode("utf-8", "surrogatepass")
    # Three bytes make four letters, so a secret has three faces, by the bytes in front of it; of each only the
    # letters that no neighbour can change.
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + raw).decode("ascii")
        inner = coded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        yield inner
        yield inner.translate(str.maketrans("+/", "-_"))


def _percent(text: str, kept: str) -> str:
    return "".join(
        char
        if char in _UNRESERVED or char in kept
        else "".join(f"%{byte:02x}" for byte in char.encode("utf-8", "replace"))
        for char in text
    )


def _occurrences(text: str, form: str) -> Iterator[tuple[int, int]]:
    at = text.find(form)
    while at >= 0:
        yield at, at + len(form)
        at = text.find(form, at + 1)


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the union of overlapping and touching spans, sorted."""
    spans.sort()
    joined = [spans[0]]
    for start, end in spans[1:]:
        if start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
