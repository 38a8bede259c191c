"""Prefetch: sources are asked when an application is begun, so that its decision finds them ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from meridian.db import fetches
from meridian.db.engine import transaction
from meridian.db.fetches import Fetch
from meridian.errors import MeridianError
from meridian.service.asked import Asked
from meridian.service.replies import Replies
from meridian.sources import Deadline, Found, Pending, gather
from meridian.sources.reply import Later, Reply, Told

log = structlog.get_logger()
RUN_S = 20.0
"""How long a run takes on new fetches; what is on its way then is waited for, and the next run goes on."""
TURN_S = 0.1
SOONEST_S = 0.2
"""When one who says to come back at once is asked again."""


@dataclass(frozen=True)
class Fetches:
    """A worker's part: fetches what is due. `asked` are the sources that have providers."""

    engine: Engine
    asked: Mapping[str, Asked]
    replies: Replies
    clock: Callable[[], float] = monotonic

    def run(self) -> int:
        """Fetch until nothing is due, but take on nothing new after a while; how many answers there were."""
        until, done = self.clock() + RUN_S, 0
        under_way: dict[Fetch, Pending[Told]] = {}
        while True:
            under_way |= self._begin(under_way) if self.clock() < until else {}
            if not under_way:
                return done
            gather(list(under_way.values()), Deadline.after(TURN_S))
            for fetch, pending in [*under_way.items()]:
                if pending.ended:
                    done += self._settled(fetch, pending.result())
                    del under_way[fetch]

    def _begin(self, under_way: Mapping[Fetch, Pending[Told]]) -> dict[Fetch, Pending[Told]]:
        busy = [fetch.source for fetch in under_way]
        room = {name: asked.room - busy.count(name) for name, asked in self.asked.items()}
        room = {name: number for name, number in room.items() if number > 0}
        longest_s = max((asked.longest_s for asked in self.asked.values()), default=0.0)
        with transaction(self.engine) as connection:
            # Twice as long as all of it takes: a worker that died in between left it to the next.
            claimed = fetches.claim_fetches(connection, room, 2 * longest_s + RUN_S)
        return {fetch: self._ask(fetch) for fetch in claimed}

    def _ask(self, fetch: Fetch) -> Pending[Told]:
        asked = self.asked[fetch.source]
        deadline = Deadline.after(asked.longest_s)
        if fetch.provider is not None and fetch.result is not None:
            there = asked.come_back(fetch.applicant_id, fetch.provider, Later(fetch.result, 0.0), deadline)
            if there is not None:
                return there
        return asked.begin(fetch.applicant_id, deadline)

    def tidy(self) -> None:
        """Give up what was asked for too long ago, and forget what ended long ago."""
        with transaction(self.engine) as connection:
            fetches.give_up_late(connection)
            fetches.drop_old_fetches(connection)

    def _settled(self, fetch: Fetch, found: Found[Told]) -> bool:
        """Whether it could be written down; one that cannot holds up no other, and is taken again after its lease."""
        try:
            self._settle(fetch, found)
        except (MeridianError, SQLAlchemyError, ValueError) as error:
            # Without the trace: what a provider said may stand in it.
            log.error("fetch_not_settled", fetch=str(fetch.id), error=type(error).__name__)  # noqa: TRY400
            return False
        return True

    def _settle(self, fetch: Fetch, found: Found[Told]) -> None:
        answer = found.answer
        with transaction(self.engine) as connection:
            if isinstance(answer, Reply):
                self.replies.keep(connection, found.line, answer)
                fetches.finish_fetch(connection, fetch)
            elif isinstance(answer, Later):
                in_s = max(SOONEST_S, answer.ready_in_s)
                fetches.come_back(connection, fetch, found.line, answer.result, in_s)
            else:
                fetches.try_again(connection, fetch, found.detail)
        log.info("fetched", source=fetch.source, fetch=str(fetch.id), how=found.detail or type(answer).__name__.lower())
