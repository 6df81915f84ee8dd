"""Where everything is: `engine.yaml`, journal, state, rules. Options first, then the file, then defaults."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_config_path, user_state_path

from engine.core.voice import usual
from engine.model.config import Config
from engine.model.errors import ConfigError

if TYPE_CHECKING:  # the compiler costs 70 ms, and most commands never need it
    from engine.core.compile import Program

__all__ = ["APP", "CONFIG_NAME", "Settings", "find_config", "load_settings"]

APP = "capture-rules"
CONFIG_NAME = "engine.yaml"
JOURNAL_NAME = "videodb_events.jsonl"


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration with every path made absolute or relative to the current folder, ready to open."""

    config: Config
    config_file: str | None
    rules: tuple[str, ...]
    journals: tuple[str, ...]
    state: str
    output: str

    def routes(self, program: Program) -> dict[str, tuple[str, ...]]:
        """Return the destinations behind every name that the rules use.

        While engine.yaml declares none of its own, every name means the console, so that a copied rule works at once.
        """
        declares = set(self.config.destinations) != {"console"}
        used = {name for compiled in program.rules for name in compiled.rule.told}
        return {name: self.config.targets(name) or ((name,) if declares else ("console",)) for name in used}


def find_config(named: str | None) -> Path | None:
    """Return the file to read: the named one, else `./engine.yaml`, else the one in the user's config folder."""
    if named is not None:
        if not Path(named).is_file():
            raise ConfigError(f"{named}: no such file; --config names the engine.yaml to use")
        return Path(named)
    for candidate in (Path(CONFIG_NAME), user_config_path(APP) / CONFIG_NAME):
        if candidate.is_file():
            return candidate
    return None


def load_settings(
    config: str | None = None,
    rules: tuple[str, ...] = (),
    events: tuple[str, ...] = (),
    state: str | None = None,
) -> Settings:
    """Return what the options and the configuration together say."""
    path = find_config(config)
    loaded = _load(path)
    home = path.parent if path is not None else Path()
    folder = state or _at(home, loaded.state) or str(user_state_path(APP) / "engine")
    return Settings(
        config=loaded,
        config_file=str(path) if path is not None else None,
        rules=rules or tuple(_at(home, one) or one for one in loaded.rules),
        journals=events or tuple(_at(home, one) or one for one in loaded.journals) or (default_journal(),),
        state=folder,
        output=_at(home, loaded.output) or str(Path(folder) / "output"),
    )


def default_journal() -> str:
    """Return where the capture runner writes unless told otherwise."""
    folder = os.environ.get("VIDEODB_EVENTS_DIR")
    return str((Path(folder) if folder else user_state_path(APP) / "capture") / JOURNAL_NAME)


def _at(home: Path, path: str | None) -> str | None:
    return None if path is None else str(home / Path(path).expanduser())


def _load(path: Path | None) -> Config:
    if path is None:
        summaries = usual(os.environ)
        return Config(summaries=summaries, secrets=frozenset({summaries.key} if summaries.key else ()))
    from dotenv import dotenv_values

    from engine.rulebook.config import load_config

    # `.env` only from the folder of engine.yaml: one in the working folder may be a stranger's.
    beside = {name: value for name, value in dotenv_values(path.parent / ".env").items() if value is not None}
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    return load_config(content, str(path), {**beside, **os.environ})
