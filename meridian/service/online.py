"""The online store as a source: asked in PostgreSQL, and guarded like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Engine

from meridian.db.engine import transaction
from meridian.db.online import look_up
from meridian.evidence import SourceReading, SourceStatus
from meridian.features import Source
from meridian.sources import GuardedSource, reading_of
from meridian.sources.stored import APPLICATIONS_90D


@dataclass(frozen=True)
class OnlineStore:
    """Ready vectors of all the sources that are looked up by the applicant."""

    engine: Engine
    guard: GuardedSource

    def __call__(self, sources: Sequence[Source], applicant_id: str, now: datetime) -> list[SourceReading]:
        """A reading of each source. To have nothing of an applicant may be knowledge; a failed look-up is not."""
        if not sources:
            return []
        return self.guard.read(
            lambda: self._ask(sources, applicant_id, now),
            otherwise=lambda detail: [SourceReading(one.name, SourceStatus.FAILED, detail=detail) for one in sources],
        )

    def _ask(self, sources: Sequence[Source], applicant_id: str, now: datetime) -> list[SourceReading]:
        with transaction(self.engine) as connection:
            found = look_up(connection, sources, applicant_id, now)
        readings = [
            reading_of(source, found.stored.get(source.name), found.covered_until.get(source.name), now)
            for source in sources
        ]
        live = {APPLICATIONS_90D: float(found.applications_90d)}
        return [replace(one, fields={**one.fields, **live}) if one.status.usable else one for one in readings]
