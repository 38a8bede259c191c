"""Seals: what waits to be sealed, the chain so far, and how far it is anchored outside."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from meridian.db import tables as t
from meridian.identity import moment_of
from meridian.record import Leaf
from meridian.record.seal import Seal

# Any constant: whoever seals comes by the same lock, so that the chain has one end.
ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(7305503)"


CLOCKS_APART = timedelta(hours=2)
"""No seal is older than the rows it covers, as far as the clocks of those who made them agree."""


def may_seal(connection: Connection) -> bool:
    """Whether nobody else is sealing; until the transaction ends nobody else will."""
    return bool(connection.execute(text(ONE_AT_A_TIME)).scalar_one())


def take_unsealed(connection: Connection, limit: int) -> list[bytes]:
    """The packed leaves of up to `limit` commits that wait, the oldest first; they wait no more."""
    oldest = select(t.unsealed.c.id).order_by(t.unsealed.c.added_at, t.unsealed.c.id).limit(limit)
    query = delete(t.unsealed).where(t.unsealed.c.id.in_(oldest)).returning(t.unsealed.c.id, t.unsealed.c.leaves)
    taken: list[tuple[UUID, bytes]] = [(row.id, bytes(row.leaves)) for row in connection.execute(query)]
    return [leaves for _, leaves in sorted(taken)]


def waiting_leaves(connection: Connection) -> bytes:
    """The packed leaves of all that waits to be sealed."""
    return b"".join(bytes(leaves) for leaves in connection.execute(select(t.unsealed.c.leaves)).scalars())


def oldest_unsealed(connection: Connection) -> datetime | None:
    """Since when the oldest row waits; None where none does."""
    return connection.execute(select(func.min(t.unsealed.c.added_at))).scalar()


def add_seal(connection: Connection, seal: Seal) -> None:
    """Append to the chain."""
    row = {column.name: getattr(seal, column.name) for column in t.seal.columns}
    connection.execute(insert(t.seal), row)


def last_seal(connection: Connection) -> Seal | None:
    """The end of the chain; None before the first."""
    row = connection.execute(select(t.seal).order_by(t.seal.c.number.desc()).limit(1)).one_or_none()
    return _seal(row) if row else None


def recent_seals(connection: Connection, count: int) -> list[Seal]:
    """The last so many seals, in their order."""
    newest = connection.execute(select(t.seal).order_by(t.seal.c.number.desc()).limit(count))
    return [_seal(row) for row in newest][::-1]


def seals_after(connection: Connection, number: int, limit: int | None = None) -> Iterator[Seal]:
    """The seals after that number, in their order."""
    query = select(t.seal).where(t.seal.c.number > number).order_by(t.seal.c.number).limit(limit)
    for row in connection.execute(query.execution_options(yield_per=50)):
        yield _seal(row)


def seal_of(connection: Connection, leaf: Leaf) -> Seal | None:
    """The seal that holds this leaf; None where it is not sealed as it is."""
    packed = leaf.packed()
    query = (
        select(t.seal)
        .where(t.seal.c.sealed_at > moment_of(leaf.id) - CLOCKS_APART)
        .where(func.pg_catalog.position(t.seal.c.leaves, packed) > 0)
        .order_by(t.seal.c.number)
    )
    return next((seal for seal in map(_seal, connection.execute(query)) if packed in seal.split()), None)


def anchored_up_to(connection: Connection, place: str) -> int:
    """The number of the last seal that stands at this place outside; 0 where none does."""
    return connection.execute(select(t.anchored.c.number).where(t.anchored.c.place == place)).scalar() or 0


def note_anchored(connection: Connection, place: str, number: int, at: datetime) -> None:
    """The seals up to this one stand at the place."""
    query = upsert(t.anchored).values(place=place, number=number, anchored_at=at)
    newer = {"number": query.excluded.number, "anchored_at": query.excluded.anchored_at}
    connection.execute(query.on_conflict_do_update(index_elements=["place"], set_=newer))


def make_partitions(connection: Connection, months_ahead: int) -> int:
    """Have this month's partitions and those of so many months ahead; how many had to be made."""
    return int(connection.execute(select(func.record.make_partitions(months_ahead))).scalar_one())


def _seal(row: Row[Any]) -> Seal:
    fields = {name: getattr(row, name) for name in ("number", "sealed_at", "root", "previous", "key", "signature")}
    return Seal(**fields, leaves=bytes(row.leaves))
