"""Providers' replies on their way: checked, used, and kept until their events are in the event history."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, select, update

from meridian.db import tables as t
from meridian.sources.reply import Reply


@dataclass(frozen=True)
class ReplyRow:
    """A reply as it is kept. `document`: its events as JSON, compressed to about a tenth."""

    id: UUID
    source: str
    provider: str
    applicant_id: str
    as_of: datetime
    document: bytes

    @classmethod
    def of(cls, reply_id: UUID, provider: str, reply: Reply) -> ReplyRow:
        """The row of a provider's reply."""
        document = zlib.compress(reply.events_json(), level=1)
        return cls(reply_id, reply.source, provider, reply.applicant_id, reply.as_of, document)

    def events(self) -> dict[str, list[dict[str, Any]]]:
        """The events by stream, their moments as `datetime`."""
        streams: dict[str, list[dict[str, Any]]] = json.loads(zlib.decompress(self.document))
        for events in streams.values():
            for event in events:
                for name in ("event_at", "known_at"):
                    event[name] = datetime.fromisoformat(event[name])
        return streams


def add_replies(connection: Connection, rows: Sequence[ReplyRow], *, in_vectors: bool = False) -> None:
    """Keep replies; `in_vectors`: the vectors were made of them already."""
    if rows:
        done = {"in_vectors_at": func.now()} if in_vectors else {}
        connection.execute(insert(t.reply).values([{**vars(row), **done} for row in rows]))


def take_new_replies(connection: Connection, limit: int) -> list[ReplyRow]:
    """Replies that no vector was made of yet, the oldest first; from now on they count as done."""
    new = (
        select(t.reply.c.id)
        .where(t.reply.c.in_vectors_at.is_(None))
        .order_by(t.reply.c.received_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = update(t.reply).where(t.reply.c.id.in_(new)).values(in_vectors_at=func.now()).returning(*_COLUMNS)
    return [ReplyRow(**row._mapping) for row in connection.execute(taken)]


def lock_replies(connection: Connection, limit: int) -> list[ReplyRow]:
    """Replies of which vectors were made, held for this transaction."""
    query = select(*_COLUMNS).where(t.reply.c.in_vectors_at.is_not(None)).limit(limit).with_for_update(skip_locked=True)
    return [ReplyRow(**row._mapping) for row in connection.execute(query)]


def drop_replies(connection: Connection, rows: Sequence[ReplyRow]) -> None:
    """Their events are in the history."""
    connection.execute(delete(t.reply).where(t.reply.c.id.in_([row.id for row in rows])))


_COLUMNS = [t.reply.c[name] for name in ReplyRow.__dataclass_fields__]
