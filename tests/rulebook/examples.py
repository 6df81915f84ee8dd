"""The worked examples of the rule language whose keys are available, as a user would write them."""

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
    "app-usage": """\
name: app-usage
when: visual_index
classify:
  Slack: {word: slack}
  Editor: {word: [vs code, visual studio code, vim]}
  Browser: {word: [chrome, firefox, safari]}
  else: Other
record: usage.jsonl
emit: {label: "{{ _.class }}"}
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
