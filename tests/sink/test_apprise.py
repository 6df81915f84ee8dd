from __future__ import annotations

import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from engine.model.delivery import Outcome, Permanent, Sent, Temporary
from engine.model.route import Destination
from engine.sink.apprise import AppriseSender, check_destination
from tests.servers.http_sink import Answer, HttpSink, always, in_turn
from tests.servers.slack_stub import SlackStub
from tests.servers.smtp_sink import SmtpSink
from tests.sink.deliveries import delivery

# On Python 3.11 and 3.12 a module that apprise loads for mail encryption still imports `imghdr`.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


@pytest.fixture(scope="module")
def sink() -> Iterator[HttpSink]:
    with HttpSink() as one:
        yield one


def send(url: str, body: str = "text", **changes: Any) -> Outcome:
    return sender(url).send(delivery(body, **changes))


def sender(url: str, text: str = "full") -> AppriseSender:
    return AppriseSender(Destination("me", url.partition("://")[0], url, text=text))


def slack(stub: SlackStub, url: str = SLACK) -> AppriseSender:
    return AppriseSender(Destination("me", "slack", url), overrides={"webhook_url": stub.webhook_url})


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Sent()),
        (204, Sent()),
        (302, Permanent("json: HTTP 302, a redirect; put the final address into engine.yaml")),
        (400, Permanent("json: HTTP 400")),
        (401, Permanent("json: HTTP 401, the service refuses the credentials", pause=True)),
        (403, Permanent("json: HTTP 403, the service refuses the credentials", pause=True)),
        (404, Permanent("json: HTTP 404, no such address; was the webhook removed?", pause=True)),
        (405, Permanent("json: HTTP 405")),
        (408, Temporary("json: HTTP 408")),
        (410, Permanent("json: HTTP 410, the address is gone; was the webhook removed?", pause=True)),
        (413, Permanent("json: HTTP 413, the message is too large")),
        (422, Permanent("json: HTTP 422")),
        (429, Temporary("json: HTTP 429, too many messages")),
        (500, Temporary("json: HTTP 500")),
        (503, Temporary("json: HTTP 503")),
    ],
)
def test_an_answer_is_classified(sink: HttpSink, status: int, outcome: Outcome) -> None:
    sink.decide = always(Answer(status, {"Location": f"http://{sink.host}/elsewhere"} if status == 302 else {}))
    before = len(sink.seen)
    assert send(f"json://{sink.host}/hook") == outcome
    assert len(sink.seen) == before + 1


@pytest.mark.parametrize(
    ("body", "wish_ms"),
    [
        (b'{"message": "slow down", "retry_after": 1.5, "global": false}', 1_500),
        (b'{"ok":false,"error_code":429,"parameters":{"retry_after":35}}', 35_000),
        (b'{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2000}', 2_000),
        (b'{"retry_after": 999999999}', 3_600_000),
        (b"slow down", None),
    ],
)
def test_a_wish_for_later_is_heard_when_the_answer_tells_it(sink: HttpSink, body: bytes, wish_ms: int | None) -> None:
    sink.decide = always(Answer(429, body=body))
    assert send(f"json://{sink.host}/") == Temporary("json: HTTP 429, too many messages", wish_ms)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(manner="hang"), "json: no answer in time"),
        (Answer(manner="reset"), "json: connection reset"),
        (Answer(manner="close"), "json: closed early"),
    ],
)
def test_a_server_that_misbehaves_is_temporary(sink: HttpSink, answer: Answer, reason: str) -> None:
    sink.decide = in_turn(answer)
    began = time.monotonic()
    assert send(f"json://{sink.host}/?rto=0.3&cto=0.3") == Temporary(reason)
    assert time.monotonic() - began < 3


def test_nobody_there_is_temporary() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert send(f"json://127.0.0.1:{port}/") == Temporary("json: connection refused")
    assert send("json://no-such-host.invalid/") == Temporary("json: host name not found")


def test_what_the_url_asks_of_apprise_is_not_done(sink: HttpSink) -> None:
    sink.decide = always(Answer(500))
    url = f"json://{sink.host}/?retry=3&wait=0&optional=yes&redirect=yes&overflow=split&format=markdown"
    before = len(sink.seen)
    assert send(url, "b" * 50_000 + "**x**") == Temporary("json: HTTP 500")
    assert len(sink.seen) == before + 1


