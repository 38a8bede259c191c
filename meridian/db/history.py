"""The lender's own history of an applicant: one indexed read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from meridian.db import tables as t

RECENT = timedelta(days=90)


@dataclass(frozen=True)
class OwnHistory:
    """What we know of an applicant from earlier business. No row is knowledge too: no business before."""

    loans: int
    worst_days_late: int
    applications_90d: int
    as_of: datetime | None
    known_at: datetime | None


def look_up_history(connection: Connection, applicant_id: str, now: datetime) -> OwnHistory:
    """Loans and arrears as last materialised, and the applications of the last 90 days, counted now."""
    recent = (
        select(func.count())
        .where(
            t.application.c.applicant_id == applicant_id,
            t.application.c.received_at > now - RECENT,
        )
        .scalar_subquery()
    )
    one = select(recent.label("applications_90d")).subquery()
    h = t.history.c
    query = select(h.loans, h.worst_days_late, h.as_of, h.known_at, one.c.applications_90d).select_from(
        one.outerjoin(t.history, h.applicant_id == applicant_id)
    )
    row = connection.execute(query).one()
    return OwnHistory(row.loans or 0, row.worst_days_late or 0, row.applications_90d, row.as_of, row.known_at)


def put_histories(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Materialise histories; a newer one takes the place of an older one."""
    query = upsert(t.history)
    newer = {name: query.excluded[name] for name in ("loans", "worst_days_late", "as_of", "known_at")}
    statement = query.on_conflict_do_update(
        index_elements=["applicant_id"], set_=newer, where=query.excluded["as_of"] >= t.history.c.as_of
    )
    batch = [dict(row) for row in rows]
    if batch:
        connection.execute(statement, batch)
