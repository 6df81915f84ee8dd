"""Write the generated parts of the documentation: tables of keys, commands and exit codes, from the code itself.

    python docs/generate.py            rewrite them
    python docs/generate.py --check    exit 1 and name the pages that are not current

A part stands in a page between `<!-- generated: NAME -->` and `<!-- end -->`. Needs only what the programs need.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import click

import capture.cli.main
import engine.cli.main
from capture.cli.exits import Exit
from engine.cli.exits import ExitCode
from engine.rulebook.keys import (
    INPUT_KEYS,
    KEYS,
    KIND_ALIASES,
    KINDS,
    LATER_KEYS,
    RULE_KEYS,
    STATUSES,
    USE_KEYS,
    Key,
)
from engine.rulebook.pack import Pack, read_pack
from engine.rulebook.parse_reader import Reader
from engine.rulebook.yaml_guard import Items, Mapping, Node, Scalar, load

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/rules.md", "docs/packs.md", "docs/commands.md")
PACKS = ("focus", "meeting", "pair", "export", "watchdog")
PART = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

FORMS = {
    "block": "block",
    "block_or_blocks": "block or list of blocks",
    "blocks": "list of blocks",
    "case": "`ignore` or `exact`",
    "classify": "map of label to block, and `else`",
    "clock_times": "`18:00`, or list",
    "count": "`3 within 10m`, or `{at_least, at_most, within, distinct}`",
    "date": "`2027-01-31`",
    "dedup": "duration, or `{key, for}`",
    "digest": "`{every, at, days, or_at, min, send_empty}`",
    "duration": "duration",
    "emit": "`true`, or map of field to template",
    "enough": "number",
    "escalate": "list of `{after, notify, repeat, max}`",
    "expect": "`{max, min}`",
    "expression": "jmespath",
    "expressions": "jmespath, or list",
    "file_name": "file name",
    "first_seen": "path, or `{path, memory}`",
    "flag": "`true` or `false`",
    "hours": "hours, or `{hours, days, zone}`",
    "limit": "`10/h`",
    "missed": "`once` or `skip`",
    "name": "name",
    "needles": "text, or list",
    "partials": "`ignore`, `early` or `all`",
    "reset": "`keep`",
    "severity": "`info`, `warn`, `error` or `critical`",
    "spike": "`true`, or `{ratio, window, baseline, min}`",
    "state": "`session.<status>`",
    "steps": "map of name to block, or list",
    "summarize": "`true`, or `{prompt, max_chars, fallback, budget}`",
    "template": "template",
    "tests": "list of tests",
    "text": "text",
    "texts": "text, or list",
    "track": "path, or `{key, gap, min}`",
    "unless": "block, or `session.<status>`",
    "until": "`acked`, kind, or list",
    "when": "kind, or list",
    "where": "map of field to test",
}

EXITS = {
    "OK": "done; for tests: all passed",
    "FAILED": "a rule test failed, or firings differ from the golden file",
    "INVALID": "a rule, `engine.yaml` or the command line is invalid",
    "NOTHING": "nothing to do: no rule files to check, no tests, no event, no file for a pattern, no such row",
    "DEGRADED": "something is undelivered, the state cannot be used, or a recording is unreadable or too damaged",
    "INTERNAL": "a fault of this program; `ENGINE_DEBUG=1` shows where",
    "INTERRUPTED": "ended by Ctrl-C",
}

CAPTURE_EXITS = {
    "OK": "done",
    "UNEXPECTED": "a fault of this program",
    "USAGE": "the command line or `capture.yaml` is invalid",
    "ENVIRONMENT": "something outside is missing or refuses; the message says what",
    "INTERRUPTED": "ended by Ctrl-C before it was done",
}


def keys() -> Iterator[str]:
    """Yield the table of rule keys. `B`: also in blocks; `D`: also under `defaults:`."""
    yield from _table(("key", "form", "meaning", "also"), map(_key_row, RULE_KEYS.values()))


def _key_row(key: Key) -> tuple[str, ...]:
    also = " ".join(letter for letter, stands in (("B", key.block), ("D", key.default)) if stands)
    return f"`{key.name}`", FORMS[key.shape], key.meaning, also


def later_keys() -> Iterator[str]:
    """Yield the keys that are known and refused, in the order of the table."""
    yield ", ".join(f"`{key.name}`" for key in KEYS if key.name in LATER_KEYS)


def kinds() -> Iterator[str]:
    """Yield the table of kinds with their other names."""
    other = {kind: [alias for alias, of in KIND_ALIASES.items() if of == kind] for kind in KINDS}
    meanings = {
        "transcript": "a piece of speech as text",
        "visual_index": "a description of what is on the screen",
        "audio_index": "a summary of what was said",
        "alert": "an alert of the recording service",
        "session": "the life of a capture session; `session.<status>` for one status",
        "engine": "what the engine says of itself; `engine.<event>` for one event",
        "capture": "what the recorder says of itself; `capture.<fact>` for one: gap, generation, pipeline, heartbeat",
        "any": "every event but those that rules, the engine and the recorder write themselves",
    }
    rows = ((f"`{kind}`", ", ".join(f"`{name}`" for name in other[kind]), meanings[kind]) for kind in KINDS)
    yield from _table(("name", "other names", "what it is"), rows)


def statuses() -> Iterator[str]:
    """Yield the session statuses."""
    yield ", ".join(f"`{status}`" for status in STATUSES)


def command_table() -> Iterator[str]:
    """Yield one line a command of both programs."""
    rows = [(f"`engine {name}`", told) for name, told in engine.cli.main.COMMANDS.items()]
    rows += [(f"`capture {name}`", entry.help) for name, entry in capture.cli.main.COMMANDS.items()]
    yield from _table(("command", "does"), rows)


def commands() -> Iterator[str]:
    """Yield a section a command: its help, how it is called, its arguments and options."""
    yield from _program("engine", engine.cli.main.engine)
    yield from _program("capture", capture.cli.main.cli)


def _program(name: str, group: click.Group) -> Iterator[str]:
    context = click.Context(group, info_name=name)
    for number, each in enumerate(group.list_commands(context)):
        if number:
            yield ""
        command = group.get_command(context, each)
        assert command is not None, f"{name} {each} has no module"
        yield from _command(f"{name} {each}", command, 3)


def _command(path: str, command: click.Command, level: int) -> Iterator[str]:
    yield f"{'#' * level} {path}"
    yield ""
    yield from _help(command.help or "")
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield ""
            yield from _command(f"{path} {name}", inner, level + 1)
        return
    yield ""
    yield from ("```text", " ".join([path, *_usage(command)]), "```")
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    if options:
        yield ""
        yield from _table(("option", "meaning"), map(_option_row, options))


def _usage(command: click.Command) -> list[str]:
    return [piece for piece in command.collect_usage_pieces(click.Context(command)) if piece]


def _help(text: str) -> Iterator[str]:
    """Yield click's help as Markdown: what stands after a backspace mark is preformatted, the rest is prose."""
    paragraphs = re.split(r"\n\s*\n", _dedented(text))
    for number, paragraph in enumerate(paragraphs):
        if number:
            yield ""
        lines = paragraph.strip("\n").split("\n")
        if lines[0].strip() == "\b":
            margin = min(len(line) - len(line.lstrip()) for line in lines[1:])
            yield from ("```text", *(line[margin:].rstrip() for line in lines[1:]), "```")
        else:
            yield _escaped(" ".join(line.strip() for line in lines))


