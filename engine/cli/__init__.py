"""Words in, exit code out: one small module a command."""
