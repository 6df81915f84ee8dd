"""Text generation and the upload that long prompts take."""

from __future__ import annotations

import json
from typing import Any

from capture.simulator.cloud import Cloud
from capture.simulator.routing import Endpoint, RefusalError, need
from capture.simulator.wire import Call, Reply

__all__ = ["ENDPOINTS", "OPEN_ENDPOINTS"]


def _generate(cloud: Cloud, call: Call) -> Any:
    wants_json = call.body.get("response_type") == "json"
    output = _answer(cloud, _prompt(cloud, call), wants_json=wants_json)
    if cloud.faults.generate == "direct":
        return {"output": output}
    job = cloud.world.next_id("job")
    cloud.world.outputs[job] = {"success": True, "status": "done", "data": {"output": output}}
    url = f"{cloud.base_url}/async-response/{job}"
    return Reply(200, {"status": "processing", "request_type": "sync", "data": {"output_url": url}})


def _prompt(cloud: Cloud, call: Call) -> str:
    if "prompt_url" in call.body:
        upload = str(call.body["prompt_url"]).rpartition("/")[2]
        return str(need(cloud.world.uploads, upload, "upload").decode("utf-8", "replace"))
    prompt = call.body.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        raise RefusalError(400, "prompt is required")
    return prompt


def _answer(cloud: Cloud, prompt: str, *, wants_json: bool) -> str | dict[str, Any]:
    fixed = cloud.faults.answer
    if not wants_json:
        return fixed or f"A simulated answer to a prompt of {len(prompt)} characters."
    try:
        value = json.loads(fixed) if fixed else None
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"answer": fixed or "simulated", "prompt_length": len(prompt)}


def _output(cloud: Cloud, call: Call) -> Reply:
    return Reply(200, need(cloud.world.outputs, call.params["job"], "job"))


def _upload_url(cloud: Cloud, call: Call) -> dict[str, Any]:
    upload = cloud.world.next_id("upload")
    cloud.world.uploads[upload] = b""
    return {"upload_url": f"{cloud.base_url}/upload/{upload}"}


def _upload(cloud: Cloud, call: Call) -> dict[str, Any]:
    need(cloud.world.uploads, call.params["upload"], "upload")
    cloud.world.uploads[call.params["upload"]] = call.raw
    return {"stored": len(call.raw)}


ENDPOINTS = (
    Endpoint("POST", "/collection/{c}/generate/text", _generate),
    Endpoint("GET", "/collection/{c}/upload_url", _upload_url),
    Endpoint("GET", "/async-response/{job}", _output),
)
OPEN_ENDPOINTS = (Endpoint("POST", "/upload/{upload}", _upload),)
"""Answered without a key: the address is the secret, as with any presigned upload."""
