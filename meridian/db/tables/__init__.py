"""The tables as SQLAlchemy Core sees them, a file for each schema. A test holds them to the migrations."""

from meridian.db.tables.access import analyst, api_key
from meridian.db.tables.columns import metadata
from meridian.db.tables.online import breaker, coverage, score, vector
from meridian.db.tables.record import application, evidence, policy, seal, version
from meridian.db.tables.registry import (
    approval,
    backtest,
    change,
    file,
    model,
    policy_approval,
    policy_change,
    policy_submission,
    registered_policy,
    shadow_score,
    submission,
)
from meridian.db.tables.work import anchored, batch, batch_part, exposure, fetch, job, reply, review_case, unsealed

__all__ = [
    "analyst",
    "anchored",
    "api_key",
    "application",
    "approval",
    "backtest",
    "batch",
    "batch_part",
    "breaker",
    "change",
    "coverage",
    "evidence",
    "exposure",
    "fetch",
    "file",
    "job",
    "metadata",
    "model",
    "policy",
    "policy_approval",
    "policy_change",
    "policy_submission",
    "registered_policy",
    "reply",
    "review_case",
    "score",
    "seal",
    "shadow_score",
    "submission",
    "unsealed",
    "vector",
    "version",
]
