from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.delivery import Outcome, Permanent, Temporary
from engine.sink.outcome import from_log, http, smtp

LEVELS = st.sampled_from(["DEBUG", "INFO", "WARNING", "ERROR"])
HEADS = st.sampled_from(["", "Response Details:\r\nb'", "Socket Exception: ", "Failed to send: ", "error=404 "])


@given(status=st.integers(300, 599))
def test_every_status_is_final_or_not_as_the_rules_say(status: int) -> None:
    final = status < 500 and status not in (408, 429)
    assert isinstance(http("json", status), Permanent) is final


@given(status=st.integers(400, 599))
def test_mail_replies_of_5xx_are_final(status: int) -> None:
    assert isinstance(smtp("mailto", status), Permanent) is (status >= 500)


@given(entries=st.lists(st.tuples(LEVELS, st.builds(str.__add__, HEADS, st.text(max_size=80))), max_size=6))
def test_a_reason_never_holds_what_the_log_holds(entries: list[tuple[str, str]]) -> None:
    marked = [(level, message + " cnry secret") for level, message in entries]
    outcome = from_log("json", marked)
    assert isinstance(outcome, Temporary | Permanent)
    assert outcome.reason.startswith("json: ")
    assert "cnry" not in outcome.reason
    assert outcome.reason.isascii()


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("Socket Exception: (451, b'4.7.1 later')", Temporary("x: SMTP 451")),
        ("Socket Exception: {'a@b.c': (550, b'no such user')}", Permanent("x: SMTP 550")),
        ("SMTP recipient a@b.c was refused: 452 b'full'", Temporary("x: SMTP 452")),
        ("Socket Exception: [Errno 111] Connection refused", Temporary("x: connection refused")),
        ("Socket Exception: [Errno -2] Name or service not known", Temporary("x: host name not found")),
        (
            "Socket Exception: _ssl.c:1000: certificate verify failed: self-signed",
            Temporary("x: the server's TLS certificate is not trusted"),
        ),
        ("Socket Exception: [Errno 101] Network is unreachable", Temporary("x: network unreachable")),
        ("Notification Exception: boom", Temporary("x: failed, and the service gave no reason")),
        ("Payload: Connection refused (550, b'x')", Temporary("x: failed, and the service gave no reason")),
    ],
)
def test_causes_are_read_from_the_lines_that_tell_them(message: str, outcome: Outcome) -> None:
    assert from_log("x", [("DEBUG", "Payload: error=404"), ("DEBUG", message)]) == outcome
