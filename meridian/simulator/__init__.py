"""A simulated lender: applicants of our own making, whose risk is known, for demonstrations, tests and benchmarks."""

from meridian.simulator.applicants import Applicants, draw
from meridian.simulator.requests import histories, requests

__all__ = ["Applicants", "draw", "histories", "requests"]
