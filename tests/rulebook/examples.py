"""The worked examples of the rule language, as a user would write them."""

from __future__ import annotations

EXAMPLES: dict[str, str] = {
    "simplest": """\
# rules/slack-on-screen.yaml
when: visual_index
contains: Slack
notify: me
""",
    "slack-on-screen": """\
name: slack-on-screen
when: visual_index
contains: Slack
notify: me
cooldown: 5m
tests:
  - name: any case, one message per five minutes
    given:
      - {at: 0s, screen: User reads a SLACK thread}
      - {at: 60s, screen: Slack again}
      - {at: 6m, scene_index: Slack once more}
    expect: {fires_at: [0s, 6m], suppressed: {cooldown: 1}}
  - name: other windows stay silent
    given: [{at: 0s, screen: Editing a spreadsheet}, {at: 5s, transcript: open Slack please}]
    expect: never
""",
    "action-words": """\
name: action-words
when: transcript
word: [deadline, blocker, action item]
source: mic
notify: me
message: "{{ time(_.at) }} you said: {{ _.text }}"
tests:
  - name: partial text is not counted twice
    given:
      - {at: 1s, transcript: the dead, final: false}
      - {at: 2s, transcript: the deadline is, final: false}
      - {at: 3s, transcript: The deadline is Friday.}
      - {at: 9s, transcript: deadlines are hard}
    expect: {fires_at: [3s]}
""",
    "discussion-summary": """\
name: discussion-summary
when: audio_index
digest: {every: 30m, at: session_end, min: 3}
summarize:
  prompt: Decisions, open questions, and action items with owners.
  fallback: bullets
notify: team
""",
    "app-usage": """\
name: app-usage
when: visual_index
classify:
  Slack: {word: slack}
  Editor: {word: [vs code, visual studio code, vim]}
  Browser: {word: [chrome, firefox, safari]}
  else: Other
track: {key: _.class, gap: 90s, min: 10s}
record: usage.jsonl
""",
    "sensitive-content": """\
name: sensitive-content
when: alert
where: {label: sensitive_content, confidence: {gte: 0.8}}
severity: critical
notify: [me, security]
tests:
  - name: both alert shapes, and text confidence is not a number
    given:
      - {at: 0s, raw: {type: alert, label: sensitive_content, triggered: true, confidence: 0.92}}
      - {at: 5s, raw: {channel: alert, data: {label: sensitive_content, confidence: 0.8}}}
      - {at: 9s, raw: {channel: alert, data: {label: sensitive_content, confidence: "0.99"}}}
    expect: {fires_at: [0s, 5s]}
""",
    "recording-ready": """\
name: recording-ready
when: session.exported
title: Recording ready
message: "Watch: {{ data.player_url || data.stream_url }} ({{ data.exported_video_id }})"
notify: me
tests:
  - name: link is in the message
    given: [{at: 0s, session: exported, data: {player_url: "https://player.example/1", exported_video_id: v_1}}]
    expect: {fires_at: [0s], message: {contains: "https://player.example/1"}}
""",
    "capture-failed": """\
name: capture-failed
when: session.failed
severity: critical
message: "Capture failed: {{ data.error || 'no reason given' }}"
notify: [me, oncall]
tests:
  - name: no reason given
    given: [{at: 0s, raw: {event: capture_session.failed, capture_session_id: cap-1}}]
    expect: {fires_at: [0s], message: {contains: no reason given}}
""",
    "deadline-in-slack": r"""
name: deadline-in-slack
together:
  slack: {when: visual_index, contains: Slack}
  said: {when: transcript, word: deadline}
within: 2m
by: _.session
cooldown: 10m
message: "\"{{ said._.text }}\" while on screen: {{ slack._.text }}"
notify: me
tests:
  - name: either order, inside two minutes
    given: [{at: 0s, transcript: the deadline moved}, {at: 110s, screen: Slack thread}]
    expect: {fires_at: [110s]}
  - name: too far apart
    given: [{at: 0s, screen: Slack thread}, {at: 121s, transcript: what deadline}]
    expect: never
  - name: long segment still overlaps
    given: [{at: 0s, end: 60s, screen: Slack thread}, {at: 170s, transcript: deadline}]
    expect: {fires_at: [170s]}
""".lstrip(),
    "transcript-went-quiet": """\
name: transcript-went-quiet
absent: {when: transcript}
for: 10m
while: session.active
message: "No speech for {{ dur(duration) }}. Is the microphone on?"
resolve: "Transcript is back after {{ dur(duration) }}"
notify: me
tests:
  - name: fires once, then resolves
    given: [{at: 0s, session: active}, {at: 2m, transcript: hello}, {at: 14m, transcript: sorry I was muted}]
    expect: {fires_at: [12m], resolves_at: [14m]}
  - name: not after the session ended
    given: [{at: 0s, session: active}, {at: 5m, session: stopped}]
    until: 40m
    expect: never
  - name: a restart does not lose the timer
    given: [{at: 0s, session: active}, {at: 4m, engine: restart}]
    until: 11m
    expect: {fires_at: [10m]}
""",
    "digests": """\
rules:
  - name: half-hour-notes
    when: [transcript, audio_index]
    digest: {every: 30m, or_at: 200}
    summarize: true
    notify: me
  - name: session-recap
    when: [transcript, audio_index, visual_index]
    digest: {at: session_end}
    summarize: {prompt: "What was done, decided and left open.", fallback: bullets}
    notify: me
  - name: daily-recap
    when: rule.app-usage
    digest: {at: "18:00", days: mon-fri}
    message: "{{ table(events, 'key', 'seconds') }}"
    notify: me
""",
    "recorder-down": """\
name: recorder-down
when: session.failed
severity: critical
notify: me
escalate:
  - {after: 5m, notify: oncall}
  - {after: 15m, notify: phone, repeat: 15m, max: 4}
until: [acked, session.active]
resolve: "Recorder is back after {{ dur(duration) }}"
""",
    "repeated-errors": r"""
name: repeated-errors
when: visual_index
regex: '\b(error|exception|traceback)\b'
count: 3 within 10m
by: _.stream
cooldown: 30m
message: "{{ count }} errors on {{ group }} in ten minutes; last: {{ _.text }}"
notify: me
tests:
  - name: three on one display, groups apart
    given:
      - {at: 0s, screen: Error dialog, stream: "display:1"}
      - {at: 1m, screen: Error dialog, stream: "display:2"}
      - {at: 2m, screen: Traceback shown, stream: "display:1"}
      - {at: 3m, screen: exception again, stream: "display:1"}
    expect: {fires_at: [3m], group: "display:1"}
  - name: spread too wide
    given: [{at: 0s, screen: error}, {at: 6m, screen: error}, {at: 12m, screen: error}]
    expect: never
""".lstrip(),
    "many": """\
vars: {team: [ann, ben], room: 4}
defaults:
  notify: team
  severity: warn
  quiet: 22:00-07:00
  active: {days: mon-fri, hours: 08:00-20:00, zone: Europe/Berlin}
rules:
  - name: names
    description: Somebody of the team is named
    enabled: true
    tags: [people]
    owner: ann
    expires: 2031-01-31
    when: [transcript, screen]
    contains_all: [ann, ben]
    except: [{word: birthday}, {source: system_audio}]
    partials: early
    by: [_.session, data.room]
    dedup: {key: _.text, for: 1h}
    limit: 10/h
    unless: session.stopping
    title: Named
    message: "{{ join(', ', vars.team) }} in {{ vars.room }}"
  - name: errors
    severity: error
    any:
      - {when: screen, regex: '\\b(error|exception)\\b', case: exact}
      - {when: audio, word: failed, in: [data.text, data.summary]}
    not: {where: {label: {in: [test, draft]}}}
    all: [{filter: "has(_.text, 'e')"}]
    emit: true
  - name: chained
    when: [rule.errors, engine.late]
    dedup: 10m
    unless: {contains: test}
    tests:
      - given:
          - {at: 0s, transcript: x, end: 2s, stream: "mic:1", late: 20s, dup: true, data: {n: 1}}
          - {at: 1s, audio: y}
          - {at: 2s, alert: z}
          - {at: 3s, engine: restart}
        until: 1h
        expect: {fires: 0, group: "mic:1", severity: warn, routes: [team], title: {matches: a+}, deferred: 0}
        same_under: [duplicates, shuffle, restart, reload]
        start: 2026-03-02T09:00
""",
}

COMPANIONS: dict[str, tuple[str, ...]] = {"digests": ("app-usage",)}
"""Which other examples an example listens to."""


def files_of(name: str) -> list[tuple[str, bytes]]:
    """Return the files without which the example cannot be loaded, its own first."""
    return [(f"rules/{each}.yaml", EXAMPLES[each].encode()) for each in (name, *COMPANIONS.get(name, ()))]
