"""What a replay needs of a decision: the version, its evidence and its policy, as they are stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, String, cast, func, literal, select

from meridian.db import tables as t
from meridian.evidence import Evidence
from meridian.replay import MADE_BY_MACHINE, Recorded


def find_recorded(connection: Connection, decision_ids: Sequence[UUID]) -> list[Recorded]:
    """These decisions, in the order of their ids."""
    query = (
        select(
            t.version.c.id,
            t.version.c.document,
            t.evidence.c.document.label("evidence"),
            t.version.c.policy_version,
            t.policy.c.document.label("policy"),
            t.version.c.model_sha256,
            t.version.c.decided_by,
        )
        .join(
            t.evidence,
            (t.evidence.c.application_id == t.version.c.application_id) & (t.evidence.c.id == t.version.c.evidence_id),
        )
        .outerjoin(t.policy, t.policy.c.version == t.version.c.policy_version)
        .where(t.version.c.id.in_(decision_ids))
        .order_by(t.version.c.id)
    )
    return [
        Recorded(
            decision_id=str(row.id),
            document=json.loads(row.document),
            evidence=Evidence.from_text(row.evidence),
            policy_version=row.policy_version,
            policy_text=row.policy,
            model_sha256=row.model_sha256,
            code=row.decided_by.removeprefix("meridian "),
        )
        for row in connection.execute(query)
    ]


def draw_decisions(connection: Connection, count: int, since: datetime | None, seed: int) -> list[UUID]:
    """Up to `count` decisions that a model and a policy made, drawn at random: the same for the same seed."""
    lot = func.hashtextextended(cast(t.version.c.id, String), literal(seed))
    query = select(t.version.c.id).where(t.version.c.stage.in_([stage.value for stage in MADE_BY_MACHINE]))
    if since is not None:
        query = query.where(t.version.c.decided_at >= since)
    return list(connection.execute(query.order_by(lot).limit(count)).scalars())
