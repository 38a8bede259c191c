"""Providers' replies: made into ready vectors at once, and into the event history when that is brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import Connection, Engine

from meridian.db import online, replies
from meridian.db.engine import transaction
from meridian.db.replies import ReplyRow
from meridian.features import Source, Stream
from meridian.features.events import EventHistory
from meridian.features.fold import fold
from meridian.sources import Stored
from meridian.sources.reply import Events, Reply

log = structlog.get_logger()
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
        return self._in_portions(self._some_vectors)

    def to_history(self) -> int:
        """Add the events of all replies to the history; of how many.

        One that ends in between adds some of them twice, which changes nothing: a version of an event counts once.
        """
        self.make_vectors()
        with transaction(self.engine) as connection:
            replies.drop_replies(connection)
        return self._in_portions(self._some_history)

    def _in_portions(self, do: Callable[[Connection], int]) -> int:
        done = 0
        while True:
            with transaction(self.engine) as connection:
                count = do(connection)
            done += count
            if count < AT_ONCE:
                return done

    def _some_vectors(self, connection: Connection) -> int:
        rows = replies.take_new_replies(connection, self.sources, AT_ONCE)
        # In the order in which a materialisation goes: each would else wait for a row that the other has.
        for row in sorted(rows, key=lambda one: (one.source, one.applicant_id)):
            try:
                self._put_vectors(connection, row.source, row.applicant_id, row.reply())
            except KeyError as error:
                self._set_aside(connection, row, error)
        return len(rows)

    def _some_history(self, connection: Connection) -> int:
        rows = replies.take_for_history(connection, self.sources, AT_ONCE)
        for name, sources in self.sources.items():
            streams = {one.stored_as or one.name: one for source in sources for one in source.streams}
            told = [self._fitting(connection, row, streams) for row in rows if row.source == name]
            for stored, stream in streams.items():
                self.history.write(name, stored, stream, [one for events in told if events for one in events[stored]])
        return len(rows)

    def _fitting(self, connection: Connection, row: ReplyRow, streams: Mapping[str, Stream]) -> Events | None:
        """Its events, where they have the form that the source has now; else it is set aside."""
        try:
            events = row.events()
            for stored, stream in streams.items():
                for event in events[stored]:
                    _ = [event[column.name] for column in stream.columns]
        except KeyError as error:
            self._set_aside(connection, row, error)
            return None
        return events

    def _set_aside(self, connection: Connection, row: ReplyRow, error: KeyError) -> None:
        log.error("reply_set_aside", reply=str(row.id), source=row.source, lacks=str(error.args[0]))
        replies.set_aside(connection, row)

    def _put_vectors(self, connection: Connection, name: str, applicant_id: str, reply: Reply) -> None:
        for source in self.sources.get(name, ()):
            folded = fold(source, reply.events, reply.as_of)
            values, newest_at = (folded.values, folded.newest_at) if folded else ((), None)
            online.put_vector(connection, source, applicant_id, Stored(values, reply.as_of, newest_at))
