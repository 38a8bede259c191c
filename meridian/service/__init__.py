"""The use cases: one for each thing that somebody may want of Meridian. The doors call these."""

from meridian.service.asked import Asked, asked_sources, sources_of
from meridian.service.assessments import Assessments
from meridian.service.audits import Audits, Verified
from meridian.service.backtests import Backtests
from meridian.service.batches import Batches
from meridian.service.budget import Budget
from meridian.service.capturing import Capturing
from meridian.service.decisions import Decisions, Reply, Wanted
from meridian.service.experiments import Experiments
from meridian.service.exposures import Exposures
from meridian.service.fetches import Fetches
from meridian.service.keys import Keys, Principal
from meridian.service.live import Live
from meridian.service.materialise import Materialisation, Materialised
from meridian.service.online import LookedUp, OnlineStore
from meridian.service.packs import Packs
from meridian.service.policies import PolicyBook
from meridian.service.policy_versions import PolicyVersions, status_of
from meridian.service.prefetch import Prefetch, Readiness
from meridian.service.queries import Queries
from meridian.service.recourses import Recourses
from meridian.service.redecisions import Redecided, Redecisions
from meridian.service.registrations import Registrations
from meridian.service.replays import Replays
from meridian.service.replies import Replies
from meridian.service.reproduction import Reproduction
from meridian.service.reviews import Reviews, Settling
from meridian.service.seals import Seals
from meridian.service.shadows import Shadows
from meridian.service.skew import Checked, SkewCheck, SkewFound, summed
from meridian.service.work import Work

__all__ = [
    "Asked",
    "Assessments",
    "Audits",
    "Backtests",
    "Batches",
    "Budget",
    "Capturing",
    "Checked",
    "Decisions",
    "Experiments",
    "Exposures",
    "Fetches",
    "Keys",
    "Live",
    "LookedUp",
    "Materialisation",
    "Materialised",
    "OnlineStore",
    "Packs",
    "PolicyBook",
    "PolicyVersions",
    "Prefetch",
    "Principal",
    "Queries",
    "Readiness",
    "Recourses",
    "Redecided",
    "Redecisions",
    "Registrations",
    "Replays",
    "Replies",
    "Reply",
    "Reproduction",
    "Reviews",
    "Seals",
    "Settling",
    "Shadows",
    "SkewCheck",
    "SkewFound",
    "Verified",
    "Wanted",
    "Work",
    "asked_sources",
    "sources_of",
    "status_of",
    "summed",
]
