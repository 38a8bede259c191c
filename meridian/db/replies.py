"""Providers' replies on their way: checked, used, and kept until their events are in the event history."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, delete, func, insert, select, text, update

from meridian.db import tables as t
from meridian.sources.reply import Reply


@dataclass(frozen=True)
class ReplyRow:
    """A reply as it is kept. `document`: its events as JSON, compressed."""

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

    def reply(self) -> Reply:
        """What the provider told."""
        return Reply(self.source, self.applicant_id, self.as_of, self.events())

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


def take_new_replies(connection: Connection, sources: Collection[str], limit: int) -> list[ReplyRow]:
    """Replies of these sources that no vector was made of yet, the oldest first; from now on they count as done."""
    new = (
        select(t.reply.c.id)
        .where(t.reply.c.in_vectors_at.is_(None), t.reply.c.source.in_(sources))
        .order_by(t.reply.c.received_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = update(t.reply).where(t.reply.c.id.in_(new)).values(in_vectors_at=func.now()).returning(*_COLUMNS)
    return [ReplyRow(**row._mapping) for row in connection.execute(taken)]


def take_for_history(connection: Connection, sources: Collection[str], limit: int) -> list[ReplyRow]:
    """Replies of these sources of which vectors were made, for their events to be added to the history.

    From now on they count as there, and wait for a run that takes them in.
    """
    due = (
        select(t.reply.c.id)
        .where(t.reply.c.in_vectors_at.is_not(None), t.reply.c.in_history_at.is_(None), t.reply.c.source.in_(sources))
        .order_by(t.reply.c.received_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = update(t.reply).where(t.reply.c.id.in_(due)).values(in_history_at=func.now()).returning(*_COLUMNS)
    return [ReplyRow(**row._mapping) for row in connection.execute(taken)]


def set_aside(connection: Connection, row: ReplyRow) -> None:
    """Leave it for a person: its events are of another form than the source has now."""
    connection.execute(
        update(t.reply).where(t.reply.c.id == row.id).values(in_vectors_at=func.now(), in_history_at="infinity")
    )


def applicants_replied(connection: Connection, source: str, until: datetime) -> list[str]:
    """Of whom replies were added to the history lately: a run may not have them yet."""
    of_source = and_(t.reply.c.source == source, t.reply.c.in_history_at <= until)
    return list(connection.scalars(select(t.reply.c.applicant_id).where(of_source).distinct()))


def drop_replies(connection: Connection) -> None:
    """Two days after it was added to the history, every run there was has taken a reply in."""
    old = t.reply.c.in_history_at < func.now() - text("interval '2 days'")
    connection.execute(delete(t.reply).where(old))


_COLUMNS = [t.reply.c[name] for name in ReplyRow.__dataclass_fields__]
