"""Bytes of a YAML file to text whose lines and columns can be trusted.

Strict UTF-8, no control, bidirectional or invisible line-breaking characters: what an editor shows is what the
parser reads. Every character keeps its place: a refused one is replaced by a space, so reading can go on.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Literal, NamedTuple

from engine.model.errors import Problem, Span

__all__ = ["MAX_BYTES", "SourceText", "problem", "read_text", "short"]

MAX_BYTES = 256 * 1024

_MOST_LISTED = 20
_MOST_SHOWN = 400
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
# What the YAML parsers call printable, less: the line separators of YAML 1.1 (U+0085, U+2028, U+2029), which no
# editor counts as lines; the characters that turn the direction of text and so show another rule than is read; and
# U+FEFF, which the two parsers read differently at the beginning of a line.
_REFUSED = re.compile(
    "[^\t\n\r\u0020-\u007e\u00a0-\u061b\u061d-\u200d\u2010-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
# The joiners U+200C and U+200D are part of Persian, Hindi and emoji; after an ASCII character they only hide.
_INVISIBLE = re.compile("[\u00ad\u180e\u200b\u2060]|(?<=[\x00-\x7f])[\u200c\u200d]")
_SEPARATORS = "\u0085\u2028\u2029"
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


class SourceText(NamedTuple):
    """A file as text, with its lines. `text` is None when nothing can be read; then `problems` says why."""

    text: str | None
    lines: tuple[str, ...]
    problems: tuple[Problem, ...]


def problem(
    lines: tuple[str, ...],
    span: Span,
    code: str,
    message: str,
    hint: str = "",
    severity: Literal["error", "warning"] = "error",
) -> Problem:
    """Return a problem that carries its source line; a line over 400 characters is left out."""
    line = lines[span.line - 1] if 0 < span.line <= len(lines) else ""
    return Problem(span, code, message, hint, severity, line if len(line) <= _MOST_SHOWN else "")


def short(text: str, most: int = 40) -> str:
    """Return `text` fit for a message: one line of printable characters, at most `most` of them."""
    shown = "".join(char if char.isprintable() else "?" for char in text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 3] + "..."


def read_text(content: bytes | str, file: str) -> SourceText:
    """Decode and examine a whole file. A byte order mark is dropped."""
    if len(content) > MAX_BYTES:
        hint = "split it into several files; the limit is 256 kB"
        return SourceText(None, (), (Problem(Span(file), "too-large", "the file is too large", hint),))
    if isinstance(content, bytes):
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            return SourceText(None, (), (_not_utf8(content, error.start, file),))
    else:
        text = content
    text = text.removeprefix("\ufeff")
    lines = tuple(_LINE_BREAK.split(text))
    if text.isascii() and not _REFUSED.search(text):
        return SourceText(text, lines, ())
    starts = [0, *(found.end() for found in _LINE_BREAK.finditer(text))]
    places = [
        (found.start(), found.group(), pattern is _REFUSED)
        for pattern in (_REFUSED, _INVISIBLE)
        for _, found in zip(range(_MOST_LISTED), pattern.finditer(text), strict=False)
    ]
    problems = []
    for offset, char, refused in sorted(places):
        line = bisect_right(starts, offset)
        span = Span(file, line, offset - starts[line - 1] + 1)
        problems.append(_refused(lines, span, char) if refused else _invisible(lines, span, char))
    return SourceText(_REFUSED.sub(" ", text), lines, tuple(problems))


def _not_utf8(content: bytes, offset: int, file: str) -> Problem:
    before = content[:offset].decode("utf-8")
    lines = _LINE_BREAK.split(before)
    hint = "save the file as UTF-8"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        hint = "the file is UTF-16; save it as UTF-8"
    span = Span(file, len(lines), len(lines[-1]) + 1)
    return Problem(span, "not-utf8", f"byte 0x{content[offset]:02x} is not UTF-8", hint)


def _refused(lines: tuple[str, ...], span: Span, char: str) -> Problem:
    name = f"U+{ord(char):04X}"
    escape = f"\\u{ord(char):04x}"
    if char in _BIDI:
        return problem(
            lines, span, "bidi-character", f"hidden character {name} changes the order in which text is shown",
            f'remove it; where it is wanted write "{escape}" in double quotes',
        )  # fmt: skip
    if char == "\ufeff":
        message = "byte order mark inside the file, left over from joining two files"
        return problem(lines, span, "byte-order-mark", message, "remove it")
    if char in _SEPARATORS:
        return problem(
            lines, span, "line-separator", f"hidden line separator {name}",
            f'remove it; where it is wanted write "{escape}" in double quotes',
        )  # fmt: skip
    return problem(lines, span, "control-character", f"control character {name}", "remove it")


def _invisible(lines: tuple[str, ...], span: Span, char: str) -> Problem:
    message = f"invisible character U+{ord(char):04X}: text with it does not equal text without it"
    return problem(lines, span, "invisible-character", message, "remove it", "warning")
