"""`engine.yaml`: what it means, what is refused and where, and that no secret of it is ever shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.redact import redactor
from engine.model.config import CONSOLE, Config, Limits, Privacy
from engine.model.errors import ConfigError, Problem
from engine.model.route import Destination
from engine.rulebook.config import load_config
from engine.rulebook.url import kind_of, secrets_of

SLACK = "https://hooks.slack.com/services/T0CANARY1/B0CANARY2/canary3canary3"
FULL = """\
destinations:
  me: ${SLACK_URL}
  team: {url: "mailto://bot:${SMTP_PASSWORD}@example.org?to=x@example.org", per_minute: 30, text: excerpt, max_age: 1h}
  hook: {url: "jsons://example.org/in/${TOKEN}", ordered: false}
  desk: {url: "macosx://", allow_local: true}
  ops: [me, team]
  all: [console, ops, hook, me]
default: [ops, console]
journal: ~/captures/videodb_events.jsonl
rules: [rules, "${HOME_DIR}/more/*.yaml"]
state: ~/state
output: out
zone: Europe/Berlin
limits: {max_line_bytes: 2000, pending: 5, groups: 7, lateness: 0s}
privacy: {excerpt: 0, keep_sent: 1d, keep_dead: 2d}
"""
ENVIRONMENT = {"SLACK_URL": SLACK, "SMTP_PASSWORD": "p@s/w:rd${TOKEN}", "TOKEN": "tok-canary4", "HOME_DIR": "/home/me"}


def refused(text: str, **environment: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as error:
        load_config(text.encode(), "engine.yaml", environment)
    assert error.value.problems
    return error.value.problems


def told(text: str, **environment: str) -> list[str]:
    return [f"{each.span.line}:{each.span.column} {each.code}" for each in refused(text, **environment)]


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"---\n", b"\xef\xbb\xbf"])
def test_an_empty_file_means_the_defaults(content: bytes) -> None:
    config = load_config(content, "engine.yaml", {})
    assert config == Config()
    assert (config.default, config.rules, config.destinations) == (("console",), ("./rules",), {"console": CONSOLE})
    assert config.targets("default") == ("console",)


def test_a_full_file() -> None:
    config = load_config(FULL.encode(), "engine.yaml", ENVIRONMENT)
    mail = "mailto://bot:p%40s%2Fw%3Ard%24%7BTOKEN%7D@example.org?to=x@example.org"
    assert {name: replace(one, excerpt=200) for name, one in config.destinations.items()} == {
        "console": CONSOLE,
        "me": Destination("me", "slack", SLACK),
        "team": Destination("team", "mailto", mail, per_min=30, max_age_ms=3_600_000, text="excerpt"),
        "hook": Destination("hook", "jsons", "jsons://example.org/in/tok-canary4", ordered=False),
        "desk": Destination("desk", "macosx", "macosx://"),
    }
    assert {one.excerpt for one in config.destinations.values()} == {0}
    assert config.groups == {"ops": ("me", "team"), "all": ("console", "me", "team", "hook")}
    assert config.default == config.targets("default") == ("me", "team", "console")
    assert (config.targets("all"), config.targets("me"), config.targets("no")) == (config.groups["all"], ("me",), None)
    assert config.names() == {"default", "console", "me", "team", "hook", "desk", "ops", "all"}
    assert config.journals == ("~/captures/videodb_events.jsonl",)
    assert config.rules == ("rules", "/home/me/more/*.yaml")
    assert (config.state, config.output, config.zone) == ("~/state", "out", "Europe/Berlin")
    assert config.limits == Limits(2000, 5, 7, 0)
    assert config.privacy == Privacy(0, 86_400_000, 2 * 86_400_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", ["1:1 wrong-form"]),
        ("destination: {a: b}", ["1:1 unknown-key"]),
        ("destinations: 5", ["1:15 wrong-form"]),
        ("destinations:\n  me: ${NOPE}", ["2:7 unset-variable"]),
        ('destinations:\n  me: "slack://${NOPE}/b"', ["2:16 unset-variable"]),
        ("destinations:\n  me: slack://${A:-x}/${}", ["2:15 bad-variable", "2:23 bad-variable"]),
        ("destinations:\n  me: slack://a/${EMPTY}", ["2:17 unset-variable"]),
        ("destinations:\n  me: ${LINES}", ["2:7 unset-variable"]),
        ("destinations:\n  a b: slack://x/y/z", ["2:3 bad-name"]),
        ("destinations:\n  default: slack://x/y/z\n  console: [x]", ["2:3 reserved-name", "3:3 reserved-name"]),
        ("destinations:\n  me: macosx://", ["2:7 local-destination"]),
        ('destinations:\n  me: {url: "DBUS://", allow_local: false}', ["2:13 local-destination"]),
        ("destinations:\n  me: http://example.org/x", ["2:7 bad-url"]),
        ("destinations:\n  me: just-text\n  b:\n  c: {text: full}", ["2:7 bad-url", "3:5 bad-url", "4:6 bad-url"]),
        ("destinations:\n  me: {url: [x]}", ["2:13 bad-url"]),
        ("destinations:\n  me: ${PLAIN}", ["2:7 bad-url"]),
        ("destinations:\n  me: {url: a://b, colour: 1}", ["2:20 unknown-key"]),
        ("destinations:\n  me: {url: a://b, per_minute: 0}", ["2:32 wrong-form"]),
        ("destinations:\n  me: {url: a://b, text: half}", ["2:26 unknown-value"]),
        ("destinations:\n  me: {url: a://b, max_age: 0s}", ["2:29 bad-duration"]),
        ("destinations:\n  me: {url: a://b, max_age: 60}", ["2:29 bad-duration"]),
        ("destinations:\n  g: [nope, console]", ["2:7 unknown-destination"]),
        ("destinations:\n  g: []", ["2:6 empty-list"]),
        ("destinations:\n  g: [slack://a/b/c]", ["2:7 unknown-destination"]),
        ("destinations:\n  a: [b]\n  b: [console, c]\n  c: [a]", ["2:7 group-loop"]),
        ("destinations:\n  a: [console, a]", ["2:16 group-loop"]),
        ("destinations:\n  me: a://b\n  me: a://c", ["3:3 duplicate-key"]),
        ("destinations:\n  me: a://b\u200b", ["2:12 invisible-character"]),
        ("default: nope", ["1:10 unknown-destination"]),
        ("destinations:\n  me: ${NOPE}\ndefault: me", ["2:7 unset-variable"]),
        ("journal: []\nrules:\nstate: [a]", ["1:10 empty-list", "2:7 empty-value", "3:8 wrong-form"]),
        ("zone: Berlin", ["1:7 bad-zone"]),
        ("limits: {pending: x, pennding: 1}\nprivacy: {}", ["1:19 wrong-form", "1:22 unknown-key", "2:10 empty-value"]),
        ("limits: {lateness: 10}\nprivacy: {excerpt: -1}", ["1:20 bad-duration", "2:20 wrong-form"]),
        ("a: b: c", ["1:5 yaml-syntax"]),
    ],
)  # fmt: skip
def test_a_problem_has_its_place(text: str, expected: list[str]) -> None:
    assert told(text, EMPTY=" ", LINES="a\nb", PLAIN="no-url-here") == expected


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("destinatons: {}", "destinations", "rename it to destinations"),
        ("destinations:\n  me: ${SLACK}", "no SLACK", "set SLACK"),
        ("destinations:\n  me: macosx://", "this machine itself", "allow_local: true"),
        ("destinations:\n  tean: a://b\n  g: [team]", '"team"', "did you mean tean?"),
        ("destinations:\n  a: [b]\n  b: [a]", "a -> b -> a", "remove one"),
        ("destinations:\n  me: console", "not a URL", "slack://..."),
        ("default: slack://x", "names, not URLs", "under destinations"),
    ],
)
def test_a_problem_says_what_to_do(text: str, message: str, hint: str) -> None:
    found = refused(text)[0]
    assert message in found.message and hint in found.hint


def test_a_long_chain_of_groups_is_no_trouble() -> None:
    chain = "".join(f"  g{n}: [g{n - 1}]\n" for n in range(1, 3_000))
    config = load_config(f"destinations:\n  g0: [console]\n{chain}".encode(), "engine.yaml", {})
    assert config.targets("g2999") == ("console",)


def test_a_name_is_the_same_in_both_spellings_of_unicode() -> None:
    text = "destinations:\n  mu\u0308ller: a://b\n  g: [m\u00fcller]\ndefault: mu\u0308ller\n"
    config = load_config(text.encode(), "engine.yaml", {})
    assert config.targets("g") == config.default == ("m\u00fcller",) and config.default[0] in config.destinations


def test_no_secret_shows_in_a_configuration() -> None:
    config = load_config(FULL.encode(), "engine.yaml", ENVIRONMENT)
    shown = f"{config!r} {config} {config.destinations['me']!r} {config.destinations['team']}"
    for canary in ("CANARY", "canary", "p@s", "p%40s", "hooks.slack.com"):
        assert canary not in shown
    hide = redactor(config.secrets)
    for text in (
        SLACK,
        "T0CANARY1",
        "canary3canary3",
        "p@s/w:rd${TOKEN}",
        "p%40s%2Fw%3Ard%24%7BTOKEN%7D",
        "tok-canary4",
    ):
        assert hide(f"<{text}>") == "<[secret]>"
    # Words and hosts stay readable, and paths are no secrets although a variable made them.
    for text in ("connection to example.org refused", "services of hooks.slack.com", "/home/me/more", "x@example.org"):
        assert hide(text) == text


CANARY = "c4n4ryC4N4RY"


@pytest.mark.parametrize(
    "text",
    [
        f"destinations:\n  me: http://user:{CANARY}@example.org/{CANARY}",
        f"destinations:\n  me: macosx://{CANARY}",
        f"destinations:\n  me: {CANARY}",
        f"destinations:\n  slack://{CANARY}/x: y",
        f"destinations: [slack://{CANARY}/x]",
        f"destinations: slack://{CANARY}/x",
        f"destinations:\n  me: slack://{CANARY}/x\n  me: slack://{CANARY}/y",
        f"destinations:\n  me: slack://{CANARY}: x\n",
        f"destinations:\n  me: 'slack://{CANARY}\n",
        f"destinations:\n  me: !slack://{CANARY} x\n",
        f'destinations:\n  me: {{url: slack://{CANARY}, text: "slack:// {CANARY}"}}\n',
        f"destinations:\n  me: [slack://{CANARY}/x]\n",
        f"default: slack://{CANARY}/x\n",
        f"zone: slack://{CANARY}/x\n",
        f"slack://{CANARY}/x: y\n",
        f"destinations:\n  me: ${{TOKEN:-{CANARY}}}\n",
        "destinations:\n  me: ${TOKEN}\n",
        "destinations:\n  me: http://${TOKEN}\n",
        "destinations:\n  me: macosx://${TOKEN}\n",
        f"destinations:\n  me: {{url: slack://x/{CANARY}, per_minute: slack://{CANARY}}}\n",
    ],
)
def test_no_secret_shows_in_a_problem(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(text.encode(), "engine.yaml", {"TOKEN": CANARY})
    assert CANARY not in f"{error.value!r} {error.value} {error.value.problems!r}"
    assert CANARY.lower() not in repr(error.value.problems).lower()


@pytest.mark.parametrize(
    ("url", "kind"),
    [("slack://a/b/c", "slack"), ("MailTo://a", "mailto"), (SLACK, "slack"),
     ("https://discord.com/api/webhooks/1/x", "discord"),
     ("https://example.org/x", "https"), ("slack:/a", None), ("a b://c", None), ("", None), ("://x", None)],
)  # fmt: skip
def test_the_kind_of_a_url(url: str, kind: str | None) -> None:
    assert kind_of(url) == kind


@pytest.mark.parametrize(
    ("url", "secret", "known"),
    [
        ("tgram://123456:ABC-DEF/chat99", ["123456:ABC-DEF", "123456", "ABC-DEF", "chat99"], []),
        ("ntfy://topic-of-mine", ["topic-of-mine"], []),
        ("json://user:p%40ss@host.example:8080/a?+Authorization=Bearer%20abcdef&-tok=zzz&format=text",
         ["user", "p%40ss", "p@ss", "Bearer abcdef", "abcdef", "zzz"],
         ["host.example", "host.example:8080", "text", "Bearer"]),
        ("pover://userkey@apptoken", ["userkey", "apptoken"], []),
        ("mailto://me%40example.org:pass@smtp.example.org/to@example.org?to=you@example.org",
         ["pass"], ["me@example.org", "smtp.example.org", "to@example.org", "you@example.org"]),
        ("slack://TOKENA/TOKENB/TOKENC/#general", ["TOKENA", "TOKENB", "TOKENC"], ["#general"]),
        ("json://localhost:8080", [], ["localhost:8080"]),
        ("json://127.0.0.1/hidden", ["hidden"], ["127.0.0.1"]),
        ("gotify://myhost:8080/AbCdEf", ["AbCdEf"], ["myhost:8080", "8080"]),
    ],
)  # fmt: skip
def test_the_secret_parts_of_a_url(url: str, secret: list[str], known: list[str]) -> None:
    found = secrets_of(url)
    assert set(secret) <= found and not found & set(known)
    assert (url in found) == bool(secret)


PART = st.sampled_from(
    ["destinations:\n", "  me: ", "  g: [", "me", "]", "\n", "${", "}", "A", "slack://", "@", "default: ", "{url: ",
     ", ", "text: ", "full", "limits:\n", "  pending: ", "5", "rules: ", "'", '"', "\\", "|\n", "é", "zone: ",
     "&a ", "*a"]
)  # fmt: skip


@given(content=st.binary(max_size=80) | st.lists(PART, max_size=25).map(lambda parts: "".join(parts).encode()))
def test_no_content_raises_anything_else(content: bytes) -> None:
    try:
        config = load_config(content, "engine.yaml", {"A": CANARY})
    except ConfigError as error:
        assert error.problems and CANARY not in f"{error} {error.problems!r}"
    else:
        assert "console" in config.destinations and config.default and CANARY not in repr(config)
