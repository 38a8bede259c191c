"""Replies by idempotency key: what was answered once is answered again, byte for byte."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, insert, select

from meridian.db import tables as t


@dataclass(frozen=True)
class StoredReply:
    """One answer under one caller's key."""

    caller: str
    idempotency_key: str
    request_sha256: str
    version_id: UUID
    body: str
    created_at: datetime


def find_reply(connection: Connection, caller: str, key: str) -> StoredReply | None:
    """The answer given under this key, if there was one."""
    query = select(t.reply).where(t.reply.c.caller == caller, t.reply.c.idempotency_key == key)
    row = connection.execute(query).one_or_none()
    return StoredReply(**row._mapping) if row else None


def add_reply(connection: Connection, reply: StoredReply) -> None:
    """Store an answer. A twin under way waits here; raises IntegrityError on `reply_once` where it came second."""
    connection.execute(insert(t.reply), asdict(reply))
