"""What runs on a stream: indexes of both generations, understandings, events and alerts."""

from __future__ import annotations

from typing import Any

from capture.simulator.api_streams import stream_of
from capture.simulator.cloud import Cloud
from capture.simulator.routing import Endpoint, RefusalError, action_of, need, page_of
from capture.simulator.state import Alert, Kind, Pipeline
from capture.simulator.wire import Call

__all__ = ["ENDPOINTS"]

_SCENE = "/rtstream/{id}/index/scene"


def _create_index(cloud: Cloud, call: Call) -> dict[str, Any]:
    kinds: dict[object, Kind] = {"transcript": "audio", "time": "visual", "shot": "visual"}
    kind = kinds.get(call.body.get("extraction_type"))
    if kind is None:
        raise RefusalError(400, "extraction_type must be time, shot or transcript")
    pipeline = _start(cloud, call, kind, "idx")
    return _scene_index(pipeline)


def _list_indexes(cloud: Cloud, call: Call) -> dict[str, Any]:
    found = cloud.world.on_stream(stream_of(cloud, call).id, "audio", "visual")
    return {"scene_indexes": [_scene_index(pipeline) for pipeline in found]}


def _get_index(cloud: Cloud, call: Call) -> dict[str, Any]:
    return _scene_index(_pipeline(cloud, call))


def _get_scenes(cloud: Cloud, call: Call) -> dict[str, Any]:
    shown, more = page_of(_in_range(_pipeline(cloud, call).records, call), call)
    return {"scene_index_records": shown, "next_page": more}


def _get_records(cloud: Cloud, call: Call) -> dict[str, Any]:
    shown, more = page_of(_in_range(_pipeline(cloud, call).records, call), call)
    return {"records": shown, "next_page": more}


def _get_understood(cloud: Cloud, call: Call) -> dict[str, Any]:
    if "start" not in call.query or "end" not in call.query:
        raise RefusalError(400, "start and end are required")
    return _get_records(cloud, call)


def _set_status(cloud: Cloud, call: Call) -> dict[str, Any]:
    pipeline = _pipeline(cloud, call)
    if action_of(call, "start", "stop") == "stop":
        pipeline.running = False
    elif not pipeline.running:
        pipeline.running = True
        pipeline.starts += 1
        cloud.started(pipeline)
    return {"id": pipeline.id, "status": _status(pipeline)}


def _understand(cloud: Cloud, call: Call) -> dict[str, Any]:
    analyzers = call.body.get("analyzers")
    if not isinstance(analyzers, list) or len(analyzers) != 1 or not isinstance(analyzers[0], dict):
        raise RefusalError(400, "exactly one analyzer is needed")
    return _understanding(_start(cloud, call, "understanding", "und"))


def _list_understandings(cloud: Cloud, call: Call) -> dict[str, Any]:
    found = cloud.world.on_stream(stream_of(cloud, call).id, "understanding")
    return {"understandings": [_understanding(pipeline) for pipeline in found]}


def _get_understanding(cloud: Cloud, call: Call) -> dict[str, Any]:
    return _understanding(_pipeline(cloud, call))


def _materialize(cloud: Cloud, call: Call) -> dict[str, Any]:
    source = call.body.get("source")
    source_id = str(source.get("understanding_id")) if isinstance(source, dict) else ""
    need(cloud.world.pipelines, source_id, "understanding")
    pipeline = _start(cloud, call, "index", "idx")
    pipeline.source_id = source_id
    pipeline.records = list(cloud.world.pipelines[source_id].records)
    return _index(pipeline)


def _list_materialized(cloud: Cloud, call: Call) -> dict[str, Any]:
    return {"indexes": [_index(p) for p in cloud.world.on_stream(stream_of(cloud, call).id, "index")]}


def _get_materialized(cloud: Cloud, call: Call) -> dict[str, Any]:
    return _index(_pipeline(cloud, call))


def _create_event(cloud: Cloud, call: Call) -> dict[str, Any]:
    prompt, label = call.body.get("event_prompt"), call.body.get("label")
    if not prompt or not label:
        raise RefusalError(400, "event_prompt and label are required")
    event_id = cloud.world.next_id("event")
    cloud.world.events[event_id] = {"event_id": event_id, "event_prompt": str(prompt), "label": str(label)}
    return {"event_id": event_id}


def _list_events(cloud: Cloud, call: Call) -> dict[str, Any]:
    return {"events": list(cloud.world.events.values())}


def _create_alert(cloud: Cloud, call: Call) -> dict[str, Any]:
    pipeline = _pipeline(cloud, call)
    body = call.body
    event = need(cloud.world.events, str(body.get("event_id")), "event")
    ws_id = str(body.get("ws_connection_id") or "")
    alert = Alert(cloud.world.next_id("alert"), event["event_id"], str(body.get("callback_url") or ""), ws_id)
    pipeline.alerts.append(alert)
    return {"alert_id": alert.id}


def _list_alerts(cloud: Cloud, call: Call) -> dict[str, Any]:
    events = cloud.world.events
    return {
        "alerts": [
            {
                "alert_id": alert.id, "event_id": alert.event_id, "label": events[alert.event_id]["label"],
                "callback_url": alert.callback_url, "status": "enabled" if alert.enabled else "disabled",
            }
            for alert in _pipeline(cloud, call).alerts
        ]
    }  # fmt: skip


