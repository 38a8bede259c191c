"""API keys and analysts: stored as hashes alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from meridian.db import tables as t


@dataclass(frozen=True)
class StoredKey:
    """An API key as it is stored: the secret's SHA-256, never the secret."""

    id: str
    name: str
    secret_sha256: str
    scopes: Sequence[str]
    created_at: datetime
    revoked_at: datetime | None = None


def add_key(connection: Connection, key: StoredKey) -> None:
    """Store a new key."""
    connection.execute(insert(t.api_key), asdict(key))


def find_key(connection: Connection, key_id: str) -> StoredKey | None:
    """A key by its public part."""
    row = connection.execute(select(t.api_key).where(t.api_key.c.id == key_id)).one_or_none()
    return StoredKey(**row._mapping) if row else None


def list_keys(connection: Connection) -> list[StoredKey]:
    """Every key, the oldest first."""
    return [StoredKey(**row._mapping) for row in connection.execute(select(t.api_key).order_by(t.api_key.c.created_at))]


def revoke_key(connection: Connection, key_id: str) -> bool:
    """From now on the key opens nothing; False where there is no such key, or it was revoked before."""
    query = update(t.api_key).where(t.api_key.c.id == key_id, t.api_key.c.revoked_at.is_(None))
    return connection.execute(query.values(revoked_at=func.now())).rowcount == 1


def password_hash_of(connection: Connection, username: str) -> str | None:
    """An analyst's password hash; None where there is no such analyst."""
    return connection.execute(select(t.analyst.c.password_hash).where(t.analyst.c.username == username)).scalar()


def spelling_of(connection: Connection, username: str) -> str | None:
    """How the name is spelt that differs in nothing but capitals; None where there is none."""
    return connection.execute(
        select(t.analyst.c.username).where(func.lower(t.analyst.c.username) == username.lower())
    ).scalar()


def put_analyst(connection: Connection, username: str, password_hash: str) -> None:
    """Add an analyst, or give one a new password."""
    query = upsert(t.analyst).values(username=username, password_hash=password_hash, created_at=func.now())
    connection.execute(query.on_conflict_do_update(index_elements=["username"], set_={"password_hash": password_hash}))
