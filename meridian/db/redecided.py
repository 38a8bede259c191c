"""Decisions of an outage: which they are, and the further evidence of each."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, insert, select, text

from meridian.db import tables as t
from meridian.evidence import Rung
from meridian.identity import lowest_id
from meridian.outcome import Stage
from meridian.record import EvidenceRow

SLACK = timedelta(minutes=5)
"""Between the moment in an application's id and that of its decision, and then some."""


def find_degraded(connection: Connection, since: datetime, until: datetime, least_rung: Rung) -> list[UUID]:
    """Applications first decided from `since` until before `until` on that rung or below, in their order.

    Those that were decided again since are not among them.
    """
    v, e, again = t.version.c, t.evidence.c, t.version.alias().c
    done = select(again.id).where(again.application_id == v.application_id, again.stage == Stage.REDECISION.value)
    query = (
        select(v.application_id)
        .join(t.evidence, (e.application_id == v.application_id) & (e.id == v.evidence_id))
        .where(v.number == 1, v.decided_at >= since, v.decided_at < until, e.rung >= int(least_rung), ~done.exists())
        # An application's id has its moment, and the table is in its order: the rest of the record is not looked at.
        .where(v.application_id >= lowest_id(since, -SLACK), v.application_id < lowest_id(until, SLACK))
        .order_by(v.application_id)
    )
    return list(connection.execute(query).scalars())


AGAIN = text("""
SELECT count(*) FROM record.version f
WHERE f.number = 1 AND f.decided_at >= :since AND f.decided_at < :until AND f.application_id >= :lowest
      AND EXISTS (SELECT FROM record.version w WHERE w.application_id = f.application_id AND w.stage = 'redecision')
""")


def count_redecided(connection: Connection, since: datetime, until: datetime) -> int:
    """How many of the applications that were first decided in that time were decided again since."""
    bounds = {"since": since, "until": until, "lowest": lowest_id(since, -SLACK)}
    return int(connection.execute(AGAIN, bounds).scalar_one())


def add_evidence(connection: Connection, row: EvidenceRow) -> None:
    """Store a further capture of an application, and that it is to be sealed."""
    values = {
        "id": row.id,
        "application_id": row.application_id,
        "sha256": row.evidence.sha256,
        "rung": int(row.evidence.rung),
        "document": row.evidence.text,
        "captured_at": row.captured_at,
        "row_sha256": row.leaf.sha256,
    }
    connection.execute(insert(t.evidence), values)
    connection.execute(insert(t.unsealed), {"id": row.id, "leaves": row.leaf.packed()})


LATEST = timedelta(days=3)
"""So long after an application an answer is waited for."""
TOLD_LATE = text("""
SELECT v.application_id
FROM record.application a
JOIN record.version v ON v.application_id = a.id AND v.number = 1
JOIN record.evidence e ON e.application_id = a.id AND e.id = v.evidence_id
WHERE a.applicant_id IN (SELECT r.applicant_id FROM work.reply r WHERE r.received_at > :since)
      AND v.application_id >= :lowest AND e.rung > :stale
      AND NOT EXISTS (SELECT FROM record.version w WHERE w.application_id = a.id AND w.stage = 'redecision')
      AND NOT EXISTS (
          SELECT FROM jsonb_array_elements(e.document::jsonb -> 'sources') AS s (source)
          WHERE s.source ->> 'status' IN ('missing', 'failed') AND s.source -> 'no_file' IS NULL
                AND NOT EXISTS (SELECT FROM work.reply r
                                WHERE r.applicant_id = a.applicant_id AND r.source = s.source ->> 'name'
                                      AND r.received_at > v.decided_at))
ORDER BY v.application_id
""")


def find_told_late(connection: Connection, since: datetime) -> list[UUID]:
    """Applications decided without sources that have all told since, the last of them after that moment."""
    bounds = {"lowest": lowest_id(since - LATEST), "stale": int(Rung.STALE)}
    return list(connection.execute(TOLD_LATE, {"since": since, **bounds}).scalars())
