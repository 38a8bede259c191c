"""What a replay needs of a decision: the version, its evidence and its policy, as they are stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, String, cast, func, literal, select, text

from meridian.db import tables as t
from meridian.db.online import RECENT
from meridian.evidence import Evidence
from meridian.outcome import Stage
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


def draw_decisions(
    connection: Connection,
    count: int,
    since: datetime | None,
    seed: int,
    stages: Sequence[Stage] = MADE_BY_MACHINE,
    product: str | None = None,
) -> list[UUID]:
    """Up to `count` decisions of these stages, of all products or one, drawn at random: the same for the same seed."""
    lot = func.hashtextextended(cast(t.version.c.id, String), literal(seed))
    query = select(t.version.c.id).where(t.version.c.stage.in_([stage.value for stage in stages]))
    if since is not None:
        query = query.where(t.version.c.decided_at >= since)
    if product is not None:
        query = query.join(t.application, t.application.c.id == t.version.c.application_id)
        query = query.where(t.application.c.product == product)
    return list(connection.execute(query.order_by(lot).limit(count)).scalars())


def count_earlier(connection: Connection, asked: Sequence[tuple[str, datetime]]) -> list[int]:
    """For each (applicant, moment), the applications of the 90 days before it that are in the record."""
    query = text("""
        SELECT count(a.id) FROM unnest(CAST(:applicants AS text[]), CAST(:moments AS timestamptz[]))
                                WITH ORDINALITY AS asked (applicant_id, moment, place)
        LEFT JOIN record.application a ON a.applicant_id = asked.applicant_id
            AND a.received_at < asked.moment AND a.received_at > asked.moment - :recent
        GROUP BY asked.place ORDER BY asked.place""")
    values = {"applicants": [one for one, _ in asked], "moments": [moment for _, moment in asked], "recent": RECENT}
    return list(connection.execute(query, values).scalars())
