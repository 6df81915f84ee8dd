"""Time, threads and signals: the only room that waits."""
