"""`capture.yaml`: every key, every complaint with its place, and nothing that a file could say crashes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.config import ConfigError, load_settings, parse_settings
from capture.settings import DEFAULT_PIPELINES, Alert, Batch, Limits, PipelineSpec, Settings

WHOLE = """\
end_user_id: user-7
collection: c-42
channels: [mic:default, "display:*", system_audio:default]
primary: display:2
store: ["display:*"]
callback_url: https://hooks.example/videodb
metadata:
  app: focus
  team: {name: core, size: 4}
limits: {max_hours: 8, rotate_hours: 12.5}
pipelines:
  mic:
    transcript: true
    audio:
      - {name: summary, prompt: Summarize, batch_config: {type: sentence, value: 3}}
      - {name: actions, prompt: List action items, model: pro, batch_config: {type: word, value: 15}}
  system_audio:
    transcript: {engine: assemblyai}
  screen:
    visual:
      prompt: What is the person doing?
      model: mini
      batch_config: {type: time, value: 3, frame_count: 2}
      json:
        app_name: the application in front
        activity: what is done in it
      alerts:
        - label: slack_opened
          event: Slack is opened
          callback_url: https://hooks.example/alert
  display:2:
    visual: Only one sentence.
  camera: {visual: false}
"""


def test_a_whole_file() -> None:
    settings = parse_settings(WHOLE, "capture.yaml")
    alert = Alert("slack_opened", "Slack is opened", "https://hooks.example/alert")
    assert settings == Settings(
        end_user_id="user-7",
        collection="c-42",
        channels=("mic:default", "display:*", "system_audio:default"),
        primary="display:2",
        store=("display:*",),
        callback_url="https://hooks.example/videodb",
        metadata={"app": "focus", "team": {"name": "core", "size": 4}},
        limits=Limits(8.0, 12.5),
        pipelines={
            "mic": (
                PipelineSpec("transcript", "transcript"),
                PipelineSpec("audio", "summary", "Summarize", batch=Batch("sentence", 3)),
                PipelineSpec("audio", "actions", "List action items", "pro", Batch("word", 15)),
            ),
            "system_audio": (PipelineSpec("transcript", "transcript", engine="assemblyai"),),
            "screen": (
                PipelineSpec(
                    "visual", "visual", "What is the person doing?", "mini", Batch("time", 3, 2),
                    (("app_name", "the application in front"), ("activity", "what is done in it")), None, (alert,),
                ),
            ),
            "display:2": (PipelineSpec("visual", "visual", "Only one sentence."),),
            "camera": (),
        },
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n"])
def test_an_empty_file_is_all_defaults(text: str) -> None:
    settings = parse_settings(text, "capture.yaml")
    assert settings == Settings()
    assert settings.pipelines == DEFAULT_PIPELINES


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("store: true", ("all",)),
        ("store: false", ()),
        ("store: display:1", ("display:1",)),
        ("store: [a, b]", ("a", "b")),
    ],
)
def test_store(text: str, stored: tuple[str, ...]) -> None:
    assert parse_settings(text, "f").store == stored


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("chanels: all", "f:1:1: capture.yaml has no `chanels`, did you mean `channels`?"),
        ("store: true\nlimits:\n  max_hour: 3", "f:3:3: limits has no `max_hour`, did you mean `max_hours`?"),
        ("zzz: 1", "f:1:1: capture.yaml has no `zzz`; it may have callback_url, channels"),
        ("pipelines:\n  mic:\n    transcrpt: true", "f:3:5: pipelines.mic has no `transcrpt`, did you mean"),
        ("pipelines: {mic: {audio: {batch_config: {type: words, value: 3}}}}", "did you mean `word`?"),
        ("pipelines: {screen: {visual: {batch_config: {type: word, value: 3}}}}", "`type` must be `time`"),
        ("pipelines: {mic: {audio: {batch_config: {type: word}}}}", "f:1:41: batch_config needs `value`"),
        ("pipelines: {mic: {audio: {batch_config: {type: time, value: 0}}}}", "a whole number above 0"),
        ("pipelines: {mic: {audio: {batch_config: {type: time, value: 2.5}}}}", "a whole number above 0"),
        ("pipelines: {mic: {audio: {batch_config: {type: time, value: 1, frame_count: 2}}}}", "no `frame_count`"),
        ("pipelines: {mic: {transcript: {prompt: x}}}", "transcript has no `prompt`; it may have engine"),
        ("pipelines: {mic: {audio: [a, b]}}", "two pipelines are named 'audio'"),
        ("pipelines: {screen: {visual: {alerts: [{label: a}]}}}", "an alert needs `event`"),
        ("pipelines: {screen: {visual: {alerts: {label: a}}}}", "this must be a list"),
        ("pipelines: [mic]", "pipelines must be `key: value` lines"),
        ("end_user_id: true", "f:1:14: a text is needed here"),
        ("end_user_id:", "a text is needed here"),
        ("channels: []\nend_user_id: ' '", "f:2:14: a text is needed here"),
        ("callback_url: hooks.example", "an address that begins with https://"),
        ("limits: {max_hours: -1}", "a number above 0"),
        ("limits: {rotate_hours: 30}", "a client token lives 24 hours"),
        ("metadata: 3", "metadata must be `key: value` lines"),
        ("store: true\nstore: false", "f:2:1: 'store' stands here twice"),
        ("- a", "f:1:1: capture.yaml must be `key: value` lines"),
        ("a: [", "f:1:5: this is not YAML"),
        ("a: {b: what?}", "goes in quotes"),
        ("a: &x [1]\nb: *x", "aliases of lists and maps are not allowed"),
        ("? [a]\n: 1", "a key must be text"),
        ("a: " + "[" * 600, "f:1:"),
        ("# " + "x" * 300_000, "the file is larger than 256 KiB"),
        ("a: \x07", "this is not YAML"),
    ],
)  # fmt: skip
def test_complaints_name_place_and_meant_word(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_settings(text, "f")
    assert complaint in str(raised.value)
    assert str(raised.value).startswith("f:")
    assert "\n" not in str(raised.value)


def test_words_mean_what_they_look_like() -> None:
    text = "metadata: {a: yes, b: 0x10, c: 1:30, d: 012, e: 2026-01-02, f: ~, g: '3', h: true, i: 1.5, j: -2}"
    assert parse_settings(text, "f").metadata == {
        "a": "yes", "b": "0x10", "c": "1:30", "d": 12, "e": "2026-01-02", "f": None, "g": "3", "h": True, "i": 1.5,
        "j": -2,
    }  # fmt: skip


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path / "none.yaml")
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(b"a: \xff")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_settings(bad)


@given(st.text(max_size=300))
def test_no_text_crashes_it(text: str) -> None:
    try:
        parse_settings(text, "f")
    except ConfigError as error:
        assert str(error).startswith("f:")


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["channels", "store", "limits", "pipelines", "metadata", "primary"]), NESTED))
def test_no_shape_crashes_it(tree: dict[str, object]) -> None:
    import yaml

    try:
        parse_settings(yaml.safe_dump(tree), "f")
    except ConfigError as error:
        assert str(error).startswith("f:")
