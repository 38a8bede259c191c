"""The lender's own history as a source: asked in PostgreSQL, and guarded like any other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from meridian.db.engine import transaction
from meridian.db.history import look_up_history
from meridian.evidence import SourceReading, SourceStatus
from meridian.sources import GuardedSource

FRESH_FOR, TOO_OLD_AFTER = timedelta(days=2), timedelta(days=30)
"""Made for a nightly load; one that is more than a month behind says too little."""


@dataclass(frozen=True)
class HistoryLookUp:
    """Earlier business with an applicant."""

    engine: Engine
    guard: GuardedSource

    def __call__(self, applicant_id: str, now: datetime) -> SourceReading:
        """What we know of this applicant; to have no business with us is knowledge, a failed look-up is not."""
        return self.guard.read(lambda: self._ask(applicant_id, now))

    def _ask(self, applicant_id: str, now: datetime) -> SourceReading:
        with transaction(self.engine) as connection:
            found = look_up_history(connection, applicant_id, now)
        if found is None:
            return SourceReading(self.guard.name, SourceStatus.MISSING, detail="no history was ever loaded")
        fields = {
            "loans": float(found.loans),
            "worst_days_late": float(found.worst_days_late),
            "applications_90d": float(found.applications_90d),
        }
        age = now - found.as_of
        status = SourceStatus.of_age(age, fresh_for=FRESH_FOR, too_old_after=TOO_OLD_AFTER)
        detail = "" if status is SourceStatus.FRESH else f"loaded as of {age.days} days ago"
        return SourceReading(self.guard.name, status, fields, found.as_of, found.known_at, age.total_seconds(), detail)
