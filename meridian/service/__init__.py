"""The use cases: one for each thing that somebody may want of Meridian. The doors call these."""

from meridian.service.assessments import Assessments
from meridian.service.decisions import Decisions, Reply, Wanted
from meridian.service.history import HistoryLookUp
from meridian.service.keys import Keys, Principal
from meridian.service.queries import Queries
from meridian.service.reviews import Reviews, Settling

__all__ = [
    "Assessments",
    "Decisions",
    "HistoryLookUp",
    "Keys",
    "Principal",
    "Queries",
    "Reply",
    "Reviews",
    "Settling",
    "Wanted",
]
