"""The terms that decisions name: stored once, before the first decision that needs them."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from meridian.db import tables as t
from meridian.db.clock import compare_clocks
from meridian.record import PolicyRow


def add_policy(connection: Connection, policy: PolicyRow) -> bool:
    """Store a policy's content under its version; False where it is stored already.

    Raises `Unavailable` where the database's clock and ours are apart.
    """
    compare_clocks(connection, policy.added_at)
    row = {
        "id": policy.id,
        "version": policy.version,
        "document": policy.document,
        "added_at": policy.added_at,
        "row_sha256": policy.leaf.sha256,
    }
    added = connection.execute(upsert(t.policy).values(row).on_conflict_do_nothing().returning(t.policy.c.id)).first()
    if added is not None:
        connection.execute(insert(t.unsealed), {"id": policy.id, "leaves": policy.leaf.packed()})
    return added is not None


def get_policy(connection: Connection, version: str) -> PolicyRow | None:
    """The content of a policy's version."""
    query = select(t.policy.c.id, t.policy.c.version, t.policy.c.document, t.policy.c.added_at)
    row = connection.execute(query.where(t.policy.c.version == version)).one_or_none()
    return PolicyRow(**row._mapping) if row else None
