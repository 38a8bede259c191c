"""Stand-ins for the outside sources: HTTP servers that answer from a simulated lender's events, at a real pace.

They fail on command, so that what stands before them can be seen to hold.
"""

from meridian.simulator.stubs.faults import Fault, FaultName, Faults
from meridian.simulator.stubs.pace import AT_ONCE_S, PACES, Latency
from meridian.simulator.stubs.server import serve
from meridian.simulator.stubs.source import StubSource
from meridian.simulator.stubs.tls import Tls

__all__ = ["AT_ONCE_S", "PACES", "Fault", "FaultName", "Faults", "Latency", "StubSource", "Tls", "serve"]
