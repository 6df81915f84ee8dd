"""What follows from what. Sans-I/O: bytes, rules, states and `now` in; matches, notifications and wake-ups out."""
