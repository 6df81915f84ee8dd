"""What is really posted, text by text and service by service: nothing in it acts (SECURITY.md, promises 4 and 5)."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs
from xml.etree import ElementTree

import pytest

from engine.model.delivery import Sent
from engine.model.route import Destination
from engine.sink.apprise import AppriseSender
from tests.servers.hostile import HOSTILE
from tests.servers.http_sink import Answer, HttpSink, Seen
from tests.servers.slack_stub import SlackStub
from tests.servers.smtp_sink import SmtpSink
from tests.sink.deliveries import delivery

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

CALLS = re.compile(r"[@\uff20](?=[\w!&#])|<[@!#&]|<users/", re.IGNORECASE)
FORMATS = re.compile(r"[*_~`|<>\[\]]")


def plain(payload: dict[str, Any]) -> list[str]:
    return [str(payload["message"]), str(payload["title"])]


def discord(payload: dict[str, Any]) -> list[str]:
    assert "embeds" not in payload
    assert "allow_mentions" not in payload
    text = str(payload["content"])
    assert 0 < len(text) <= 2_000
    assert not CALLS.search(text)
    assert not FORMATS.search(re.sub(r"\\.", "", text))
    return [text]


def mattermost(payload: dict[str, Any]) -> list[str]:
    text = str(payload["text"])
    assert 0 < len(text) <= 4_000
    assert not CALLS.search(text)
    assert not FORMATS.search(re.sub(r"\\.", "", text))
    return [text]


def telegram(payload: dict[str, Any]) -> list[str]:
    text = str(payload["text"])
    assert 0 < len(text) <= 4_096
    assert payload["parse_mode"] == "HTML"
    # The one tag apprise adds is around the title.
    bare = re.sub(r"</?b>", "", text)
    assert not re.search(r"[<>]", bare)
    assert not re.search(r"&(?!amp;|lt;|gt;|quot;|#\d+;|#x[0-9a-f]+;|nbsp;|emsp;|apos;)", bare)
    assert not CALLS.search(html.unescape(bare))
    return [text]


def google_chat(payload: dict[str, Any]) -> list[str]:
    text = str(payload["text"])
    assert 0 < len(text) <= 4_000
    assert not re.search(r"<(?=[^\s\u2060])", text)
    assert not CALLS.search(text)
    return [text]


def form(payload: dict[str, Any]) -> list[str]:
    return [str(payload["message"])]


class Case(NamedTuple):
    url: str
    check: Callable[[dict[str, Any]], list[str]]
    overrides: dict[str, str]


CASES = {
    "json": Case("json://{host}/", plain, {}),
    "json-markdown": Case("json://{host}/?format=markdown", plain, {}),
    "form": Case("form://{host}/", form, {}),
    "xml": Case("xml://{host}/", form, {}),
    "discord": Case("discord://webhookid/webhooktoken?avatar=no", discord, {"notify_url": "http://{host}/webhooks"}),
    "discord-markdown": Case("discord://hookid/token?format=markdown", discord, {"notify_url": "http://{host}/w"}),
    "mmost": Case("mmost://{host}/tokentokentokentokentoke", mattermost, {}),
    "tgram": Case(
        "tgram://123456789:abcdefghijklmnopqrstuvwxyzABCDEFGHI/12345/", telegram, {"notify_url": "http://{host}/bot"}
    ),
    "gchat": Case("gchat://space/key/token", google_chat, {"notify_url": "http://{host}/v1/{{workspace}}"}),
}


@pytest.fixture(scope="module")
def sink() -> Iterator[HttpSink]:
    with HttpSink(lambda seen: Answer(200, {"Content-Type": "application/json"}, b'{"ok":true,"result":{}}')) as one:
        yield one


@pytest.mark.parametrize("name", CASES)
def test_every_hostile_text_arrives_once_and_does_nothing(sink: HttpSink, name: str) -> None:
    case = CASES[name]
    url = case.url.format(host=sink.host)
    overrides = {key: value.format(host=sink.host) for key, value in case.overrides.items()}
    sender = AppriseSender(Destination("me", url.partition("://")[0], url), overrides)
    for text in HOSTILE:
        for line in (text, "rule"):
            before = len(sink.seen)
            assert sender.send(delivery(text, title=line)) == Sent(), text
            [seen] = sink.seen[before:]
            for shown in case.check(payload_of(seen)):
                assert not re.search(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)


def payload_of(seen: Seen) -> dict[str, Any]:
    kind = seen.headers["content-type"]
    if "xml" in kind:
        root = ElementTree.fromstring(seen.body)
        return {(node.tag.partition("}")[2] or node.tag).lower(): node.text for node in root.iter()}
    if "form" in kind:
        return {name: values[0] for name, values in parse_qs(seen.body.decode()).items()}
    loaded: dict[str, Any] = seen.json()
    return loaded


def test_slack_shows_every_hostile_text() -> None:
    for url in (
        "slack://T1JJ3T3L2/B1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "slack://T1JJ3T3L2/B1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ?format=markdown",
    ):
        with SlackStub() as stub:
            sender = AppriseSender(Destination("me", "slack", url), {"webhook_url": stub.webhook_url})
            for text in HOSTILE:
                assert sender.send(delivery(text, title=text)) == Sent(), text
            assert stub.violations == []
            assert len(stub.messages) == len(HOSTILE)


def test_mail_stays_one_plain_part_with_our_headers_alone() -> None:
    with SmtpSink() as smtp:
        sender = AppriseSender(Destination("me", "mailto", smtp.url()))
        for text in HOSTILE:
            assert sender.send(delivery(text, title=text)) == Sent(), text
        names = {frozenset(name.lower() for name in mail) for mail in smtp.mails}
        assert len(smtp.mails) == len(HOSTILE)
        assert all(mail.get_content_type() == "text/plain" for mail in smtp.mails)
        assert not any("bcc" in found for found in names)
        assert len(names) <= 2  # With and without a subject.


def test_a_stub_that_would_not_notice_is_no_proof(sink: HttpSink) -> None:
    for check, payload in (
        (discord, {"content": "@everyone"}),
        (discord, {"content": "**b**"}),
        (mattermost, {"text": "@all"}),
        (telegram, {"text": "<i>x", "parse_mode": "HTML"}),
        (google_chat, {"text": "<users/all>"}),
    ):
        with pytest.raises(AssertionError):
            check(payload)
