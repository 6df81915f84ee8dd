from __future__ import annotations

import pytest

from engine.model.delivery import Permanent, Sent, Temporary
from engine.sink.recorder import RecorderSender, scripted
from tests.sink.deliveries import delivery


def test_it_keeps_what_it_is_given_and_follows_the_script() -> None:
    sender = RecorderSender(scripted("fail 503 x2, fail 404"))
    outcomes = [sender.send(delivery(number=n)) for n in range(4)]
    gone = Permanent("test: HTTP 404, no such address; was the webhook removed?", pause=True)
    assert outcomes == [Temporary("test: HTTP 503"), Temporary("test: HTTP 503"), gone, Sent()]
    assert [row.id for row in sender.tried] == [0, 1, 2, 3]
    assert [row.id for row in sender.sent] == [3]


def test_a_timeout_can_be_played() -> None:
    assert scripted("fail timeout") == (Temporary("test: no answer in time"),)


@pytest.mark.parametrize("text", ["", "fail", "fail 5", "work", "fail 503 x", "fail 503 x2 x2"])
def test_a_script_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write `fail 503`"):
        scripted(text)
