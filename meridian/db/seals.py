"""Seals: what waits to be sealed, the chain so far, and how far it is anchored outside."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, case, delete, func, insert, literal_column, select, text, type_coerce
from sqlalchemy.dialects.postgresql import insert as upsert

from meridian.db import tables as t
from meridian.db.tables.columns import Moment
from meridian.identity import moment_of
from meridian.record import Leaf
from meridian.record.seal import Seal

# Any constants: whoever seals comes by the same lock, so that the chain has one end; and so with who anchors.
ONE_AT_A_TIME = text("SELECT pg_try_advisory_xact_lock(:lock)")
SEALING, ANCHORING = 7305503, 7305504


MONTHS = "generate_series(1, 12) * interval '1 month' + date_trunc('month', now() AT TIME ZONE 'UTC')"
CLOCKS_APART = timedelta(hours=2)
"""No seal is older than the rows it covers, as far as the clocks of those who made them agree."""


def may_seal(connection: Connection) -> bool:
    """Whether nobody else is sealing; until the transaction ends nobody else will."""
    return bool(connection.execute(ONE_AT_A_TIME, {"lock": SEALING}).scalar_one())


def may_anchor(connection: Connection) -> bool:
    """The same for who puts seals outside."""
    return bool(connection.execute(ONE_AT_A_TIME, {"lock": ANCHORING}).scalar_one())


def take_unsealed(connection: Connection, limit: int, most_bytes: int) -> list[bytes]:
    """The packed leaves of up to `limit` commits that wait, the oldest first; they wait no more.

    Of a batch a commit has thousands: no more is taken than the first one and what fits beside it into `most_bytes`.
    """
    size = func.length(t.unsealed.c.leaves)
    in_order = (t.unsealed.c.added_at, t.unsealed.c.id)
    before = func.sum(size).over(order_by=in_order) - size
    waiting = select(t.unsealed.c.id, size.label("size"), before.label("before")).order_by(*in_order).limit(limit)
    some = waiting.subquery()
    oldest = select(some.c.id).where((some.c.before == 0) | (some.c.before + some.c.size <= most_bytes))
    query = delete(t.unsealed).where(t.unsealed.c.id.in_(oldest)).returning(t.unsealed.c.id, t.unsealed.c.leaves)
    taken: list[tuple[UUID, bytes]] = [(row.id, bytes(row.leaves)) for row in connection.execute(query)]
    return [leaves for _, leaves in sorted(taken)]


def waiting_leaves(connection: Connection) -> bytes:
    """The packed leaves of all that waits to be sealed."""
    return b"".join(bytes(leaves) for leaves in connection.execute(select(t.unsealed.c.leaves)).scalars())


def unsealed_for_s(connection: Connection) -> float:
    """For how long the oldest row has waited, in seconds; 0 where none waits."""
    age = func.extract("epoch", func.now() - func.min(t.unsealed.c.added_at))
    return float(connection.execute(select(age)).scalar() or 0.0)


def add_seal(connection: Connection, seal: Seal) -> None:
    """Append to the chain."""
    row = {column.name: getattr(seal, column.name) for column in t.seal.columns}
    connection.execute(insert(t.seal), row)


def last_seal(connection: Connection) -> Seal | None:
    """The end of the chain; None before the first."""
    row = connection.execute(select(t.seal).order_by(t.seal.c.number.desc()).limit(1)).one_or_none()
    return _seal(row) if row else None


def recent_seals(connection: Connection, count: int) -> list[Seal]:
    """The last so many seals, in their order; one whose time cannot be read is given another."""
    readable = case((t.seal.c.sealed_at.between("0001-01-02", "9999-12-30"), t.seal.c.sealed_at), else_="epoch")
    others = [column for column in t.seal.columns if column.name != "sealed_at"]
    newest: Select[Any] = select(*others, type_coerce(readable, Moment).label("sealed_at"))
    rows = connection.execute(newest.order_by(t.seal.c.number.desc()).limit(count))
    return [_seal(row) for row in rows][::-1]


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


def months_ahead(connection: Connection) -> int:
    """For how many months after this one there are partitions, without a gap."""
    names = select(func.to_char(literal_column(MONTHS), "YYYY_MM").label("month")).subquery()
    there = select(func.to_regclass("record.version_" + names.c.month).is_not(None)).order_by(names.c.month)
    found = list(connection.execute(there).scalars())
    return found.index(False) if False in found else len(found)


def _seal(row: Row[Any]) -> Seal:
    fields = {name: getattr(row, name) for name in ("number", "sealed_at", "root", "previous", "key", "signature")}
    return Seal(**fields, leaves=bytes(row.leaves))
