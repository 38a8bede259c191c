"""Assessments still to be made. A row here is the truth; a message is only a bell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, or_, select, text, update

from meridian.db import tables as t
from meridian.db.clock import seconds

MOST_ATTEMPTS = 5


@dataclass(frozen=True)
class ClaimedJob:
    """A job in this worker's hands until its lease ends."""

    id: UUID
    application_id: UUID
    version_id: UUID
    attempts: int


def claim_job(connection: Connection, job_id: UUID, lease_s: float) -> ClaimedJob | None:
    """Take a waiting job that nobody holds, for `lease_s` seconds; None where it is held, done or set aside."""
    free = select(t.job.c.id).where(t.job.c.id == job_id, *_free()).with_for_update(skip_locked=True)
    query = (
        update(t.job)
        .where(t.job.c.id.in_(free))
        .values(lease_until=func.now() + seconds(lease_s), attempts=t.job.c.attempts + 1)
        .returning(t.job.c.id, t.job.c.application_id, t.job.c.version_id, t.job.c.attempts)
    )
    row = connection.execute(query).one_or_none()
    return ClaimedJob(**row._mapping) if row else None


def hold_job(connection: Connection, job_id: UUID) -> bool:
    """Lock the job for this transaction; False where somebody has finished it meanwhile."""
    query = select(t.job.c.id).where(t.job.c.id == job_id, t.job.c.state == "waiting").with_for_update()
    return connection.execute(query).one_or_none() is not None


def finish_job(connection: Connection, job_id: UUID) -> None:
    """The assessment is written."""
    connection.execute(
        update(t.job).where(t.job.c.id == job_id).values(state="done", done_at=func.now(), lease_until=None)
    )


def release_job(connection: Connection, job_id: UUID, error: str) -> None:
    """An attempt failed: wait longer each time for the next, or set the job aside after the last."""
    connection.execute(
        update(t.job)
        .where(t.job.c.id == job_id, t.job.c.state == "waiting")
        .values(
            error=error,
            # 2, 4, 8, 16 seconds: what is missing for a moment, a model say, may be there at the next attempt.
            lease_until=func.now() + seconds(func.power(2, t.job.c.attempts)),
            rung_at=None,
            state=text(f"CASE WHEN attempts >= {MOST_ATTEMPTS} THEN 'failed' ELSE 'waiting' END"),
        )
    )


def take_forgotten_jobs(
    connection: Connection, older_than_s: float, again_after_s: float, limit: int
) -> Sequence[UUID]:
    """Jobs that nobody holds and that should have been taken by now, the oldest first; noted as rung for now.

    One that was rung for lately is left out: it waits its turn in the queue, and a second message would
    only make the queue longer.
    """
    unrung = or_(t.job.c.rung_at.is_(None), t.job.c.rung_at < func.now() - seconds(again_after_s))
    forgotten = (
        select(t.job.c.id)
        .where(t.job.c.created_at < func.now() - seconds(older_than_s), unrung, *_free())
        .order_by(t.job.c.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    query = update(t.job).where(t.job.c.id.in_(forgotten)).values(rung_at=func.now()).returning(t.job.c.id)
    return connection.execute(query).scalars().all()


def set_exhausted_aside(connection: Connection) -> int:
    """Set aside the jobs whose every attempt ended without a word, as when each killed its worker; how many."""
    error = func.coalesce(t.job.c.error, "every attempt was cut short: the worker was killed, or its time ran out")
    lapsed = (t.job.c.state == "waiting", t.job.c.attempts >= MOST_ATTEMPTS, t.job.c.lease_until < func.now())
    return connection.execute(
        update(t.job).where(*lapsed).values(state="failed", lease_until=None, error=error)
    ).rowcount


def _free() -> tuple[ColumnElement[bool], ...]:
    unheld = or_(t.job.c.lease_until.is_(None), t.job.c.lease_until < func.now())
    return t.job.c.state == "waiting", t.job.c.attempts < MOST_ATTEMPTS, unheld
