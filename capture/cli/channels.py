"""`capture channels`: which devices can be recorded."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import click

from capture.cli.exits import Failure

__all__ = ["command"]

_GROUPS = ("mics", "displays", "system_audio", "cameras")


@click.command(name="channels")
@click.option("--json", "as_json", is_flag=True, help="A JSON list: [{id, group, type, name, default}].")
def command(as_json: bool) -> None:
    """List microphones, displays, system audio and cameras with the ids that `capture.yaml` and `start` take.

    Needs the recorder (macOS, Windows), but neither key nor network.

    \b
    Exit codes: 0 listed, 3 there is no recorder, or it does not answer.
    """
    from capture.calls import CloudError
    from capture.client import RecorderError

    try:
        found = asyncio.run(_list())
    except (RecorderError, CloudError) as error:
        raise Failure(error.message) from error
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for device in found:
        name = "".join(letter for letter in device["name"] if letter.isprintable())
        click.echo(f"{device['id']:<24}{device['type']:<7}{name}{'  (default)' if device['default'] else ''}")
    if not found:
        click.echo("No device was found; `capture doctor` tells whether a permission is missing.", err=True)


async def _list() -> list[dict[str, Any]]:
    from capture.account import base_url
    from capture.client import SafeCaptureClient

    client = SafeCaptureClient("", base_url())
    try:
        channels = await client.list_channels()
    finally:
        await client.shutdown()
    return [
        {"id": ch.id, "group": group, "type": ch.type, "name": str(ch.name or ""), "default": ch is devices.default}
        for group in _GROUPS
        for devices in [getattr(channels, group)]
        for ch in devices
    ]
