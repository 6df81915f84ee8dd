"""The folder in which an engine runs."""

from tests.cli.conftest import workspace

__all__ = ["workspace"]
