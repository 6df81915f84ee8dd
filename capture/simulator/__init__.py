"""A local VideoDB: HTTP API, websocket, webhooks and a stand-in recorder, with faults on request.

Good enough that the unmodified SDK cannot tell. Facts are `docs/simulator.md`; nothing here may be imported by the
capture runner itself, which knows the simulator only as an address.
"""

from __future__ import annotations

from capture.simulator.faults import Faults, HttpFault
from capture.simulator.recorder import recorder_path_entry
from capture.simulator.routing import RefusalError
from capture.simulator.server import Simulator

__all__ = ["Faults", "HttpFault", "RefusalError", "Simulator", "recorder_path_entry"]
