"""Providers' replies: made into ready vectors at once, and into the event history when that is brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, Engine

from meridian.db import online, replies
from meridian.db.engine import transaction
from meridian.db.replies import ReplyRow
from meridian.features import Source
from meridian.features.events import EventHistory
from meridian.features.fold import fold
from meridian.sources import Stored
from meridian.sources.reply import Reply

AT_ONCE = 200


@dataclass(frozen=True)
class Replies:
    """What providers told, on its way into the feature store. `sources` are the definitions by name."""

    engine: Engine
    sources: Mapping[str, Sequence[Source]]
    history: EventHistory
    new_id: Callable[[], UUID]

    def keep(self, connection: Connection, provider: str, reply: Reply) -> None:
        """Keep a reply that came ahead, and have its vectors ready."""
        self._put_vectors(connection, reply.source, reply.applicant_id, reply)
        replies.add_replies(connection, [ReplyRow.of(self.new_id(), provider, reply)], in_vectors=True)

    def make_vectors(self) -> int:
        """Make vectors of the replies that decisions were made of; of how many."""
        done = 0
        while True:
            with transaction(self.engine) as connection:
                rows = replies.take_new_replies(connection, AT_ONCE)
                # In the order in which a materialisation goes: each would else wait for a row that the other has.
                for row in sorted(rows, key=lambda one: (one.source, one.applicant_id)):
                    reply = Reply(row.source, row.applicant_id, row.as_of, row.events())
                    self._put_vectors(connection, row.source, row.applicant_id, reply)
            done += len(rows)
            if len(rows) < AT_ONCE:
                return done

    def to_history(self) -> int:
        """Add the events of all replies to the history, which makes them needless here; of how many.

        One that ends in between adds some of them twice, which changes nothing: a version of an event counts once.
        """
        self.make_vectors()
        done = 0
        while True:
            with transaction(self.engine) as connection:
                rows = replies.lock_replies(connection, AT_ONCE)
                self._write(rows)
                replies.drop_replies(connection, rows)
            done += len(rows)
            if len(rows) < AT_ONCE:
                return done

    def _put_vectors(self, connection: Connection, name: str, applicant_id: str, reply: Reply) -> None:
        for source in self.sources.get(name, ()):
            folded = fold(source, reply.events, reply.as_of)
            values, newest_at = (folded.values, folded.newest_at) if folded else ((), None)
            online.put_vector(connection, source, applicant_id, Stored(values, reply.as_of, newest_at))

    def _write(self, rows: Sequence[ReplyRow]) -> None:
        for name, sources in self.sources.items():
            told = [row.events() for row in rows if row.source == name]
            streams = {one.stored_as or one.name: one for source in sources for one in source.streams}
            for stored, stream in streams.items():
                self.history.write(name, stored, stream, [event for events in told for event in events[stored]])
