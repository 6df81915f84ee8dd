"""Bytes in: the tailer, recordings and the rules folder."""