def test_the_message_carries_its_key(sink: HttpSink) -> None:
    sink.decide = always(Answer())
    one = sender(f"json://{sink.host}/?+X-Own=kept")
    assert one.send(delivery("a", key="abc:1")) == Sent()
    assert one.send(delivery("b", key="line\r\nX-Evil: 1")) == Sent()
    first, second = sink.seen[-2:]
    assert (first.headers["x-engine-key"], first.headers["x-own"]) == ("abc:1", "kept")
    assert "x-evil" not in second.headers
    assert len(second.headers["x-engine-key"]) == 32


def test_a_short_message_has_room_for_title_and_text(sink: HttpSink) -> None:
    sink.decide = always(Answer())
    url = f"mmost://{sink.host}/tokentokentokentokentoke"
    one = AppriseSender(Destination("me", "mmost", url), overrides={"body_maxlen": 160})
    assert one.send(delivery("b" * 500, title="t" * 500)) == Sent()
    text = sink.seen[-1].json()["text"]
    assert len(text) <= 160
    assert [part.endswith(" (cut)") for part in text.split("\r\n")] == [True, True]


def test_apprise_does_not_pace(sink: HttpSink) -> None:
    sink.decide = always(Answer())
    one = sender(f"ntfy://{sink.host}/topic")
    began = time.monotonic()
    assert [one.send(delivery(str(n))) for n in range(3)] == [Sent()] * 3
    assert time.monotonic() - began < 3  # Its own throttle would sleep 5.5 s between two.


def test_a_repeat_after_a_crash_can_be_known(sink: HttpSink) -> None:
    sink.decide = always(Answer())
    assert send(f"json://{sink.host}/", "seen once", tries=2, crashes=1) == Sent()
    assert "may be a repeat, ref " in sink.seen[-1].json()["message"]


def test_a_destination_may_keep_the_text_back(sink: HttpSink) -> None:
    sink.decide = always(Answer())
    assert sender(f"json://{sink.host}/", text="none").send(delivery("secret words")) == Sent()
    assert b"secret" not in sink.seen[-1].body


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("slak://TOKEN1/TOKEN2/x", "apprise has no such service; did you mean slack://?"),
        ("slack://TOKEN1/bad", "apprise cannot use this URL: An invalid Slack Token was specified"),
        ("mqtt://user:TOKEN1@localhost/t", "apprise needs one more package on this machine for this service"),
        (
            "https://TOKEN1.example/x",
            "apprise knows no service at this address; for a webhook of your own write json:// or jsons://",
        ),
        ("json://", "apprise cannot use this URL: a part of it is missing or malformed"),
    ],
)
def test_a_bad_url_is_told_without_its_parts(url: str, reason: str) -> None:
    assert check_destination(url) == reason
    scheme = url.partition("://")[0]
    assert send(url) == Permanent(f"{scheme}: {reason}", pause=True)


def test_what_slack_gives_to_paste_is_slack() -> None:
    pasted = "https://hooks.slack.com/services/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"
    assert check_destination(pasted) is None
    with SlackStub(refuse=404) as stub:
        one = AppriseSender(Destination("me", "https", pasted), overrides={"webhook_url": stub.webhook_url})
        assert one.send(delivery()) == Permanent(
            "slack: HTTP 404, no such address; was the webhook removed?", pause=True
        )


def test_slack_takes_our_messages_and_its_refusals_are_understood() -> None:
    with SlackStub() as stub:
        stub_sender = slack(stub, SLACK.replace("/A1", "/B1"))
        assert stub_sender.send(delivery("5 > 3 & 2 < 4", title="a & b")) == Sent()
        [attachment] = stub.messages[0]["attachments"]
        assert (attachment["title"], attachment["text"]) == ("a &amp; b", "5 &gt; 3 &amp; 2 &lt; 4")
        assert stub.messages[0]["mrkdwn"] is False
        for status, pause in ((403, True), (404, True), (410, True)):
            stub.refuse = status
            outcome = stub_sender.send(delivery())
            assert isinstance(outcome, Permanent)
            assert outcome.pause is pause
            assert f"HTTP {status}" in outcome.reason


def test_slack_faster_than_once_a_second_is_told_to_wait() -> None:
    now = [0.0]
    with SlackStub(per_s=1, clock=lambda: now[0]) as stub:
        one = slack(stub, SLACK.replace("/A1", "/B1"))
        assert one.send(delivery()) == Sent()
        assert one.send(delivery()) == Temporary("slack: HTTP 429, too many messages")
        now[0] = 1.0
        assert one.send(delivery()) == Sent()


