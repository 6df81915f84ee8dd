"""The workflow of the vendor's capture guide as a user would write it: the SDK, the listener's files, nothing of ours.

Run as a program: `guide_workflow.py EVENTS_DIR`. Prints the exported video's player address.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import videodb
from videodb.capture import CaptureClient

EVENTS_DIR = Path(sys.argv[1])


def wait_for(event: str) -> dict[str, Any]:
    end = time.time() + 10
    while time.time() < end:
        for line in (EVENTS_DIR / "videodb_events.jsonl").read_text().splitlines():
            found: dict[str, Any] = json.loads(line)
            if found.get("event") == event:
                return found
        time.sleep(0.02)
    raise SystemExit(f"no {event}")


async def main() -> None:
    ws_id = (EVENTS_DIR / "videodb_ws_id").read_text().strip()
    conn = videodb.connect(base_url=os.environ["VIDEO_DB_API"])
    session = conn.create_capture_session(
        end_user_id="demo-user", collection_id="default", ws_connection_id=ws_id, metadata={"app": "my-app"}
    )
    client = CaptureClient(client_token=conn.generate_client_token())
    await client.request_permission("microphone")
    await client.request_permission("screen_capture")
    channels = await client.list_channels()
    selected = [c for c in [channels.mics.default, channels.displays.default, channels.system_audio.default] if c]
    for channel in selected:
        channel.store = True
    await client.start_session(capture_session_id=session.id, channels=selected)
    active = wait_for("capture_session.active")
    for stream in active["data"]["rtstreams"]:
        rtstream = conn.get_collection().get_rtstream(stream["rtstream_id"])
        if "audio" in stream["media_types"]:
            rtstream.start_transcript(ws_connection_id=ws_id)
            rtstream.index_audio(prompt="Summarize", ws_connection_id=ws_id)
        else:
            rtstream.index_visuals(prompt="Describe", ws_connection_id=ws_id)
    wait_for("capture_session.active")
    print("RUNNING", flush=True)  # noqa: T201  # it is a program
    sys.stdin.readline()
    await client.stop_session()
    await client.shutdown()
    print(wait_for("capture_session.exported")["data"]["player_url"], flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
