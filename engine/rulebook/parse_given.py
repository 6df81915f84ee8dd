"""`given:` of a rule test: events in short form, whole events, and steps of the engine. Shapes: parse_tests.py."""

from __future__ import annotations

from typing import Any

from engine.rulebook.keys import KIND_ALIASES, LATER_TEST_KEYS, STATUSES
from engine.rulebook.parse_reader import Reader, listed
from engine.rulebook.scalars import offset_ms
from engine.rulebook.yaml_guard import Items, Mapping, Node, plain

__all__ = ["read_given"]

_EVENTS = ("screen", "visual_index", "scene_index", "transcript", "audio", "audio_index", "alert", "session")
_SUBJECTS = (*_EVENTS, "raw", "engine")
_EVENT_OPTIONS = ("end", "final", "stream", "data")
_OPTIONS = ("at", *_EVENT_OPTIONS, "late", "dup")
_CHANNELS = {"screen": "visual_index", "audio": "audio_index", "session": "capture_session"}
_EXAMPLE = "{at: 0s, screen: Slack}"


def read_given(reader: Reader, test: Mapping) -> tuple[dict[str, Any], ...]:
    """Return the entries of `given` in the order of the file."""
    node = test.get("given")
    if not isinstance(node, Items) or not node.items:
        at = test if node is None else node
        reader.error(at.span, "missing-key", "`given` takes a list of events", f"such as given: [{_EXAMPLE}]")
        return ()
    found = [_entry(reader, part) for part in node.items]
    return tuple(entry for entry in found if entry is not None)


def _entry(reader: Reader, node: Node) -> dict[str, Any] | None:
    entry = reader.mapping(node, "given", _EXAMPLE)
    if entry is None:
        return None
    reader.check_keys(entry, (*_SUBJECTS, *_OPTIONS), LATER_TEST_KEYS)
    subjects = [name for name in _SUBJECTS if entry.get(name) is not None]
    if len(subjects) != 1:
        if not any(entry.get(name) is not None for name in LATER_TEST_KEYS):
            what = "more than one thing" if subjects else "nothing"
            reader.error(
                entry.span, "bad-given", f"the entry says that {what} happens", f"use one of {listed(_SUBJECTS)}"
            )
        return None
    _check_options(reader, entry, subjects[0])
    subject = _subject(reader, entry, subjects[0])
    timed = _timed(reader, entry)
    return {**timed, **subject, **_options(reader, entry)} if timed and subject else None


def _check_options(reader: Reader, entry: Mapping, subject: str) -> None:
    useless = {"raw": _EVENT_OPTIONS, "engine": (*_EVENT_OPTIONS, "late", "dup")}.get(subject, ())
    for pair in entry.pairs:
        if pair.key.text in useless:
            message = f"`{pair.key.text}` has no effect beside `{subject}`"
            hint = "write it inside raw" if subject == "raw" else "remove it"
            reader.error(pair.key.span, "no-effect", message, hint)


def _timed(reader: Reader, entry: Mapping) -> dict[str, Any]:
    if entry.get("at") is None:
        reader.error(entry.span, "missing-key", "the entry does not say when it happens", f"such as {_EXAMPLE}")
        return {}
    at_ms = reader.optional(entry, "at", "bad-duration", offset_ms)
    end_ms = reader.optional(entry, "end", "bad-duration", offset_ms)
    if at_ms is None:
        return {}
    if end_ms is not None and end_ms < at_ms:
        end = entry.get("end") or entry
        reader.error(end.span, "bad-duration", "end: it ends before it begins", "both count from the start of the test")
    return {"at_ms": at_ms} if end_ms is None else {"at_ms": at_ms, "end_ms": end_ms}


def _subject(reader: Reader, entry: Mapping, name: str) -> dict[str, Any]:
    node = entry.get(name) or entry
    if name == "raw":
        raw = reader.mapping(node, name, "raw: {channel: alert, data: {label: invoice}}")
        return {} if raw is None else {"raw": plain(raw)}
    if name == "engine":
        step = reader.choice(node, name, ("restart", "reload"))
        return {} if step is None else {"engine": step}
    kind = KIND_ALIASES.get(name, name)
    known = {"kind": kind, "channel": _CHANNELS.get(name, name)}
    if name == "session":
        status = reader.choice(node, name, STATUSES)
        return {} if status is None else {**known, "status": status}
    text = reader.text(node, name)
    if text is None:
        return {}
    return {**known, "label" if name == "alert" else "text": text}


def _options(reader: Reader, entry: Mapping) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("final", "dup"):
        node = entry.get(name)
        if node is not None:
            found[name] = reader.flag(node, name)
    stream = entry.get("stream")
    if stream is not None:
        found["stream"] = reader.text(stream, "stream")
    fields = entry.get("data")
    if fields is not None:
        found["data"] = None if reader.mapping(fields, "data", "data: {label: invoice}") is None else plain(fields)
    found["late_ms"] = reader.optional(entry, "late", "bad-duration", offset_ms)
    return {name: value for name, value in found.items() if value is not None}
