"""Words in, exit code out: one small module a command, loaded when its command is used."""
