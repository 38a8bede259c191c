"""Batches and their parts. A part is decided in one transaction: what is recorded of it and that it is done are one."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Connection, cast, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from meridian.db import tables as t
from meridian.db.clock import seconds
from meridian.errors import NotFound

MOST_ATTEMPTS = 5
LEVEL = 1
"""Of zlib: six times smaller at a sixth of what the rows take to decide; more would not pay."""


@dataclass(frozen=True)
class Batch:
    """A file of applications, and how far it is. `arrived` says that no more parts come."""

    id: UUID
    product: str
    caller: str
    name: str
    created_at: datetime
    arrived: bool
    refused: str | None
    parts: int
    parts_done: int
    parts_failed: int
    rows: int
    decided: int
    rejected: int
    error: str | None
    done_at: datetime | None

    @property
    def state(self) -> str:
        """arriving, running, done, or failed where a part was set aside."""
        if not self.arrived:
            return "arriving"
        if self.parts_done + self.parts_failed < self.parts:
            return "running"
        return "failed" if self.parts_failed else "done"

    def document(self) -> dict[str, Any]:
        """As the API and scripts see it."""
        times = {"created_at": self.created_at, "done_at": self.done_at if self.state == "done" else None}
        return {
            "id": str(self.id), "product": self.product, "name": self.name, "state": self.state,
            "rows": self.rows, "decided": self.decided, "rejected": self.rejected,
            "parts": {"all": self.parts, "done": self.parts_done, "failed": self.parts_failed},
            "refused": self.refused, "error": self.error,
            **{name: moment.isoformat() if moment else None for name, moment in times.items()},
        }  # fmt: skip


@dataclass(frozen=True)
class ClaimedPart:
    """A part in somebody's hands until its lease ends: its rows, as `add_part` was given them."""

    batch_id: UUID
    number: int
    attempts: int
    content: bytes

    @property
    def rows(self) -> list[Any]:
        """What the part has."""
        return list(unpacked(self.content))


@dataclass(frozen=True)
class Wanted:
    """A file that is to be decided."""

    id: UUID
    product: str
    caller: str
    name: str
    input_sha256: str


def add_batch(connection: Connection, wanted: Wanted, *, again: bool) -> tuple[UUID, bool]:
    """A file begins to arrive; the id of its batch, and whether all of it had arrived before.

    The same file of the same caller is the batch that it was, unless it is wanted again.
    """
    # Two who bring one file at one moment: the second waits, and finds the batch of the first.
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(wanted.input_sha256, 0))))
    same = [getattr(t.batch.c, name) == getattr(wanted, name) for name in ("product", "caller", "input_sha256")]
    found = select(t.batch.c.id, t.batch.c.arrived_at.is_not(None)).where(*same).order_by(t.batch.c.id.desc()).limit(1)
    if not again and (row := connection.execute(found).one_or_none()):
        return row[0], row[1]
    connection.execute(insert(t.batch), vars(wanted))
    return wanted.id, False


def add_part(connection: Connection, batch_id: UUID, number: int, first_row: int, rows: Sequence[Any]) -> None:
    """Some rows have arrived, as JSON values. One that arrived before is left as it is."""
    values = {
        "batch_id": batch_id,
        "number": number,
        "first_row": first_row,
        "rows": len(rows),
        "content": packed(rows),
    }
    connection.execute(upsert(t.batch_part).values(values).on_conflict_do_nothing())


def end_arrival(connection: Connection, batch_id: UUID, refused: str | None) -> None:
    """All of it has arrived, or all that could be read."""
    connection.execute(update(t.batch).where(t.batch.c.id == batch_id).values(arrived_at=func.now(), refused=refused))


