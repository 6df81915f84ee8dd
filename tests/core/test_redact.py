"""No secret stands in a redacted text, in any of its forms; everything else stays."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.redact import MARK, redactor

SECRET = 'pä$$ w/o:rd"+1'
FORMS = [
    SECRET,
    quote(SECRET),
    quote(SECRET, safe=""),
    quote(SECRET, safe="").lower(),
    quote_plus(SECRET),
    quote(SECRET, safe="/:@+=,;&$!*'()"),
    json.dumps(SECRET)[1:-1],
    json.dumps(SECRET, ensure_ascii=False)[1:-1],
]


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_secret_goes(form: str) -> None:
    assert redactor([SECRET])(f"error at {form}!") == f"error at {MARK}!"


@pytest.mark.parametrize("before", ["", "u", "us", "use", "user:"])
@pytest.mark.parametrize("coder", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_inside_base64_goes(before: str, coder: object) -> None:
    assert callable(coder)
    coded = coder(f"{before}hunter2-hunter2??>>:after".encode()).decode()
    shown = redactor(["hunter2-hunter2??>>"])(f"Authorization: Basic {coded} end")
    assert MARK in shown and shown.startswith("Authorization: Basic ") and shown.endswith(" end")
    # At most the two letters at each end, which mix with a neighbour, may stay besides what is not secret.
    assert len(shown) - len("Authorization: Basic  end") - len(MARK) <= len(before) * 4 / 3 + len(":after") * 4 / 3 + 8


def test_case_overlaps_and_short_values() -> None:
    assert redactor(["TokenABC"])("host tokenabc refused TOKENABC") == f"host {MARK} refused {MARK}"
    assert redactor(["abcdef", "defghi"])("x abcdefghi y") == f"x {MARK} y"
    assert redactor(["abcabc"])("abcabcabc") == MARK
    assert redactor(["secret"])("a secret [secret]") == f"a {MARK} [{MARK}]"
    assert redactor(["short", ""])("short words stay short") == "short words stay short"
    assert redactor([])("anything") == "anything"


def test_letters_that_grow_in_lower_case_move_nothing() -> None:
    assert redactor(["hunter22"])("\u0130\u0130 hunter22 \u0130") == f"\u0130\u0130 {MARK} \u0130"


TEXT = st.text(max_size=30)


@given(secret=st.text(min_size=6, max_size=20), before=TEXT, after=TEXT)
def test_no_redacted_text_holds_the_secret(secret: str, before: str, after: str) -> None:
    shown = redactor([secret])(before + secret + after)
    assert MARK in shown and secret not in shown.replace(MARK, "\n\0\n")


@given(secret=st.text("XYZ", min_size=6), text=st.text("abc %=\u00e9\u0130", max_size=60))
def test_a_text_without_the_secret_stays(secret: str, text: str) -> None:
    assert redactor([secret])(text) == text
