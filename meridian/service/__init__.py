"""The use cases: one for each thing that somebody may want of Meridian. The doors call these."""

from meridian.service.assessments import Assessments
from meridian.service.audits import Audits, Verified
from meridian.service.budget import Budget
from meridian.service.capturing import Capturing
from meridian.service.decisions import Decisions, Reply, Wanted
from meridian.service.keys import Keys, Principal
from meridian.service.materialise import Materialisation, Materialised
from meridian.service.online import OnlineStore
from meridian.service.packs import Packs
from meridian.service.policies import PolicyBook
from meridian.service.queries import Queries
from meridian.service.redecisions import Redecided, Redecisions
from meridian.service.replays import Replays
from meridian.service.reviews import Reviews, Settling
from meridian.service.seals import Seals
from meridian.service.skew import Checked, SkewCheck, SkewFound, summed

__all__ = [
    "Assessments",
    "Audits",
    "Budget",
    "Capturing",
    "Checked",
    "Decisions",
    "Keys",
    "Materialisation",
    "Materialised",
    "OnlineStore",
    "Packs",
    "PolicyBook",
    "Principal",
    "Queries",
    "Redecided",
    "Redecisions",
    "Replays",
    "Reply",
    "Reviews",
    "Seals",
    "Settling",
    "SkewCheck",
    "SkewFound",
    "Verified",
    "Wanted",
    "summed",
]
