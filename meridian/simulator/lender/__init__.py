"""A simulated consumer lender: five sources of dated events on applicants whose true risk is known."""

from meridian.simulator.lender.chunks import Summary, simulate, write_chunk
from meridian.simulator.lender.requests import requests
from meridian.simulator.lender.settings import LenderSettings
from meridian.simulator.lender.streams import STREAMS, Stream

__all__ = ["STREAMS", "LenderSettings", "Stream", "Summary", "requests", "simulate", "write_chunk"]