def claim_part(connection: Connection, lease_s: float, batch_id: UUID | None = None) -> ClaimedPart | None:
    """Take a waiting part that nobody holds, of this batch or of any; the oldest first."""
    p = t.batch_part.c
    free = select(p.batch_id, p.number).where(*_free()).order_by(p.created_at, p.number).limit(1)
    if batch_id is not None:
        free = free.where(p.batch_id == batch_id)
    taken = free.with_for_update(skip_locked=True).cte("taken")
    query = (
        update(t.batch_part)
        .where(p.batch_id == taken.c.batch_id, p.number == taken.c.number)
        .values(lease_until=func.now() + seconds(lease_s), attempts=p.attempts + 1)
        .returning(p.batch_id, p.number, p.attempts, p.content)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else ClaimedPart(row.batch_id, row.number, row.attempts, bytes(row.content))


def hold_part(connection: Connection, part: ClaimedPart) -> bool:
    """Lock the part for this transaction; False where somebody has finished it meanwhile."""
    p = t.batch_part.c
    query = select(p.number).where(p.batch_id == part.batch_id, p.number == part.number, p.state == "waiting")
    return connection.execute(query.with_for_update()).one_or_none() is not None


def finish_part(
    connection: Connection, part: ClaimedPart, results: Sequence[Any], rejects: Sequence[Any], rejected: int
) -> None:
    """The part is decided; its rows are not kept any longer."""
    _update(
        connection, part, state="done", done_at=func.clock_timestamp(), lease_until=None, content=None, error=None,
        decided=len(results), rejected=rejected, results=packed(results), rejects=packed(rejects),
    )  # fmt: skip


def release_part(connection: Connection, part: ClaimedPart, error: str) -> None:
    """An attempt failed: wait longer each time for the next, or set the part aside after the last."""
    state = text(f"CASE WHEN attempts >= {MOST_ATTEMPTS} THEN 'failed' ELSE 'waiting' END")
    _update(connection, part, error=error, state=state, lease_until=func.now() + seconds(2**part.attempts))


def parts_wait(connection: Connection, older_than_s: float) -> bool:
    """Whether there is a part that nobody holds and that should have been taken by now."""
    waits = select(t.batch_part.c.number).where(
        t.batch_part.c.created_at < func.now() - seconds(older_than_s), *_free()
    )
    return connection.execute(waits.limit(1)).one_or_none() is not None


def set_exhausted_aside(connection: Connection) -> int:
    """Set aside the parts whose every attempt ended without a word; how many."""
    p = t.batch_part.c
    error = func.coalesce(p.error, "every attempt was cut short: the worker was killed, or its time ran out")
    lapsed = (p.state == "waiting", p.attempts >= MOST_ATTEMPTS, p.lease_until < func.now())
    return connection.execute(
        update(t.batch_part).where(*lapsed).values(state="failed", lease_until=None, error=error)
    ).rowcount


def get_batch(connection: Connection, batch_id: UUID) -> Batch:
    """One batch. Raises `NotFound`."""
    found = list_batches(connection, 1, batch_id)
    if not found:
        raise NotFound(f"There is no batch {batch_id}.")
    return found[0]


def list_batches(connection: Connection, limit: int, batch_id: UUID | None = None) -> list[Batch]:
    """The newest batches, or that one."""
    p, b = t.batch_part.c, t.batch.c
    done, failed = (func.count(p.number).filter(p.state == state) for state in ("done", "failed"))
    query = (
        select(
            b.id, b.product, b.caller, b.name, b.created_at, b.arrived_at.is_not(None).label("arrived"), b.refused,
            func.count(p.number).label("parts"), done.label("parts_done"), failed.label("parts_failed"),
            _sum(p.rows), _sum(p.decided), _sum(p.rejected), func.max(p.error).label("error"),
            func.max(p.done_at).label("done_at"),
        )
        .select_from(t.batch.outerjoin(t.batch_part, p.batch_id == b.id))
        .group_by(b.id).order_by(b.created_at.desc(), b.id.desc()).limit(limit)
    )  # fmt: skip
    if batch_id is not None:
        query = query.where(b.id == batch_id)
    return [Batch(**row._mapping) for row in connection.execute(query)]


def next_lines(connection: Connection, batch_id: UUID, what: str, after: int) -> tuple[int, list[Any]] | None:
    """`results` or `rejects` of the next decided part after that number, with its number; None where there is none."""
    column, p = t.batch_part.c[what], t.batch_part.c
    query = select(p.number, column).where(p.batch_id == batch_id, p.number > after, column.is_not(None))
    row = connection.execute(query.order_by(p.number).limit(1)).one_or_none()
    return None if row is None else (row[0], list(unpacked(bytes(row[1]))))


def packed(values: Iterable[Any]) -> bytes:
    """JSON values, a line each, compressed."""
    return zlib.compress("\n".join(json.dumps(value, separators=(",", ":")) for value in values).encode(), LEVEL)


def unpacked(content: bytes) -> Iterator[Any]:
    """The values that were packed."""
    return map(json.loads, zlib.decompress(content).splitlines())


def _update(connection: Connection, part: ClaimedPart, **values: Any) -> None:
    p = t.batch_part.c
    here = (p.batch_id == part.batch_id, p.number == part.number, p.state == "waiting")
    connection.execute(update(t.batch_part).where(*here).values(**values))


def _sum(column: Any) -> Any:
    return cast(func.coalesce(func.sum(column), 0), BigInteger).label(column.name)


def _free() -> tuple[Any, ...]:
    p = t.batch_part.c
    unheld = or_(p.lease_until.is_(None), p.lease_until < func.now())
    return p.state == "waiting", p.attempts < MOST_ATTEMPTS, unheld