def _dedented(text: str) -> str:
    first, _, rest = text.partition("\n")
    margins = [len(line) - len(line.lstrip(" ")) for line in rest.split("\n") if line.strip()]
    margin = min(margins, default=0)
    return "\n".join([first.strip(), *(line[margin:] for line in rest.split("\n"))]).strip("\n")


def _option_row(option: click.Option) -> tuple[str, str]:
    names = ", ".join((*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else " " + option.make_metavar(click.Context(click.Command("")))
    told = (option.help or "").rstrip(".")
    if option.show_default and not option.is_flag and option.default not in (None, ""):
        told += f"; {option.default} unless given" if told else f"{option.default} unless given"
    return f"`{names}{value}`", _escaped(told)


def _escaped(text: str) -> str:
    """Return text in which `<time>` outside of code does not pass for a tag."""
    return "`".join(part if number % 2 else part.replace("<", "&lt;") for number, part in enumerate(text.split("`")))


def exits() -> Iterator[str]:
    """Yield the exit codes of `engine`."""
    yield from _table(("code", "means"), ((str(int(code)), EXITS[code.name]) for code in ExitCode))


def capture_exits() -> Iterator[str]:
    """Yield the exit codes that all commands of `capture` share."""
    yield from _table(("code", "means"), ((str(int(code)), CAPTURE_EXITS[code.name]) for code in Exit))


def use_keys() -> Iterator[str]:
    """Yield the keys of who uses a pack."""
    yield from _table(("key", "meaning"), ((f"`{key.name}`", key.meaning) for key in USE_KEYS.values()))


def input_keys() -> Iterator[str]:
    """Yield the settings of an input."""
    yield from _table(("key", "meaning"), ((f"`{name}`", meaning) for name, meaning in INPUT_KEYS.items()))


def _pack(name: str) -> Iterator[str]:
    """Yield what a shipped pack has: its rules and whom they tell, then its inputs."""
    pack = _read_pack(name)
    yield from _table(("rule", "what it is about", "tells"), (_pack_rule(rule) for rule in pack.rules))
    yield ""
    rows = ((f"`{each.name}`", each.type, _value(each.default), each.description) for each in pack.inputs)
    yield from _table(("input", "type", "default", "meaning"), rows)


def _read_pack(name: str) -> Pack:
    file = ROOT / "rules" / "packs" / f"{name}.yaml"
    document = load(file.read_bytes(), str(file))
    assert isinstance(document.node, Mapping)
    pack = read_pack(Reader(str(file), document.lines), document.node)
    assert pack is not None, f"{file} is no pack"
    return pack


def _pack_rule(rule: Mapping) -> tuple[str, str, str]:
    told = rule.get("notify")
    record = rule.get("record")
    tells = [f"`{_value(told).strip('`$')}`"] if told is not None else []
    tells += [f"{_value(record)}"] if record is not None else []
    return f"`{_text(rule, 'name')}`", _text(rule, "description"), ", ".join(tells) or "other rules"


def _text(rule: Mapping, key: str) -> str:
    node = rule.get(key)
    return node.text if isinstance(node, Scalar) else ""


def _value(node: Node | None) -> str:
    """Return a value as it would be written under `with`."""
    if isinstance(node, Items):
        return f"`{', '.join(part.text for part in node.items if isinstance(part, Scalar))}`"
    return f"`{node.text}`" if isinstance(node, Scalar) else "must be given"


PARTS: dict[str, Callable[[], Iterable[str]]] = {
    **{f"pack-{name}": partial(_pack, name) for name in PACKS},
    "capture-exits": capture_exits,
    "command-table": command_table,
    "commands": commands,
    "exits": exits,
    "input-keys": input_keys,
    "keys": keys,
    "kinds": kinds,
    "later-keys": later_keys,
    "statuses": statuses,
    "use-keys": use_keys,
}


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(heading) + " |"
    yield "| " + " | ".join("---" for _ in heading) + " |"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def written(page: str) -> str:
    """Return the page with every generated part as the code has it now. Errors: KeyError for an unknown part."""

    def part(found: re.Match[str]) -> str:
        return f"{found[1]}{chr(10).join(PARTS[found[2]]())}\n{found[3]}"

    return PART.sub(part, page)


def main(arguments: list[str]) -> int:
    """Write or check all pages. Returns the exit code."""
    stale = []
    for name in PAGES:
        page = (ROOT / name).read_text(encoding="utf-8")
        current = written(page)
        if page != current:
            stale.append(name)
            if "--check" not in arguments:
                (ROOT / name).write_text(current, encoding="utf-8")
    if stale and "--check" in arguments:
        sys.stderr.write(f"not current: {', '.join(stale)}; run `python docs/generate.py`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
