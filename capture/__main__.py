"""Start the command line: `capture` and `python -m capture`."""

from __future__ import annotations

from capture.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
