"""What must be right before a recording: one check each, and what to do where it is not.

Nothing is changed and no permission is asked for; the recorder, where there is one, is started and ended again.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import sys
import time
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from capture.account import account, base_url, connect
from capture.calls import CloudError, call, kind_of_status
from capture.recorder_check import missing_recorder, recorder_path

__all__ = ["Check", "examine"]

_OLDEST_SDK = (0, 5, 1)
_LEAST_FREE = 1 << 30
_MOST_SKEW_S = 5.0
_CALL_S = 15.0
_RECORDER_S = {"init": 15.0, "getPermissionStatus": 10.0, "getChannels": 20.0}
_PERMISSIONS = {"microphone": "Microphone", "screen-capture": "Screen Recording"}
_KEY_FIXES = {
    "auth": "copy the key from console.videodb.io into VIDEO_DB_API_KEY",
    "credits": "top up at console.videodb.io",
    "network": "check the network, proxy variables and VIDEO_DB_API",
}


class Check(NamedTuple):
    """One thing looked at. Shape: `fix` is empty when `ok`."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


async def examine(folder: Path) -> list[Check]:
    """Return every check, for a journal in this folder. Errors: none, they are what is reported."""
    account_checks, recorder_checks = await asyncio.gather(_account(), _recorder())
    return [_sdk(), *account_checks, *recorder_checks, *_folder(folder), _disk(folder)]


def _sdk() -> Check:
    fix = "pip install 'videodb>=0.5.1'"
    try:
        found = version("videodb")
    except PackageNotFoundError:
        return Check("sdk", False, "videodb is not installed", fix)
    numbers = tuple(int(part) for part in found.split(".")[:3] if part.isdecimal())
    return Check("sdk", True, f"videodb {found}") if numbers >= _OLDEST_SDK else Check("sdk", False, found, fix)


async def _account() -> list[Check]:
    try:
        who = account()
    except CloudError as error:
        return [Check("key", False, error.message, "put VIDEO_DB_API_KEY=... into .env")]
    connection = connect(who)
    try:
        began = time.time()
        answer = await call(connection.session.get, f"{who.base_url}/collection/default", timeout=_CALL_S)
        middle = (began + time.time()) / 2
    except CloudError as error:
        return [Check("key", False, f"no answer from the cloud: {error.message}", _KEY_FIXES["network"])]
    finally:
        connection.session.close()
    return [_key(answer.status_code), _clock(answer.headers.get("Date"), middle)]


def _key(status: int) -> Check:
    if status == 200:
        return Check("key", True, "accepted")
    return Check("key", False, f"refused with HTTP {status}", _KEY_FIXES.get(kind_of_status(status), "try again later"))


def _clock(date: str | None, now_s: float) -> Check:
    try:
        skew_s = now_s - parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return Check("clock", True, "not compared: the cloud did not tell the time")
    # A Date header has whole seconds, cut off.
    if abs(skew_s - 0.5) <= _MOST_SKEW_S:
        return Check("clock", True, f"within {_MOST_SKEW_S:g} s of the cloud's")
    ahead = "ahead of" if skew_s > 0 else "behind"
    return Check("clock", False, f"{abs(skew_s):.0f} s {ahead} the cloud's", "let the system set the time by network")


async def _recorder() -> list[Check]:
    path = recorder_path()
    if path is None:
        installable = sys.platform in ("darwin", "win32")
        why = missing_recorder()
        return [Check("recorder", not installable, why, "pip install 'videodb[capture]>=0.5.1'" if installable else "")]
    from capture.client import RecorderError, SafeCaptureClient

    try:
        client = SafeCaptureClient("", base_url(), deadlines_s=_RECORDER_S)
    except (CloudError, RecorderError) as error:
        return [
            Check("recorder", False, error.message, "install it again: pip install --force-reinstall videodb[capture]")
        ]
    try:
        return [await _devices(client), *[await _permission(client, name) for name in _PERMISSIONS]]
    except RecorderError as error:
        return [_unwilling(error.code, str(error))]
    finally:
        await client.shutdown()


async def _devices(client: Any) -> Check:
    found = await client.list_channels()
    groups = {"microphones": found.mics, "displays": found.displays, "system audio": found.system_audio}
    detail = ", ".join(f"{name} {len(group)}" for name, group in groups.items())
    if any(groups.values()):
        return Check("recorder", True, detail)
    return Check("recorder", False, "it finds no device", "give the permissions below, then try again")


async def _permission(client: Any, name: str) -> Check:
    from capture.client import RecorderError

    try:
        result = await client._send_command("getPermissionStatus", {"permission": name})
    except RecorderError as error:
        if error.code == "EXITED":
            raise
        return Check(name, True, "cannot be told before a recording")
    status = str(result.get("status") or result.get("permission_status") or "unknown")
    if status != "denied":
        return Check(name, True, status)
    where = (
        f"System Settings, Privacy & Security, {_PERMISSIONS[name]}"
        if sys.platform == "darwin"
        else "Settings, Privacy"
    )
    return Check(name, False, "denied", f"allow it for your terminal: {where}; then start the terminal again")


def _unwilling(code: str, text: str) -> Check:
    if code == "INSTANCE_ALREADY_RUNNING":
        return Check("recorder", True, "another recorder is running: not looked at further")
    return Check("recorder", False, text, "end other recorders; if it stays, install it again")


def _folder(folder: Path) -> list[Check]:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return [Check("journal", False, f"{existing} cannot be written", "set VIDEODB_EVENTS_DIR to a folder of yours")]
    if existing != folder:
        return [Check("journal", True, f"{folder} will be made, for you alone")]
    info = folder.stat()
    if sys.platform != "win32" and (info.st_uid != os.geteuid() or stat.S_IMODE(info.st_mode) & 0o077):
        fix = f"chmod 700 {folder}" if info.st_uid == os.geteuid() else "set VIDEODB_EVENTS_DIR to a folder of yours"
        return [Check("journal", False, f"{folder} is open to other users of this machine", fix)]
    return [Check("journal", True, f"{folder} is yours alone")]


def _disk(folder: Path) -> Check:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    detail = f"{free / (1 << 30):.1f} GiB free"
    return (
        Check("disk", True, detail)
        if free >= _LEAST_FREE
        else Check("disk", False, detail, "make room: 1 GiB at least")
    )
