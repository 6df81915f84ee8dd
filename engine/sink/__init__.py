"""Notifications out: one attempt a call, an `Outcome` back."""
