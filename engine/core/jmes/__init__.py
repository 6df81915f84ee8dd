"""Filters: jmespath's own parse tree, compiled to closures with total semantics.

`compile` is the door, `lint` the second one; `context` is what both sides of an evaluation share, `shape` what can
be said without an event.
"""
