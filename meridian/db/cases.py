"""Cases: applications that wait for a person, and who has them in hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, insert, literal_column, or_, select, update

from meridian.db import tables as t

HOLD: ColumnElement[Any] = literal_column("interval '30 minutes'")


@dataclass(frozen=True)
class Case:
    """One case. A claim that has run out counts as open."""

    id: UUID
    application_id: UUID
    application_ref: str
    product: str
    because: str
    state: str
    opened_at: datetime
    claimed_by: str | None
    claimed_until: datetime | None
    settled_by: str | None
    settled_at: datetime | None

    @property
    def in_analysts_hands(self) -> bool:
        """Whether a person has taken it or has settled it."""
        return self.state != "open"


def open_case(connection: Connection, case_id: UUID, application_id: UUID, because: str, opened_at: datetime) -> None:
    """Put an application before a person. One application has one case."""
    row = {"id": case_id, "application_id": application_id, "because": because, "opened_at": opened_at}
    connection.execute(insert(t.review_case), {**row, "state": "open"})


def reopen_case(connection: Connection, case_id: UUID, because: str, opened_at: datetime) -> None:
    """Put a settled case before a person again, for another reason."""
    connection.execute(
        update(t.review_case)
        .where(t.review_case.c.id == case_id, t.review_case.c.state == "settled")
        .values(state="open", because=because, opened_at=opened_at, settled_by=None, settled_at=None)
    )


def find_case(
    connection: Connection, *, case_id: UUID | None = None, application_id: UUID | None = None, lock: bool = False
) -> Case | None:
    """A case by its id or by its application; with `lock`, nobody else moves it in this transaction.

    Lock the application first (`lock_application`): everybody takes the two in that order.
    """
    query = _cases().with_for_update(of=t.review_case) if lock else _cases()
    if case_id is not None:
        query = query.where(t.review_case.c.id == case_id)
    if application_id is not None:
        query = query.where(t.review_case.c.application_id == application_id)
    row = connection.execute(query).one_or_none()
    return _case(row) if row else None


def list_cases(connection: Connection, limit: int) -> Sequence[Case]:
    """Cases that are not settled, the oldest first."""
    query = _cases().where(t.review_case.c.state != "settled").order_by(t.review_case.c.opened_at).limit(limit)
    return [_case(row) for row in connection.execute(query)]


def count_cases(connection: Connection) -> int:
    """How many cases are not settled."""
    query = select(func.count()).select_from(t.review_case).where(t.review_case.c.state != "settled")
    return int(connection.execute(query).scalar_one())


def claim_case(connection: Connection, case_id: UUID, username: str) -> bool:
    """Take a case in hand; False where somebody else has it or it is settled."""
    c = t.review_case.c
    free = or_(
        c.state == "open", (c.state == "claimed") & ((c.claimed_until < func.now()) | (c.claimed_by == username))
    )
    result = connection.execute(
        update(t.review_case)
        .where(c.id == case_id, free)
        .values(state="claimed", claimed_by=username, claimed_until=func.now() + HOLD)
    )
    return result.rowcount == 1


def release_case(connection: Connection, case_id: UUID, username: str) -> bool:
    """Give a claimed case back; False where it was not this analyst's."""
    c = t.review_case.c
    result = connection.execute(
        update(t.review_case)
        .where(c.id == case_id, c.state == "claimed", c.claimed_by == username)
        .values(state="open", claimed_by=None, claimed_until=None)
    )
    return result.rowcount == 1


def settle_case(connection: Connection, case_id: UUID, settled_by: str) -> None:
    """The case needs nobody any more. Who settled it stays, the claim goes."""
    connection.execute(
        update(t.review_case)
        .where(t.review_case.c.id == case_id)
        .values(state="settled", settled_by=settled_by, settled_at=func.now(), claimed_by=None, claimed_until=None)
    )


def _cases() -> Select[Any]:
    c = t.review_case.c
    lapsed = (c.state == "claimed") & (c.claimed_until < func.now())
    shown = [
        c.id,
        c.application_id,
        t.application.c.ref.label("application_ref"),
        t.application.c.product,
        c.because,
        case((lapsed, "open"), else_=c.state).label("state"),
        c.opened_at,
        c.claimed_by,
        c.claimed_until,
        c.settled_by,
        c.settled_at,
    ]
    return select(*shown).join_from(t.review_case, t.application, t.application.c.id == c.application_id)


def _case(row: Row[Any]) -> Case:
    return Case(**row._mapping)
