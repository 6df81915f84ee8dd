"""`given:` of a rule test: events in short form or whole, and what people and the world do. Shapes: parse_tests.py.

Nothing is read here but the rule file itself: whether a recording exists is found out when the test is run.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from engine.rulebook.keys import KIND_ALIASES, LATER_TEST_KEYS, STATUSES
from engine.rulebook.parse_reader import Reader, listed
from engine.rulebook.scalars import ScalarError, duration_ms, offset_ms, rule_name
from engine.rulebook.yaml_guard import Items, Mapping, Node, Scalar, plain, short

__all__ = ["OPTIONS", "SUBJECTS", "read_given", "recording_part", "route_answer"]

_EVENTS = ("screen", "visual_index", "scene_index", "transcript", "audio", "audio_index", "alert", "session")
_ACTS = ("engine", "ack", "snooze", "mock", "route")
SUBJECTS = (*_EVENTS, "raw", "recording", *_ACTS)
"""What an entry can say that happens: exactly one of these."""
_EVENT_OPTIONS = ("end", "final", "stream", "data")
OPTIONS = ("at", *_EVENT_OPTIONS, "late", "dup")
_CHANNELS = {"screen": "visual_index", "audio": "audio_index", "session": "capture_session"}
_EXAMPLE = "{at: 0s, screen: Slack}"
# How the world answers holds from the first moment on, unless the entry says when.
_TIMELESS = frozenset(("mock", "route"))
_ANSWER = re.compile(r"(ok|fail)(?:\s+([1-5][0-9]{2}))?(?:\s+x([1-9][0-9]{0,3}))?")
_PART_MARK = re.compile(r"#(?=[^#/\\]*$)")


def read_given(reader: Reader, test: Mapping) -> tuple[dict[str, Any], ...]:
    """Return the entries of `given` in the order of the file."""
    node = test.get("given")
    if not isinstance(node, Items) or not node.items:
        at = test if node is None else node
        reader.error(at.span, "missing-key", "`given` takes a list of events", f"such as given: [{_EXAMPLE}]")
        return ()
    found = [_entry(reader, part) for part in node.items]
    return tuple(entry for entry in found if entry is not None)


def route_answer(value: object) -> dict[str, Any]:
    """Return what `fail 503 x2` means: `status` of the answers, `times` how many (None: from now on).

    Shape: status None is success. Errors: `ScalarError`.
    """
    found = _ANSWER.fullmatch(" ".join(value.split())) if isinstance(value, str) else None
    status = None if found is None else int(found[2] or (503 if found[1] == "fail" else 200))
    if found is None or status is None or (found[1] == "ok") != (status < 300):
        raise ScalarError(f'"{short(str(value))}" is no answer of a service', "write fail 503 x2, fail, or ok")
    return {"status": status if status >= 300 else None, "times": int(found[3]) if found[3] else None}


def recording_part(value: object) -> dict[str, Any]:
    """Return the `file` of `file.jsonl#10:15:00-10:20:00`, with `since` and `until` as written, or None.

    Errors: `ScalarError` for a part that cannot be read or is empty whatever the recording holds.
    """
    text = value if isinstance(value, str) else ""
    file, *part = _PART_MARK.split(text, 1)
    if not file or "\0" in file:
        raise ScalarError("it names no recording", "write file.jsonl or file.jsonl#10:15:00-10:20:00")
    if not part:
        return {"file": file, "since": None, "until": None}
    since, dash, until = (word.strip() for word in part[0].partition("-"))
    if not dash or not (since or until):
        raise ScalarError(f'"{short(part[0])}" is no part of it', "write #10:15:00-10:20:00, #5m-10m or #5m-")
    bounds = [offset_ms(word) if word else None for word in (since, until)]
    if since and until and (":" in since) == (":" in until) and (bounds[0] or 0) >= (bounds[1] or 0):
        raise ScalarError(f'"{short(part[0])}" ends before it begins', "write the earlier time first")
    return {"file": file, "since": since or None, "until": until or None}


def _entry(reader: Reader, node: Node) -> dict[str, Any] | None:
    entry = reader.mapping(node, "given", _EXAMPLE)
    if entry is None:
        return None
    reader.check_keys(entry, (*SUBJECTS, *OPTIONS), LATER_TEST_KEYS)
    subjects = [name for name in SUBJECTS if entry.get(name) is not None]
    if len(subjects) != 1:
        if not any(pair.key.text not in (*SUBJECTS, *OPTIONS) for pair in entry.pairs) or subjects:
            what = "more than one thing" if subjects else "nothing"
            reader.error(
                entry.span, "bad-given", f"the entry says that {what} happens", f"use one of {listed(SUBJECTS)}"
            )
        return None
    _check_options(reader, entry, subjects[0])
    subject = _subject(reader, entry, subjects[0])
    timed = _timed(reader, entry, subjects[0])
    return {**timed, **subject, **_options(reader, entry)} if timed and subject else None


def _check_options(reader: Reader, entry: Mapping, subject: str) -> None:
    useless: tuple[str, ...] = {"raw": _EVENT_OPTIONS}.get(subject, ())
    if subject in _ACTS or subject == "recording":
        useless = (*_EVENT_OPTIONS, "late", "dup")
    elif subject == "session":
        useless = ("end", "final", "stream")
    elif subject not in ("transcript", "raw"):
        useless = ("final",)
    for pair in entry.pairs:
        if pair.key.text in useless:
            message = f"`{pair.key.text}` has no effect beside `{subject}`"
            hint = "write it inside raw" if subject == "raw" else "remove it"
            reader.error(pair.key.span, "no-effect", message, hint)


def _timed(reader: Reader, entry: Mapping, subject: str) -> dict[str, Any]:
    if entry.get("at") is None:
        if subject in _TIMELESS:
            return {"at_ms": 0}
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
    special = _SPECIAL.get(name)
    if special is not None:
        return special(reader, node)
    kind = KIND_ALIASES.get(name, name)
    known = {"kind": kind, "channel": _CHANNELS.get(name, name)}
    if name == "session":
        status = reader.choice(node, name, STATUSES)
        return {} if status is None else {**known, "status": status}
    text = reader.text(node, name)
    if text is None:
        return {}
    return {**known, "label" if name == "alert" else "text": text}


def _raw(reader: Reader, node: Node) -> dict[str, Any]:
    raw = reader.mapping(node, "raw", "raw: {channel: alert, data: {label: invoice}}")
    return {} if raw is None else {"raw": plain(raw)}


def _engine(reader: Reader, node: Node) -> dict[str, Any]:
    step = reader.choice(node, "engine", ("restart", "reload"))
    return {} if step is None else {"engine": step}


def _ack(reader: Reader, node: Node) -> dict[str, Any]:
    """Read `ack: true` (every group) or the group's value."""
    if isinstance(node, Scalar) and node.value is True:
        return {"ack": None}
    if isinstance(node, Scalar) and node.value is not False:
        group = reader.text(node, "ack")
        return {} if group is None else {"ack": group}
    reader.error(node.span, "wrong-form", "`ack` is true, or one group", 'write ack: true or ack: "display:1"')
    return {}


