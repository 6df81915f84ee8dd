"""What an author gets wrong about packs: in the pack itself, and where one is used."""

from __future__ import annotations

HEAD = "inputs: {after: {type: duration, default: 10m}}\n"
RULE = "rules:\n  - {name: a, when: screen, cooldown: $after}\n"
BLANKS = "declare it under inputs; for the text itself write $$zzz"
TYPES = "text, list, number, duration, time, flag, route or choice"
TRUST = "declare an input of type route, and write notify: $name"
OWN_DEFAULT = "write default: default, which is what engine.yaml says"

# fmt: off
# A pack that is loaded as a file: (file, code, line, column, hint)
OWN_FAULTS: list[tuple[str, str, int, int, str]] = [
    (f"inputs: 5\n{RULE}", "wrong-form", 1, 9, "such as inputs: {after: {type: duration, default: 10m}}"),
    (f"inputs: {{}}\n{RULE}", "empty-value", 1, 9, "such as inputs: {after: {type: duration, default: 10m}}"),
    (f"inputs: {{a-b: {{type: text}}}}\n{RULE}", "bad-name", 1, 10, "a letter, then letters, digits and _"),
    (f"inputs: {{after: 10m}}\n{RULE}", "wrong-form", 1, 17, "such as {type: duration, default: 10m}"),
    (f"inputs: {{after: {{default: 10m}}}}\n{RULE}", "missing-key", 1, 17, TYPES),
    (f"inputs: {{after: {{type: time span}}}}\n{RULE}", "unknown-value", 1, 24, TYPES),
    (f"inputs: {{after: {{type: duration, defualt: 1m, default: 1m}}}}\n{RULE}",
     "unknown-key", 1, 34, "rename it to default"),
    (f"inputs: {{after: {{type: choice}}}}\n{RULE}", "wrong-form", 1, 17, "write type: choice with choices: [a, b]"),
    (f"inputs: {{after: {{type: text, choices: [a]}}}}\n{RULE}",
     "wrong-form", 1, 17, "write type: choice with choices: [a, b]"),
    (f"inputs: {{after: {{type: duration, default: 10}}}}\n{RULE}",
     "bad-duration", 1, 43, "write 10s for seconds, 10m for minutes"),
    (f"inputs: {{after: {{type: choice, choices: [1m, 1h], default: 2h}}}}\n{RULE}",
     "unknown-value", 1, 60, "use 1m or 1h"),
    (f"inputs: {{after: {{type: duration}}}}\n{RULE}",
     "missing-input", 1, 10, "add a default, or name a file that says use: and with:"),
    (HEAD, "wrong-form", 1, 1, "put a dash before each rule"),
    (f"{HEAD}rules: []\n", "wrong-form", 2, 8, "put a dash before each rule"),
    (f"{HEAD}when: screen\n{RULE}", "no-effect", 2, 1, "write it in a rule under rules:"),
    (f"{HEAD}use: focus\n{RULE}", "no-effect", 2, 1, "a pack does not use another one; copy the rules you need"),
    (f"{HEAD}{RULE}  - {{use: focus, with: {{a: b}}}}\n", "no-effect", 4, 6, "copy the rules you need"),
    (f"{HEAD}rules:\n  - {{name: a, when: screen, cooldown: $aftr, gap: $after}}\n",
     "unknown-input", 3, 39, "write $after"),
    (f"{HEAD}{RULE}  - {{name: b, when: screen, contains: $zzz}}\n", "unknown-input", 4, 39, BLANKS),
    (f"inputs: {{after: {{type: duration, default: 1m}}, n: {{type: number, default: 3}}}}\n{RULE}",
     "no-effect", 1, 48, "write $n in a rule, or remove it"),
    (f"{HEAD}vars: {{after: x}}\n{RULE}", "repeated-name", 2, 8, "messages read inputs as vars; choose another name"),
    (f"{HEAD}{RULE}  - {{name: b, when: screen, notify: oncall}}\n", "pack-trust", 4, 37, TRUST),
    (f"{HEAD}rules:\n  - {{name: a, when: screen, cooldown: $after, notify: [default, $after]}}\n",
     "pack-trust", 3, 65, TRUST),
    (f"{HEAD}defaults: {{notify: oncall}}\n{RULE}", "pack-trust", 2, 20, TRUST),
    (f"{HEAD}{RULE}  - {{name: b, when: screen, escalate: [{{after: 5m, notify: oncall}}]}}\n",
     "pack-trust", 4, 60, TRUST),
    ("inputs: {me: {type: route, default: oncall}}\nrules: [{name: a, when: screen, notify: $me}]\n",
     "pack-trust", 1, 37, OWN_DEFAULT),
    ("inputs: {x: {type: text, default: scren}}\nrules: [{name: a, when: $x}]\n", "unknown-value", 1, 35, ""),
]

