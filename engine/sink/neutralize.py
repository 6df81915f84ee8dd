"""Captured text made harmless for the place it goes to: it is shown, and does nothing.

Pure functions of text. After `neutralize` no part of the text calls people, carries a hidden link, formats, or adds
a header; escaping of `<`, `>` and `&` for Slack, Telegram and HTML mail is apprise's, because the text is declared
plain (`body_format=text`). A bare `https://...` stays as it is: it can be seen for what it is.
"""

from __future__ import annotations

import re
import unicodedata

from engine.sink.services import service

__all__ = ["CUT", "NO_TEXT", "neutralize", "permitted", "safe_line", "title"]

CUT = " (cut)"
NO_TEXT = "(no text)"

_TITLE_LIMIT = 200
_EXCERPT = 200
_BREAK = "\u2060"  # WORD JOINER: no width, no line break, and no service reads a name through it.


def _unseen() -> dict[int, str | None]:
    """Map what no reader should get: controls, direction changes, hidden characters, surrogates, odd line ends."""
    dropped = [*range(0x20), *range(0x7F, 0xA0), 0x061C, 0x180E, 0x200B, 0x200E, 0x200F, 0xFEFF]
    dropped += [*range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xFFF9, 0xFFFC)]
    dropped += range(0xE0000, 0xE0080)  # Letters that are never drawn.
    table: dict[int, str | None] = dict.fromkeys(dropped)
    table |= dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
    table |= dict.fromkeys((0x0A, 0x0B, 0x0C, 0x85, 0x2028, 0x2029), "\n")
    table[0x09] = "\t"
    return table


_UNSEEN = _unseen()
# Letters by category, blank to the eye: Hangul fillers and the empty Braille cell.
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# `@name`, and `<users/all>` or `<https://...|label>` of Google Chat, where apprise leaves the `<`.
_CALL = re.compile(r"[@\uff20<](?=\S)")
_FORMATTING = str.maketrans({mark: "\\" + mark for mark in "\\*_~`|[]<>#"})
# What makes a list or a heading only at the start of a line; a backslash does not undo it everywhere, a letter does.
_LINE_START = re.compile(r"^([ \t]*)(?=[-+=]|\d{1,9}[.)])", re.MULTILINE)
_LINE_BREAKS = re.compile(r"\s*\n\s*")


def neutralize(text: str, scheme: str, limit: int | None = None) -> str:
    """Return `text` as it may go to a service: never empty, at most `limit` characters, cut visibly.

    Units: `limit` counts characters of the result; None means the service's own.
    """
    known = service(scheme)
    most = known.limit if limit is None else min(limit, known.limit)
    # The cut may part a backslash from its mark; the blank of CUT then takes the mark's place.
    return _cut(_defused(_cleaned(text), scheme), most)


def title(text: str, scheme: str = "", limit: int = _TITLE_LIMIT) -> str:
    """Return `text` as one line for a subject or heading, empty if there is nothing to see in it.

    Shape: at most 200 characters before escaping; `=?`, which begins an encoded word in a mail header, is parted.
    """
    clean = _cleaned(text)
    if clean == NO_TEXT:
        return ""
    line = _LINE_BREAKS.sub(" ", clean).replace("\t", " ").replace("=?", "= ?")
    return _defused(_cut(line, min(limit, _TITLE_LIMIT)), scheme)


def permitted(text: str, policy: str, excerpt: int = _EXCERPT) -> str:
    """Return as much of a body as the destination's `text` setting lets out: full, excerpt or none."""
    if policy == "none":
        return "(text kept on this machine)"
    return _cut(text, excerpt) if policy == "excerpt" else text


def safe_line(text: str, limit: int = 500) -> str:
    """Return `text` as one line for a terminal or a log: nothing in it moves the cursor, colours or hides.

    Shape: line ends show as `\u21b5`, other unprintable characters as escapes (`\\x1b`).
    """
    if not (text.isascii() and text.isprintable()):
        text = "".join(character if character.isprintable() else _escape(character) for character in text[: limit + 1])
    return _cut(text, limit)


def _cut(text: str, limit: int) -> str:
    """Return a text that is short enough, with a mark where something is missing."""
    return text if len(text) <= limit else text[: max(0, limit - len(CUT))].rstrip() + CUT


def _escape(character: str) -> str:
    if character in "\n\u2028\u2029\x85":
        return "\u21b5"
    if character in "\t\xa0" or unicodedata.category(character) == "Zs":
        return " "
    if character in "\u200c\u200d":  # They join letters and emoji, and move nothing.
        return character
    return character.encode("unicode_escape").decode("ascii")


def _cleaned(text: str) -> str:
    """Drop what cannot be seen; text without anything to see becomes a stand-in."""
    clean = text.replace("\r\n", "\n").replace("\r", "\n").translate(_UNSEEN).strip()
    return clean if any(map(_is_seen, clean)) else NO_TEXT


def _is_seen(character: str) -> bool:
    return (
        not character.isspace()
        and character not in _BLANK_LETTERS
        and unicodedata.category(character) not in ("Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me", "Zs")
    )


def _defused(text: str, scheme: str) -> str:
    reading = service(scheme).reading
    if reading == "literal":
        return text
    if reading == "markdown":
        text = _LINE_START.sub(lambda start: start[1] + _BREAK, text.translate(_FORMATTING))
    return _CALL.sub(lambda mark: mark[0] + _BREAK, text)
