"""The pure parts of a start: which devices, which streams, which settings, which waits, what is shown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.calls import CloudError
from capture.channels import ChannelError, Device, choose, kind_of, permissions_for
from capture.detach import without_secrets
from capture.live import render
from capture.patience import insist, waits
from capture.pulse import slept_ms
from capture.settings import Batch, PipelineSpec
from capture.silence import Quiet, Silence
from capture.state import Pipeline, RunState, Session, Stream
from capture.status import past, present
from capture.streams import source_of, specs_for, streams_of
from capture.tally import Tally
from capture.timing import Timing, timing_from

DEVICES = [
    Device("mic:default", "Built-in"), Device("mic:usb", "USB"), Device("display:1", "Laptop"),
    Device("display:2", "Desk"), Device("system_audio:default", "System"), Device("camera:0", "Cam"),
]  # fmt: skip


@pytest.mark.capture_reference
@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        (["all"], ["mic:default", "mic:usb", "display:1", "display:2", "system_audio:default"]),
        (["primary"], ["display:1"]),
        (["mic"], ["mic:default"]),
        (["screen"], ["display:1"]),
        (["display:*", "mic:usb"], ["mic:usb", "display:1", "display:2"]),
        (["camera:*"], ["camera:0"]),
        (["*:default"], ["mic:default", "system_audio:default"]),
        (["display:2", "display:2"], ["display:2"]),
    ],
)
def test_patterns_choose_devices(patterns: list[str], chosen: list[str]) -> None:
    assert list(choose(DEVICES, patterns, (), None).ids) == chosen


@pytest.mark.capture_reference
def test_primary_and_store() -> None:
    choice = choose(DEVICES, ["all"], ["primary", "mic:*"], "Desk")
    assert choice.primary == "display:2"
    assert choice.stored == {"display:2", "mic:default", "mic:usb"}
    assert choose(DEVICES, ["primary"], [], "display:2").ids == ("display:2",)
    assert choose(DEVICES, ["mic:usb"], ["all"], None).primary is None


def test_what_is_missing_is_told() -> None:
    choice = choose(DEVICES, ["mic:default", "mic:studio"], ["camera:0"], None)
    assert choice.unmatched == ("mic:studio",)
    assert choice.stored == frozenset(), "what is not recorded cannot be stored"
    with pytest.raises(ChannelError, match="no device fits mic:studio; the recorder lists mic:default"):
        choose(DEVICES, ["mic:studio"], (), None)
    with pytest.raises(ChannelError, match="none at all"):
        choose([], ["all"], (), None)
    with pytest.raises(ChannelError, match="'display:9' is not among the chosen ones: display:1"):
        choose(DEVICES, ["display:1"], (), "display:9")


@given(st.lists(st.sampled_from([d.id for d in DEVICES] + ["all", "primary", "mic", "d*", "none"]), max_size=4))
def test_a_choice_keeps_the_recorders_order_and_has_one_primary(patterns: list[str]) -> None:
    try:
        choice = choose(DEVICES, patterns, ["all"], None)
    except ChannelError:
        return
    order = [device.id for device in DEVICES]
    assert list(choice.ids) == sorted(set(choice.ids), key=order.index)
    displays = [each for each in choice.ids if kind_of(each) == "display"]
    assert choice.primary == (displays[0] if displays else None)
    assert choice.stored <= set(choice.ids)


@pytest.mark.parametrize(
    ("patterns", "asked"),
    [
        (["all"], ("microphone", "screen_capture")),
        (["mic:default"], ("microphone",)),
        (["mic"], ("microphone",)),
        (["display:2"], ("screen_capture",)),
        (["system_audio:default"], ("screen_capture",)),
        (["primary"], ("screen_capture",)),
        (["*:default"], ("microphone", "screen_capture")),
        (["camera:0"], ()),
    ],
)
def test_only_needed_permissions_are_asked_for(patterns: list[str], asked: tuple[str, ...]) -> None:
    assert permissions_for(patterns) == asked


@pytest.mark.parametrize(
    ("name", "channel_id", "media", "source"),
    [
        ("mic:default", "", [], "mic"),
        ("display:1", "", [], "screen"),
        ("Capture mic - cap-83e6", "", ["audio"], "mic"),
        ("Capture display - cap-83e6", "mic", [], "screen"),
        ("whatever", "system_audio", [], "system_audio"),
        ("whatever", "screen", [], "screen"),
        ("", "", ["video"], "screen"),
        ("", "", ["audio"], "mic"),
    ],
)
def test_where_a_stream_comes_from(name: str, channel_id: str, media: list[str], source: str) -> None:
    assert source_of(name, channel_id, media) == source


@pytest.mark.parametrize("rows", [None, {}, "x", [None], [1], [{}], [{"rtstream_id": ""}], [{"rtstream_id": 3}]])
def test_odd_rows_are_no_streams(rows: object) -> None:
    assert streams_of(rows) == []


def test_both_descriptions_of_streams() -> None:
    told = [{"rtstream_id": "r1", "name": "mic:default", "media_types": ["audio"]}]
    polled = [{"id": "r1", "channel_id": "mic", "name": "", "status": "connected"}, {"id": "r1"}]
    assert streams_of(told) == [Stream("r1", "mic:default", "mic", ["audio"])]
    assert streams_of(polled) == [Stream("r1", "mic", "mic")]


def test_settings_for_the_very_stream_come_first() -> None:
    mic, glob, one = (PipelineSpec("transcript", name) for name in ("mic", "glob", "one"))
    screen = PipelineSpec("visual", "screen")
    settings = {"mic": (mic,), "mic:u*": (glob,), "mic:usb": (one,), "display": (screen,)}
    assert specs_for(Stream("r", "mic:usb", "mic"), settings) == (one,)
    assert specs_for(Stream("r", "mic:ultra", "mic"), settings) == (glob,)
    assert specs_for(Stream("r", "mic:default", "mic"), settings) == (mic,)
    assert specs_for(Stream("r", "display:1", "screen"), settings) == (screen,)
    assert specs_for(Stream("r", "camera:0", "camera"), settings) == ()
    liked = {"mic": (mic,), "screen": (screen,)}
    assert specs_for(Stream("r", "door", "stream", ["video", "audio"]), liked) == (mic, screen)
    assert specs_for(Stream("r", "door", "stream", ["video"]), liked) == (screen,)


def test_timing_from_the_environment() -> None:
    assert timing_from({}) == Timing()
    assert timing_from({"CAPTURE_TIMING": "heartbeat_s=1.5,"}).heartbeat_s == 1.5
    for text in ("nonsense=1", "heartbeat_s=x", "heartbeat_s"):
        with pytest.raises(ValueError, match=r"\S"):
            timing_from({"CAPTURE_TIMING": text})


def test_waits_grow_to_the_most() -> None:
    made = waits(1.0, 8.0)
    most = [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert all(limit / 2 <= next(made) <= limit for limit in most)


async def test_only_what_may_pass_is_tried_again() -> None:
    timing = timing_from({"CAPTURE_TIMING": "retry_first_s=0.001,retry_most_s=0.002,retry_s=1"})
    tries: list[int] = []

    async def attempt() -> str:
        tries.append(1)
        if len(tries) < 4:
            raise CloudError("server", 502, "later")
        return "done"

    assert await insist(attempt, timing) == "done"
    assert len(tries) == 4

    async def refused() -> str:
        tries.append(1)
        raise CloudError("credits", 402, "no")

    with pytest.raises(CloudError, match="no"):
        await insist(refused, timing)
    assert len(tries) == 5

    async def never() -> str:
        raise CloudError("rate", 429, "slow down")

    with pytest.raises(CloudError, match="slow down"):
        await insist(never, timing, for_s=0.01)


def test_secrets_leave_the_command_line() -> None:
    given_words = ["start", "dir", "--token", "T", "--session", "S", "--stream=rtsp://u:p@h", "--detach", "--store"]
    assert without_secrets(given_words) == (
        ["start", "dir", "--session", "S", "--store"],
        {"CAPTURE_TOKEN": "T", "CAPTURE_STREAM": "rtsp://u:p@h"},
    )


def test_a_machine_that_slept_shows() -> None:
    assert slept_ms(30_100, 30_000, 10_000) == 0
    assert slept_ms(3_630_000, 30_000, 10_000) == 3_600_000
    assert slept_ms(-5_000, 30_000, 10_000) == 0, "a clock that was set back is no sleep"


def test_a_screen_that_was_silent() -> None:
    streams = [Stream("s", "display:1", "screen"), Stream("m", "mic:default", "mic")]
    spec = PipelineSpec("visual", "visual", batch=Batch("time", 20, 1))
    silence = Silence({"screen": (spec,), "mic": (PipelineSpec("transcript", "t"),)})
    assert silence.ended(streams, {"m": 1}) == []
    assert silence.ended(streams, {"s": 1_000, "m": 1_000}) == []
    assert silence.ended(streams, {"s": 121_000, "m": 900_000}) == [], "six intervals of 20 s may pass"
    assert silence.ended(streams, {"s": 121_000}) == []
    assert silence.ended(streams, {"s": 400_000}) == [Quiet("s", 121_000, 400_000)]


def test_the_tally() -> None:
    tally = Tally()
    tally.count({"channel": "capture"}, 1)
    for at_ms in (1_000, 30_000, 61_500):
        tally.count({"rtstream_id": "a"}, at_ms)
    assert (tally.events, tally.counts, tally.last_ms) == (3, {"a": 3}, {"a": 61_500})
    assert tally.per_minute(61_500) == 2
    assert tally.per_minute(1_000_000) == 0


def shown_state() -> RunState:
    session = Session(
        "cap-1", status="active", streams=[Stream("r1", "mic:default", "mic"), Stream("r2", "", "screen")]
    )
    session.pipelines = {
        "k1": Pipeline("r1", "transcript", "transcript", state="running"),
        "k2": Pipeline("r1", "audio", "audio", state="failed", error="no credits"),
    }
    return RunState("run", 7, 1, "/j", "live", 2, "conn", {"token": "secret"}, [Session("cap-0"), session])


def test_the_view_of_a_run() -> None:
    tally = Tally(gaps=1, filled=5)
    tally.count({"rtstream_id": "r1"}, 10_000)
    known = {**present(shown_state(), tally, 13_000), "queue": 2}
    assert "secret" not in str(known)
    assert render(known, 200) == [
        "live  cap-1 active  generation 2  connected  1 events, 1/min  2 waiting",
        "  mic:default            transcript, audio failed  last event 3 s ago",
        "  r2                     nothing runs on it  no event yet",
        "  1 gaps, 5 events fetched for them",
        "  unfinished from before: cap-0",
    ]


def test_the_view_of_a_run_that_is_over() -> None:
    state = shown_state()
    state.sessions[1].export.video_id = "m-1"
    lines = render(past(state), 200)
    assert lines[0] == "died while live  cap-1 active"
    assert "  video m-1" in lines
    state.phase = "ended"
    assert render(past(state), 200)[0] == "ended  cap-1 active"


@given(st.text(max_size=40), st.integers(10, 200))
def test_no_name_moves_the_cursor(name: str, width: int) -> None:
    state = shown_state()
    state.sessions[1].streams[0].name = "x\x1b[2J" + name
    known: dict[str, Any] = {**present(state, Tally(), 1), "trouble": name}
    for line in render(known, width):
        assert line.isprintable() and len(line) <= width
