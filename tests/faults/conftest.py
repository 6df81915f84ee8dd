"""The folder in which a fault is tried."""

from tests.cli.conftest import workspace

__all__ = ["workspace"]
