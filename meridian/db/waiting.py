"""What waits, what is in somebody's hands, and what was set aside: of everything that workers do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

# Each kind has the same columns here, whatever its table calls them. What is set aside comes as what somebody can look
# up: an application's reference, or a batch and its part.
KINDS = {
    "assessments": "SELECT id, state, lease_until, created_at, done_at FROM work.job",
    "parts of batches": "SELECT batch_id AS id, state, lease_until, created_at, done_at FROM work.batch_part",
    "fetches": "SELECT id, state, lease_until, asked_at AS created_at, done_at FROM work.fetch",
}
COUNTED = """
SELECT '{kind}' AS kind, count(*) FILTER (WHERE state = 'waiting' AND NOT held) AS waiting,
       count(*) FILTER (WHERE state = 'waiting' AND held) AS held,
       count(*) FILTER (WHERE state = 'failed') AS set_aside,
       extract(epoch FROM now() - min(created_at) FILTER (WHERE state = 'waiting'))::float8 AS oldest_s,
       min(lease_until) FILTER (WHERE state = 'waiting' AND held) AS soonest_lease_end,
       count(*) FILTER (WHERE state = 'done' AND done_at > now() - interval '1 hour') AS done_last_hour
FROM (SELECT *, coalesce(lease_until > now(), false) AS held FROM ({rows}) AS r) AS w
"""
WAITING = text(" UNION ALL ".join(COUNTED.format(kind=kind, rows=rows) for kind, rows in KINDS.items()))
SET_ASIDE = text("""
SELECT 'assessments' AS kind, j.id::text AS id, a.ref AS of, j.attempts, j.error, j.created_at AS since
FROM work.job j JOIN record.application a ON a.id = j.application_id WHERE j.state = 'failed'
UNION ALL
SELECT 'parts of batches', p.batch_id || '/' || p.number, b.name || ', rows from ' || p.first_row, p.attempts, p.error,
       p.created_at
FROM work.batch_part p JOIN work.batch b ON b.id = p.batch_id WHERE p.state = 'failed'
ORDER BY since, id LIMIT :most
""")
# No attempts and never rung for: the next sweep finds them.
JOBS_AGAIN = text("""
UPDATE work.job SET state = 'waiting', attempts = 0, lease_until = NULL, rung_at = NULL
WHERE state = 'failed' AND (:everything OR id = ANY(CAST(:ids AS uuid[])))
""")
PARTS_AGAIN = text("""
UPDATE work.batch_part SET state = 'waiting', attempts = 0, lease_until = NULL
WHERE state = 'failed' AND (:everything OR batch_id = ANY(CAST(:ids AS uuid[])))
""")


@dataclass(frozen=True)
class Waiting:
    """Of one kind: how many wait, are held and were set aside; the oldest's age in seconds, None where none waits."""

    kind: str
    waiting: int
    held: int
    set_aside: int
    oldest_s: float | None
    soonest_lease_end: datetime | None
    done_last_hour: int

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        ends = self.soonest_lease_end
        return {**asdict(self), "soonest_lease_end": ends.isoformat() if ends else None}


@dataclass(frozen=True)
class SetAside:
    """What failed too often: `of` names the application, or the file and its rows."""

    kind: str
    id: str
    of: str
    attempts: int
    error: str | None
    since: datetime

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "since": self.since.isoformat()}


def waiting(connection: Connection) -> list[Waiting]:
    """Each kind."""
    return [Waiting(**row._mapping) for row in connection.execute(WAITING)]


def set_aside(connection: Connection, most: int) -> list[SetAside]:
    """The oldest of those that were set aside."""
    return [SetAside(**row._mapping) for row in connection.execute(SET_ASIDE, {"most": most})]


def put_back(connection: Connection, ids: Sequence[UUID], *, everything: bool) -> tuple[int, int]:
    """Have what was set aside wait again, its attempts forgotten; how many jobs, and how many parts of batches.

    `ids` are those of jobs and of batches; a batch's comes with all its parts.
    """
    which = {"ids": [str(one) for one in ids], "everything": everything}
    jobs, parts = (connection.execute(query, which).rowcount for query in (JOBS_AGAIN, PARTS_AGAIN))
    return jobs, parts
