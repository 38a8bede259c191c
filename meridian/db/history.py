"""The lender's own history of an applicant: one indexed read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from meridian.db import tables as t
from meridian.db.prepared import Prepared

RECENT = timedelta(days=90)


@dataclass(frozen=True)
class OwnHistory:
    """What we know of an applicant from earlier business, as of the last load. No row is knowledge too: none so far."""

    loans: int
    worst_days_late: int
    applications_90d: int
    as_of: datetime
    known_at: datetime


LOOK_UP = Prepared(
    "look_up_history",
    """
    SELECT h.loans, h.worst_days_late, l.as_of, l.known_at,
           (SELECT count(*) FROM record.application a
            WHERE a.applicant_id = {applicant_id} AND a.received_at > {since}) AS applications_90d
    FROM (SELECT as_of, known_at FROM online.history_load ORDER BY id DESC LIMIT 1) l
    LEFT JOIN online.history h ON h.applicant_id = {applicant_id}
    """,
    {"applicant_id": "text", "since": "timestamptz"},
)


def look_up_history(connection: Connection, applicant_id: str, now: datetime) -> OwnHistory | None:
    """Loans and arrears as last loaded, and the applications of the last 90 days, counted now.

    None where no history was ever loaded: then nothing is known of anybody.
    """
    row = LOOK_UP.run(connection, {"applicant_id": applicant_id, "since": now - RECENT}).one_or_none()
    if row is None:
        return None
    return OwnHistory(row.loans or 0, row.worst_days_late or 0, row.applications_90d, row.as_of, row.known_at)


def last_load_size(connection: Connection) -> int | None:
    """How many applicants the last load held; None before the first."""
    query = select(t.history_load.c.applicants).order_by(t.history_load.c.id.desc()).limit(1)
    return connection.execute(query).scalar()


def load_histories(
    connection: Connection, rows: Iterable[Mapping[str, Any]], *, as_of: datetime, known_at: datetime
) -> int:
    """Take over a complete load: whoever is not in it, and was not before, has had no business with us.

    Rows have `applicant_id`, `loans` and `worst_days_late`. Returns how many there were.
    """
    query = upsert(t.history)
    newer = {name: query.excluded[name] for name in ("loans", "worst_days_late", "as_of", "known_at")}
    batch = [{**row, "as_of": as_of, "known_at": known_at} for row in rows]
    if batch:
        connection.execute(query.on_conflict_do_update(index_elements=["applicant_id"], set_=newer), batch)
    load = {"as_of": as_of, "known_at": known_at, "applicants": len(batch)}
    connection.execute(insert(t.history_load), load)
    return len(batch)
