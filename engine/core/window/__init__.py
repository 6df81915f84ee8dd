"""Patterns over time, one operator a module: `(spec, state, item or instant) -> Step`."""
