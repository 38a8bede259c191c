"""Sources to be asked ahead of a decision: one row a source and applicant, however often the form is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, case, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from meridian.db import tables as t
from meridian.db.clock import seconds

MOST_ATTEMPTS = 8
"""With waits of 1, 2, 4 seconds and so on in between: some two minutes. By then the form has been sent."""
MOST_WAIT = "2 days"
"""How long an answer that comes later is waited for."""


@dataclass(frozen=True)
class Fetch:
    """A source to ask about an applicant; `provider` and `result` where one has said to come back for its answer."""

    id: UUID
    source: str
    applicant_id: str
    provider: str | None
    result: str | None


def add_fetches(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Note what is to be fetched, each with id, source, applicant_id and caller; what waits already waits once."""
    if rows:
        now = {"due_at": func.now(), "asked_at": func.now()}
        query = upsert(t.fetch).values([{**row, **now} for row in rows])
        key, waiting = ["source", "applicant_id"], text("state = 'waiting'")
        connection.execute(query.on_conflict_do_nothing(index_elements=key, index_where=waiting))


def claim_fetches(connection: Connection, sources: Mapping[str, int], lease_s: float) -> list[Fetch]:
    """Take fetches that are due and nobody's, so many of each source, for `lease_s` seconds.

    An attempt counts when it begins, so that one that kills its worker each time is not tried for ever.
    """
    taken: list[Fetch] = []
    for source, limit in sources.items():
        free = or_(t.fetch.c.lease_until.is_(None), t.fetch.c.lease_until < func.now())
        due = (
            select(t.fetch.c.id)
            .where(t.fetch.c.source == source, t.fetch.c.state == "waiting", t.fetch.c.due_at <= func.now(), free)
            .where(t.fetch.c.attempts < MOST_ATTEMPTS)
            .order_by(t.fetch.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        query = (
            update(t.fetch)
            .where(t.fetch.c.id.in_(due))
            .values(lease_until=func.now() + seconds(lease_s), attempts=t.fetch.c.attempts + 1)
        )
        rows = connection.execute(query.returning(*(t.fetch.c[name] for name in Fetch.__dataclass_fields__)))
        taken += [Fetch(**row._mapping) for row in rows]
    return taken


def longest_wait_s(connection: Connection) -> float:
    """For how many seconds the oldest fetch has been due that nobody holds; 0 where none is."""
    oldest = select(func.min(t.fetch.c.due_at)).where(
        t.fetch.c.state == "waiting", func.coalesce(t.fetch.c.lease_until, t.fetch.c.due_at) <= func.now()
    )
    wait = func.coalesce(func.extract("epoch", func.now() - oldest.scalar_subquery()), 0)
    return float(connection.execute(select(wait)).scalar_one())


def give_up_late(connection: Connection) -> None:
    """What nobody brought in two days is not waited for: nobody asks that source any more, or every attempt died."""
    late = t.fetch.c.asked_at < func.now() - text(f"interval '{MOST_WAIT}'")
    ended = {"state": "failed", "done_at": func.now(), "lease_until": None}
    error = func.coalesce(t.fetch.c.error, "nobody brought it")
    connection.execute(update(t.fetch).where(t.fetch.c.state == "waiting", late).values(**ended, error=error))


def drop_old_fetches(connection: Connection) -> None:
    """Forget what ended a week ago: who was asked about is nobody's concern for longer."""
    connection.execute(delete(t.fetch).where(t.fetch.c.done_at < func.now() - text("interval '7 days'")))


def finish_fetch(connection: Connection, fetch: Fetch) -> None:
    """Its answer is there."""
    _change(connection, fetch, state="done", done_at=func.now(), lease_until=None, error=None)


def come_back(connection: Connection, fetch: Fetch, provider: str, result: str, in_s: float) -> None:
    """The provider will have its answer in so many seconds; after two days it will not."""
    late = t.fetch.c.asked_at < func.now() - text(f"interval '{MOST_WAIT}'")
    _change(
        connection,
        fetch,
        provider=provider,
        result=result,
        attempts=0,
        due_at=func.now() + seconds(in_s),
        lease_until=None,
        state=_either(late, "failed", "waiting"),
        done_at=_either(late, func.now(), None),
        error=_either(late, f"no answer within {MOST_WAIT}", None),
    )


def try_again(connection: Connection, fetch: Fetch, error: str) -> None:
    """It failed: to be tried again, each time after twice as long, from the first provider on; or not any more."""
    last = t.fetch.c.attempts >= MOST_ATTEMPTS
    _change(
        connection,
        fetch,
        error=error,
        provider=None,
        result=None,
        due_at=func.now() + seconds(func.power(2, t.fetch.c.attempts - 1)),
        lease_until=None,
        state=_either(last, "failed", "waiting"),
        done_at=_either(last, func.now(), None),
    )


def _change(connection: Connection, fetch: Fetch, **values: Any) -> None:
    waits = and_(t.fetch.c.id == fetch.id, t.fetch.c.state == "waiting")
    connection.execute(update(t.fetch).where(waits).values(**values))


def _either(true: Any, then: Any, otherwise: Any) -> Any:
    return case((true, then), else_=otherwise)