def test_a_bot_that_is_not_in_the_channel_gets_advice(sink: HttpSink) -> None:
    sink.decide = always(Answer(200, body=b'{"ok":false,"error":"not_in_channel"}'))
    one = AppriseSender(
        Destination("me", "slack", "slack://xoxb-1234-1234-abc124/#C0123456789"),
        overrides={"api_url": f"http://{sink.host}/{{}}"},
    )
    assert one.send(delivery()) == Permanent("slack: the bot is not in the channel; invite it there", pause=True)


def test_mail_is_one_plain_part_with_its_key() -> None:
    with SmtpSink() as smtp:
        text = "<script>x</script> [a](javascript:b)\nBcc: v@example.com"
        assert send(smtp.url(), text, title="hello\r\nBcc: v@example.com") == Sent()
        [mail] = smtp.mails
        assert mail.get_content_type() == "text/plain"
        assert mail["Subject"] == "hello Bcc: v@example.com"
        assert mail["Bcc"] is None
        assert mail["X-Engine-Key"] == "key-00000001"
        assert mail.get_content().replace("\r\n", "\n").strip() == text


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("451 later", Temporary("mailto: SMTP 451")),
        ("550 never", Permanent("mailto: SMTP 550")),
        ("535 who", Permanent("mailto: SMTP 535", pause=True)),
    ],
)
def test_a_mail_server_refuses_at_any_stage(stage: str, reply: str, outcome: Outcome) -> None:
    with SmtpSink({stage: reply}) as smtp:
        assert send(smtp.url()) == outcome


def test_a_mail_server_that_hangs_after_the_text_is_temporary() -> None:
    with SmtpSink(hang="data") as smtp:
        assert send(smtp.url() + "&cto=0.3") == Temporary("mailto: no answer in time")


class Root(logging.Handler):
    """What a program that logs everything would write."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.getMessage()}")


@pytest.fixture
def logged() -> Iterator[list[str]]:
    root, handler = logging.getLogger(), Root()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield handler.lines
    root.removeHandler(handler)
    root.setLevel(level)


def test_no_secret_is_in_a_reason_or_in_a_log(sink: HttpSink, logged: list[str]) -> None:
    canaries = ["cnryuser", "cnrypass", "cnrypath", "cnryheader", "cnryquery", "cnrytext", "cnrytitle", "cnryword"]
    url = f"json://cnryuser:cnrypass@{sink.host}/cnrypath?+X-A=cnryheader&-q=cnryquery&rto=0.3"
    echo = b'{"error": "cnrypass cnrytext", "retry_after": 1}'
    told: list[str] = []
    for answer in (Answer(500, body=echo), Answer(404, body=echo), Answer(manner="hang"), Answer(manner="reset")):
        sink.decide = always(answer)
        outcome = send(url, "cnrytext", title="cnrytitle")
        assert isinstance(outcome, Temporary | Permanent)
        told.append(outcome.reason)
    told.append(str(send(url.replace(sink.host, "127.0.0.1:1"), "cnrytext")))
    for bad in (
        "slack://cnryuser/cnrypass",
        "tgram://cnrypass/x",
        "mailto://cnryuser:cnrypass@cnryword/?from=cnryword",
    ):
        told.append(str(check_destination(bad)))
    logging.getLogger("engine").debug("the handler works")
    assert "engine the handler works" in logged
    assert not [canary for canary in canaries if canary in "\n".join([*told, *logged])]
    assert not [line for line in logged if line.startswith(("apprise", "urllib3", "requests"))]


def test_an_echo_in_an_answer_steers_nothing(sink: HttpSink) -> None:
    text = '{"ok":false,"error":"token_revoked"} error=404. (550, b\'x\') was refused: 550 '
    sink.decide = lambda seen: Answer(500, body=b"you sent: " + seen.body)
    assert send(f"json://{sink.host}/", text) == Temporary("json: HTTP 500")


def test_apprise_is_loaded_only_with_the_first_sender() -> None:
    modules = ["console", "record", "recorder", "neutralize", "outcome", "services", "apprise"]
    names = ", ".join(modules)
    code = f"import sys\nfrom engine.sink import {names}\nprint({{'apprise', 'requests'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
