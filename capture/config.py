"""`capture.yaml` to `Settings`: every key is known, every complaint names its place and the word that was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn, cast

from capture.settings import DEFAULT_PIPELINES, Alert, Batch, Kind, Limits, PipelineSpec, Settings
from capture.yaml_tree import Items, Node, Place, Scalar, Table, YamlError, compose, plain

__all__ = ["ConfigError", "load_settings", "parse_settings"]

_KINDS: tuple[Kind, ...] = ("transcript", "audio", "visual")
_BATCHES: dict[Kind, tuple[str, ...]] = {"transcript": (), "audio": ("word", "sentence", "time"), "visual": ("time",)}
_PIPELINE_KEYS: dict[Kind, tuple[str, ...]] = {
    "transcript": ("engine",),
    "audio": ("name", "prompt", "model", "batch_config", "json", "alerts"),
    "visual": ("name", "prompt", "model", "batch_config", "json", "alerts"),
}
_MAX_TOKEN_HOURS = 23.0


class ConfigError(Exception):
    """`capture.yaml` says something that cannot be. The message begins `file:line:column:`."""


def load_settings(path: Path) -> Settings:
    """Read a settings file. Errors: ConfigError."""
    try:
        return parse_settings(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}:1:1: the file is not UTF-8 (byte {error.start})") from error


def parse_settings(text: str, file: str) -> Settings:
    """Return what the text says, with defaults for what it does not say. Errors: ConfigError."""
    try:
        root = compose(text)
        return Settings() if root is None else _settings(root)
    except YamlError as error:
        raise ConfigError(f"{file}:{error.place.line}:{error.place.column}: {error}") from None


def _settings(root: Node) -> Settings:
    keys = (
        "end_user_id", "collection", "channels", "primary", "store", "callback_url", "metadata", "limits", "pipelines"
    )  # fmt: skip
    top = _table(root, keys, "capture.yaml")
    default = Settings()
    limits = top.get("limits")
    return Settings(
        end_user_id=_text(top["end_user_id"]) if "end_user_id" in top else default.end_user_id,
        collection=_text(top["collection"]) if "collection" in top else default.collection,
        channels=_patterns(top["channels"]) if "channels" in top else default.channels,
        primary=_text(top["primary"]) if "primary" in top else None,
        store=_store(top["store"]) if "store" in top else (),
        callback_url=_url(top["callback_url"]) if "callback_url" in top else "",
        metadata=_metadata(top["metadata"]) if "metadata" in top else {},
        limits=_limits(limits) if limits else default.limits,
        pipelines=_pipelines(top["pipelines"]) if "pipelines" in top else DEFAULT_PIPELINES,
    )


def _limits(node: Node) -> Limits:
    table = _table(node, ("max_hours", "rotate_hours"), "limits")
    default = Limits()
    rotate = table.get("rotate_hours")
    hours = _number(rotate) if rotate else default.rotate_hours
    if rotate and hours > _MAX_TOKEN_HOURS:
        _fail(rotate.place, f"a client token lives 24 hours, so a session may last {_MAX_TOKEN_HOURS:g} at most")
    return Limits(_number(table["max_hours"]) if "max_hours" in table else None, hours)


def _pipelines(node: Node) -> dict[str, tuple[PipelineSpec, ...]]:
    table = _as_table(node, "pipelines")
    return {source: _source(source, value) for source, _, value in table.pairs}


def _source(source: str, node: Node) -> tuple[PipelineSpec, ...]:
    """One source, or channel id, or glob of channel ids, with what runs on it."""
    specs: list[PipelineSpec] = []
    for kind, value in _table(node, _KINDS, f"pipelines.{source}").items():
        known = cast(Kind, kind)
        entries = value.items if isinstance(value, Items) else (value,)
        for entry in entries:
            if isinstance(entry, Scalar) and entry.value is False:
                continue
            spec = _pipeline(known, entry)
            if any(other.name == spec.name for other in specs):
                _fail(entry.place, f"two pipelines are named {spec.name!r}; give one another `name`")
            specs.append(spec)
    return tuple(specs)


def _pipeline(kind: Kind, node: Node) -> PipelineSpec:
    if isinstance(node, Scalar) and node.value is True:
        node = Table(node.place, ())
    elif isinstance(node, Scalar) and kind != "transcript" and isinstance(node.value, str):
        return PipelineSpec(kind, kind, node.value)
    table = _table(node, _PIPELINE_KEYS[kind], kind)
    batch, fields, alerts = table.get("batch_config"), table.get("json"), table.get("alerts")
    return PipelineSpec(
        kind=kind,
        name=_text(table["name"]) if "name" in table else kind,
        prompt=_text(table["prompt"]) if "prompt" in table else None,
        model=_text(table["model"]) if "model" in table else None,
        batch=_batch(kind, batch) if batch else None,
        fields=_fields(fields) if fields else (),
        engine=_text(table["engine"]) if "engine" in table else None,
        alerts=tuple(_alert(item) for item in _items(alerts)) if alerts else (),
    )


def _batch(kind: Kind, node: Node) -> Batch:
    keys = ("type", "value", "frame_count") if kind == "visual" else ("type", "value")
    table = _table(node, keys, "batch_config")
    for needed in keys[:2]:
        if needed not in table:
            _fail(node.place, f"batch_config needs `{needed}`")
    allowed = _BATCHES[kind]
    named = _text(table["type"])
    if named not in allowed:
        _fail(table["type"].place, f"`type` must be {_either(allowed)}{_meant(named, allowed)}")
    frames = _whole(table["frame_count"]) if "frame_count" in table else None
    return Batch(cast(Any, named), _whole(table["value"]), frames)


def _fields(node: Node) -> tuple[tuple[str, str], ...]:
    return tuple((name, _text(value)) for name, _, value in _as_table(node, "json").pairs)


def _alert(node: Node) -> Alert:
    table = _table(node, ("label", "event", "callback_url"), "alerts")
    for needed in ("label", "event"):
        if needed not in table:
            _fail(node.place, f"an alert needs `{needed}`")
    return Alert(
        _text(table["label"]),
        _text(table["event"]),
        _url(table["callback_url"]) if "callback_url" in table else "",
    )


def _store(node: Node) -> tuple[str, ...]:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return ("all",) if node.value else ()
    return _patterns(node)


def _patterns(node: Node) -> tuple[str, ...]:
    return tuple(_text(item) for item in _items(node)) if isinstance(node, Items) else (_text(node),)


def _metadata(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = plain(_as_table(node, "metadata"))
    return found


def _table(node: Node, known: Iterable[str], what: str) -> dict[str, Node]:
    """Return a map's values by key; an unknown key is refused with the nearest known one."""
    names = tuple(known)
    table = _as_table(node, what)
    for name, place, _ in table.pairs:
        if name not in names:
            _fail(place, f"{what} has no `{name}`{_meant(name, names)}; it may have {', '.join(sorted(names))}")
    return {name: value for name, _, value in table.pairs}


def _as_table(node: Node, what: str) -> Table:
    if not isinstance(node, Table):
        _fail(node.place, f"{what} must be `key: value` lines")
    return node


def _items(node: Node) -> tuple[Node, ...]:
    if not isinstance(node, Items):
        _fail(node.place, "this must be a list, one `- ` a line")
    return node.items


def _text(node: Node) -> str:
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        _fail(node.place, "a text is needed here")
    return str(value)


def _url(node: Node) -> str:
    value = _text(node)
    if not value.startswith(("https://", "http://")):
        _fail(node.place, "an address that begins with https:// is needed here")
    return value


def _number(node: Node) -> float:
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        _fail(node.place, "a number above 0 is needed here")
    return float(value)


def _whole(node: Node) -> int:
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        _fail(node.place, "a whole number above 0 is needed here")
    return value


def _meant(word: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(word.lower(), list(names), 1, 0.6)
    return f", did you mean `{near[0]}`?" if near else ""


def _either(names: tuple[str, ...]) -> str:
    return " or ".join(f"`{name}`" for name in names)


def _fail(place: Place, message: str) -> NoReturn:
    raise YamlError(message, place)
