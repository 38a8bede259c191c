"""The online store as a source: asked in PostgreSQL, and protected like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, Engine

from meridian.db.engine import transaction
from meridian.db.online import Found, look_up, look_up_many
from meridian.evidence import PreComputed, SourceReading, SourceStatus
from meridian.features import Source
from meridian.sources import Asking, Deadline, gather, reading_of
from meridian.sources.stored import APPLICATIONS_90D


@dataclass(frozen=True)
class LookedUp:
    """What is known of an applicant: a reading of each source, and the score of the last assessment, if any."""

    readings: Sequence[SourceReading]
    earlier: PreComputed | None = None


@dataclass(frozen=True)
class OnlineStore:
    """Ready vectors of all the sources that are looked up by the applicant.

    `engines` are the databases that have them, one for each line of `asking`: the first, and a replica for what takes
    long there.
    """

    engines: Sequence[Engine]
    asking: Asking
    provided: frozenset[str] = frozenset()
    """The sources that have providers: there, who was never asked for is not known, rather than one with nothing."""

    def __call__(
        self,
        sources: Sequence[Source],
        applicant_id: str,
        applied_at: datetime,
        now: datetime,
        deadline: Deadline,
        scored_for: str | None = None,
    ) -> LookedUp:
        """A reading of each source at `now`, with the applications before the one of `applied_at`.

        To have nothing of an applicant may be knowledge; a failed look-up is not. `scored_for` names the product whose
        last score of the applicant is wanted too; None: of none.
        """
        if not sources:
            return LookedUp([])
        asks = [
            partial(self._ask, engine, sources, applicant_id, applied_at, now, scored_for) for engine in self.engines
        ]
        # Of nobody else's asking: what was decided a moment ago counts among the earlier applications.
        [found] = gather([self.asking.begin(None, asks, deadline)], deadline)
        if found.answer is None:
            return LookedUp([SourceReading(one.name, SourceStatus.FAILED, detail=found.detail) for one in sources])
        return found.answer

    def _ask(
        self,
        engine: Engine,
        sources: Sequence[Source],
        applicant_id: str,
        applied_at: datetime,
        now: datetime,
        scored_for: str | None,
        _deadline: Deadline,
    ) -> LookedUp:
        with transaction(engine) as connection:
            found = look_up(connection, sources, applicant_id, applied_at, scored_for)
        return LookedUp(self._readings(sources, found, now), found.score)

    def of_many(
        self, connection: Connection, sources: Sequence[Source], applicant_ids: Sequence[str], applied_at: datetime,
        now: datetime,
    ) -> Mapping[str, Sequence[SourceReading]]:  # fmt: skip
        """A reading of each source at `now` for each of many applicants, who applied at one moment.

        Nobody waits for it, so that no breaker is asked: where the database is away, so is the work.
        """
        if not sources:
            return dict.fromkeys(applicant_ids, ())
        found = look_up_many(connection, sources, applicant_ids, applied_at)
        return {one: self._readings(sources, found[one], now) for one in found}

    def _readings(self, sources: Sequence[Source], found: Found, now: datetime) -> list[SourceReading]:
        readings = [self._reading(source, found, now) for source in sources]
        live = {APPLICATIONS_90D: float(found.applications_90d)}
        return [replace(one, fields={**one.fields, **live}) if one.status.usable else one for one in readings]

    def _reading(self, source: Source, found: Found, now: datetime) -> SourceReading:
        stored, covered_until = found.stored.get(source.name), found.covered_until.get(source.name)
        if stored is None and source.name in self.provided:
            return SourceReading(source.name, SourceStatus.MISSING, detail="not asked for yet")
        return reading_of(source, stored, covered_until, now)
