"""Texts an attacker would put on the screen, and what must not be left of them in a payload."""

from __future__ import annotations

HOSTILE: tuple[str, ...] = (
    "<!channel> <!here|look> <!everyone>",
    "<@U02AB12CD> <#C012AB3CD|general> <https://evil.example|your bank>",
    "<users/all> <users/1234> <https://evil.example|label> <mailto:x@example.com|y>",
    "@everyone @here @channel @all @room ping",
    "<@123456789012345678> <@&123456789012345678> <@!42> <#99> <t:1:R>",
    "[click](https://evil.example) ![x](https://evil.example/t.png) **b** _i_ ~~s~~ ||hid|| `c`",
    "# heading\n> quote\n- list\n1. one\n```\ncode",
    "<b>bold</b> <script>alert(1)</script> <img src=https://evil.example/t.png> <b>unclosed",
    "</pre></body> &lt;!channel&gt; &amp;#64;everyone",
    "first\r\nBcc: victim@example.com\r\n\r\nsecond",
    "=?utf-8?B?QmNjOiB4?= subject",
    "\x1b[31mred\x1b]8;;https://evil.example\x07link\x1b]8;;\x07 \x00\x07\x08\x9b31m",
    "\u202eexe.txt\u202c \u2066isolate\u2069 a\u200bb\ufeffc",
    "\u200b\u2060\u200d\ufeff",
    "\u115f\u3164\u2800 \n",
    "",
    "line\u2028separator\u2029paragraph\x85next\x0bvt\x0cff",
    "lone \ud800 surrogate \udfff",
    "{{ 7*7 }} ${HOME} {0.__class__} %s %(x)s #{x}",
    "&" * 9_000,
    "*_`[]~|<>#" * 900,
    "@all " * 2_000,
    "e\u0301" * 3_000 + "\U0001f469\u200d\U0001f4bb",
    "\U000e0041\U000e0042 tags",
    "a" * 40_000,
)