def _snooze(reader: Reader, node: Node) -> dict[str, Any]:
    for_ms = reader.converted(node, "snooze", "bad-duration", duration_ms)
    return {} if for_ms is None else {"snooze_ms": for_ms}


def _mock(reader: Reader, node: Node) -> dict[str, Any]:
    """Read `{summarize: text}`; null means that no model answers, as before any `mock`."""
    mapping = reader.mapping(node, "mock", "mock: {summarize: Two decisions were made.}")
    if mapping is None:
        return {}
    reader.check_keys(mapping, ("summarize",))
    answer = mapping.get("summarize")
    if answer is None:
        return {}
    if isinstance(answer, Scalar) and answer.value is None:
        return {"mock": {"summarize": None}}
    text = reader.text(answer, "summarize")
    return {} if text is None else {"mock": {"summarize": text}}


def _route(reader: Reader, node: Node) -> dict[str, Any]:
    """Read `{me: fail 503 x2}`: how a destination answers."""
    mapping = reader.mapping(node, "route", "route: {me: fail 503 x2}")
    if mapping is None:
        return {}
    answers: dict[str, Any] = {}
    for pair in mapping.pairs:
        name = reader.converted(pair.key, "route", "bad-name", rule_name)
        answer = reader.converted(pair.value, pair.key.text, "bad-answer", route_answer)
        if name is not None and answer is not None:
            answers[name] = answer
    return {"route": answers} if answers else {}


def _recording(reader: Reader, node: Node) -> dict[str, Any]:
    part = reader.converted(node, "recording", "bad-recording", recording_part)
    return {} if part is None else {"recording": {**part, "span": node.span}}


_SPECIAL: dict[str, Callable[[Reader, Node], dict[str, Any]]] = {
    "raw": _raw, "engine": _engine, "ack": _ack, "snooze": _snooze, "mock": _mock, "route": _route,
    "recording": _recording,
}  # fmt: skip


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
