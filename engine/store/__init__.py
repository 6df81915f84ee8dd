"""Durability: the only SQL."""
