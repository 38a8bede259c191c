"""The online store as a source: asked in PostgreSQL, and protected like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from meridian.db.engine import transaction
from meridian.db.online import look_up
from meridian.evidence import SourceReading, SourceStatus
from meridian.features import Source
from meridian.sources import Asking, Deadline, gather, reading_of
from meridian.sources.stored import APPLICATIONS_90D


@dataclass(frozen=True)
class OnlineStore:
    """Ready vectors of all the sources that are looked up by the applicant.

    `engines` are the databases that have them, one for each line of `asking`: the first, and a replica for what takes
    long there.
    """

    engines: Sequence[Engine]
    asking: Asking

    def __call__(
        self, sources: Sequence[Source], applicant_id: str, applied_at: datetime, now: datetime, deadline: Deadline
    ) -> list[SourceReading]:
        """A reading of each source at `now`, with the applications before the one of `applied_at`.

        To have nothing of an applicant may be knowledge; a failed look-up is not.
        """
        if not sources:
            return []
        asks = [partial(self._ask, engine, sources, applicant_id, applied_at, now) for engine in self.engines]
        # Of nobody else's asking: what was decided a moment ago counts among the earlier applications.
        [found] = gather([self.asking.begin(None, asks, deadline)], deadline)
        if found.answer is None:
            return [SourceReading(one.name, SourceStatus.FAILED, detail=found.detail) for one in sources]
        return found.answer

    def _ask(
        self,
        engine: Engine,
        sources: Sequence[Source],
        applicant_id: str,
        applied_at: datetime,
        now: datetime,
        _deadline: Deadline,
    ) -> list[SourceReading]:
        with transaction(engine) as connection:
            found = look_up(connection, sources, applicant_id, applied_at)
        readings = [
            reading_of(source, found.stored.get(source.name), found.covered_until.get(source.name), now)
            for source in sources
        ]
        live = {APPLICATIONS_90D: float(found.applications_90d)}
        return [replace(one, fields={**one.fields, **live}) if one.status.usable else one for one in readings]
