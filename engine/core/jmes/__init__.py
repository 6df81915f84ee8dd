"""Filters: jmespath's own parse tree, compiled to closures with total semantics."""
