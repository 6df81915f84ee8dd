"""The `table` function: a list of objects as aligned plain text, for digests."""

from __future__ import annotations

from json import dumps
from typing import Any

from engine.core.jmes.context import Context
from engine.core.jmes.functions import refuse

__all__ = ["table"]

_MOST_ROWS = 100
_MOST_WIDTH = 60


def table(context: Context, items: Any, *columns: Any) -> Any:
    """Return a heading and one line an item; numbers stand to the right, missing values are blank.

    A column is a dotted path and its heading the last name. At most 100 rows, then how many more there are.
    """
    if items.__class__ is not list or not all(column.__class__ is str for column in columns):
        return None if items is None else refuse(context, "table", items)
    shown = items[:_MOST_ROWS]
    context.spend((len(shown) + 1) * len(columns) * (_MOST_WIDTH // 4))
    values = [[_at(item, column) for item in shown] for column in columns]
    written = [
        _aligned([column.rpartition(".")[2], *map(_cell, cells)], _is_numeric(cells))
        for column, cells in zip(columns, values, strict=True)
    ]
    lines = ["  ".join(line).rstrip() for line in zip(*written, strict=True)]
    if len(items) > _MOST_ROWS:
        lines.append(f"… and {len(items) - _MOST_ROWS} more")
    return "\n".join(lines)


def _at(item: Any, path: str) -> Any:
    for name in path.split("."):
        item = item.get(name) if item.__class__ is dict else None
    return item


def _is_numeric(cells: list[Any]) -> bool:
    known = [cell for cell in cells if cell is not None]
    return bool(known) and all(cell.__class__ in (int, float) for cell in known)


def _cell(value: Any) -> str:
    match value:
        case None:
            text = ""
        case str():
            text = " ".join(value[: _MOST_WIDTH * 4].split())
        case list():
            text = f"({len(value)} items)"
        case dict():
            text = f"({len(value)} fields)"
        case float():
            text = f"{value:.6g}"
        case _:
            text = dumps(value)
    return text if len(text) <= _MOST_WIDTH else text[: _MOST_WIDTH - 1] + "…"


def _aligned(cells: list[str], to_the_right: bool) -> list[str]:
    width = max(map(len, cells))
    return [cell.rjust(width) if to_the_right else cell.ljust(width) for cell in cells]