def _set_alert(cloud: Cloud, call: Call) -> dict[str, Any]:
    alerts = {alert.id: alert for alert in _pipeline(cloud, call).alerts}
    alert: Alert = need(alerts, call.params["a"], "alert")
    alert.enabled = action_of(call, "enable", "disable") == "enable"
    return {"alert_id": alert.id, "status": "enabled" if alert.enabled else "disabled"}


def _start(cloud: Cloud, call: Call, kind: Kind, prefix: str) -> Pipeline:
    stream = stream_of(cloud, call)
    if stream.status != "connected":
        raise RefusalError(400, f"the stream is {stream.status}")
    body = call.body
    pipeline = Pipeline(
        cloud.world.next_id(prefix), kind, stream.id, str(body.get("ws_connection_id") or ""),
        body.get("name"), body.get("prompt"), request=dict(body),
    )  # fmt: skip
    cloud.world.pipelines[pipeline.id] = pipeline
    cloud.started(pipeline)
    return pipeline


def _pipeline(cloud: Cloud, call: Call) -> Pipeline:
    stream = stream_of(cloud, call)
    pipeline: Pipeline = need(cloud.world.pipelines, call.params["x"], "index")
    if pipeline.stream_id != stream.id:
        raise RefusalError(404, f"index {pipeline.id} is not on rtstream {stream.id}")
    return pipeline


def _in_range(records: list[dict[str, Any]], call: Call) -> list[dict[str, Any]]:
    """Without both bounds everything: the SDK leaves both out when one is 0."""
    try:
        first, last = float(call.query["start"]), float(call.query["end"])
    except KeyError:
        return records
    except ValueError:
        raise RefusalError(400, "start and end must be numbers of seconds") from None
    return [record for record in records if record["end"] > first and record["start"] < last]


def _status(pipeline: Pipeline) -> str:
    return "running" if pipeline.running else "stopped"


def _scene_index(pipeline: Pipeline) -> dict[str, Any]:
    keys = ("extraction_type", "extraction_config", "sandbox_id")
    shown = {key: pipeline.request.get(key) for key in keys}
    return {
        "rtstream_index_id": pipeline.id, "rtstream_id": pipeline.stream_id, "prompt": pipeline.prompt,
        "name": pipeline.name, "status": _status(pipeline), **shown,
    }  # fmt: skip


def _understanding(pipeline: Pipeline) -> dict[str, Any]:
    analyzer = pipeline.request["analyzers"][0]
    output = str(analyzer.get("name") or "scene")
    descriptor = {"type": "understanding_output", "understanding_id": pipeline.id, "output": output}
    return {
        "understanding_id": pipeline.id, "rtstream_id": pipeline.stream_id, "status": _status(pipeline),
        "store": bool(pipeline.request.get("store", True)), "segmentation": pipeline.request.get("segmentation") or {},
        "analyzers": pipeline.request["analyzers"], "outputs": {output: descriptor},
    }  # fmt: skip


def _index(pipeline: Pipeline) -> dict[str, Any]:
    return {
        "index_id": pipeline.id, "rtstream_id": pipeline.stream_id, "name": pipeline.name, "status": _status(pipeline),
        "use_for": pipeline.request.get("use_for") or ["semantic"], "source_understanding_id": pipeline.source_id,
        "output": pipeline.request["source"].get("output", "scene"),
    }  # fmt: skip


def _alerts_under(prefix: str) -> tuple[Endpoint, ...]:
    return (
        Endpoint("POST", prefix + "/{x}/alert", _create_alert),
        Endpoint("GET", prefix + "/{x}/alert", _list_alerts),
        Endpoint("PATCH", prefix + "/{x}/alert/{a}/status", _set_alert),
    )


ENDPOINTS = (
    Endpoint("POST", "/rtstream/event", _create_event),
    Endpoint("GET", "/rtstream/event", _list_events),
    Endpoint("POST", _SCENE, _create_index),
    Endpoint("GET", _SCENE, _list_indexes),
    Endpoint("GET", _SCENE + "/{x}", _get_scenes),
    Endpoint("PATCH", _SCENE + "/{x}/status", _set_status),
    Endpoint("GET", "/rtstream/{id}/index/{x}", _get_index),
    *_alerts_under("/rtstream/{id}/index"),
    Endpoint("POST", "/rtstream/{id}/understand", _understand),
    Endpoint("GET", "/rtstream/{id}/understand", _list_understandings),
    Endpoint("GET", "/rtstream/{id}/understand/{x}", _get_understanding),
    Endpoint("PATCH", "/rtstream/{id}/understand/{x}/status", _set_status),
    Endpoint("GET", "/rtstream/{id}/understand/{x}/records", _get_understood),
    Endpoint("POST", "/rtstream/{id}/indexes", _materialize),
    Endpoint("GET", "/rtstream/{id}/indexes", _list_materialized),
    Endpoint("GET", "/rtstream/{id}/indexes/{x}", _get_materialized),
    Endpoint("PATCH", "/rtstream/{id}/indexes/{x}/status", _set_status),
    Endpoint("GET", "/rtstream/{id}/indexes/{x}/records", _get_records),
    *_alerts_under("/rtstream/{id}/indexes"),
)