# A file that uses the pack in test_pack.py: (file, code, line, column, part of the message)
USE_FAULTS: list[tuple[str, str, int, int, str]] = [
    ("use: focis\n", "unknown-pack", 1, 6, 'there is no pack "focis"; did you mean "focus"?'),
    ("use: ../focus\n", "bad-name", 1, 6, "is not a name"),
    ("use:\n", "empty-value", 1, 5, "`use` has no value"),
    ("use: [focus]\n", "wrong-form", 1, 6, "`use` takes text"),
    ("use: focus\nname: a b\n", "bad-name", 2, 7, "is not a name"),
    ("use: focus\nwith: {tel: me}\n", "unknown-input", 2, 8, 'no input "tel"; did you mean "tell"?'),
    ("use: focus\nwith: {after: 10 minutes}\n", "bad-duration", 2, 15, "10 minutes"),
    ("use: focus\nwith: {after: [10m]}\n", "bad-duration", 2, 15, ""),
    ("use: focus\nwith: {words: {a: b}}\n", "wrong-form", 2, 15, "not a mapping"),
    ("use: focus\nwith: {words: []}\n", "empty-list", 2, 15, "`words` is an empty list"),
    ("use: focus\nwith: {level: '5'}\n", "wrong-form", 2, 15, "`level` takes a number"),
    ("use: focus\nwith: {loud: 'yes'}\n", "wrong-form", 2, 14, "`loud` is true or false"),
    ("use: focus\nwith: {how: high}\n", "unknown-value", 2, 13, 'unknown how "high"'),
    ("use: focus\nwith: {tell: slack://a/b}\n", "bad-name", 2, 14, "is not a name"),
    ("use: focus\nwith: {at: 25:00}\n", "bad-time", 2, 12, ""),
    ("use: focus\nwith: {}\n", "empty-value", 2, 7, "`with` is an empty mapping"),
    ("use: focus\nwith: {after: 0s}\n", "impossible-window", 2, 15, 'pack "focus", rule "drift": '),
    ("use: focus\nwith: {words: ['']}\n", "empty-needle", 2, 16, 'pack "focus", rule "drift": '),
    ("use: focus\nwhen: screen\n", "no-effect", 2, 1, "`when` has no effect here"),
    ("use: focus\nvars: {a: b}\n", "no-effect", 2, 1, "`vars` has no effect here"),
    ("use: focus\ncolour: red\n", "unknown-key", 2, 1, 'unknown key "colour"'),
    ("use: focus\nwithout: [drfit]\n", "unknown-rule", 2, 11, 'has no rule "drfit"; did you mean "drift"?'),
    ("use: focus\nenabled: maybe\n", "wrong-form", 2, 10, "`enabled` is true or false"),
    ("use: needy\n", "missing-input", 1, 1, 'the pack "needy" needs the input "who" (route)'),
    ("use: needy\nwith: {what: x}\n", "missing-input", 1, 1, 'needs the input "who"'),
    ("use: plain\n", "not-a-pack", 1, 1, "packs/plain.yaml has no `inputs`"),
    ("use: broken\n", "yaml-syntax", 1, 1, 'the pack "broken" is broken at packs/broken.yaml:'),
    ("use: bossy\n", "pack-trust", 1, 1, 'is broken at packs/bossy.yaml:2:37: notify: a pack may not choose "boss"'),
    ("use: nested\n", "no-effect", 1, 1, "is broken at packs/nested.yaml:2:"),
    ("use: wrong\n", "unknown-key", 1, 1, 'pack "wrong", rule "w": unknown key "contians"'),
    ("use: secret\n", "unreadable-pack", 1, 6, "packs/secret.yaml: the file cannot be read"),
    ("rules:\n  - use: focus\n  - use: focus\n", "repeated-name", 3, 5, "is taken by the rule at rules/x.yaml:2:5"),
    ("inputs: {a: {type: text, default: b}}\nrules: [{use: focus, with: {after: $a}}]\n", "no-effect", 2, 10, "`use`"),
]
