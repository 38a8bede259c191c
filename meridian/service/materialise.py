"""Materialisation: everybody's vectors brought up to now, from the event history, by the engine that also trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import Engine, text

from meridian.db import online
from meridian.db.engine import transaction
from meridian.errors import NotReady
from meridian.features import Source
from meridian.features.engine import Vectors, changed_applicants, fields_at
from meridian.features.events import EventHistory, connect

AT_ONCE = 50_000
"""Applicants whose vectors are made and committed together."""
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Materialised:
    """What a run did: up to which moment, for how many applicants, whether it went on with one that was broken off."""

    source: str
    cut_off: datetime
    applicants: int
    resumed: bool


@dataclass(frozen=True)
class Materialisation:
    """Brings the online store up to date.

    Only applicants with new events are computed, and those whose vector is so old that its windows have moved on. A
    run that is broken off is gone on with at its own cut-off, after the last applicant it committed.
    """

    engine: Engine
    history: EventHistory
    clock: Callable[[], datetime]

    def run(self, source: Source, progress: Progress, *, everybody: bool = False) -> Materialised:
        """Bring one source up to now; `everybody` computes all applicants anew.

        Raises `NotReady` where another run of this source is on its way, `InvalidInput` for events that cannot be read.
        """
        with self._alone(source), closing(connect()) as connection:
            with transaction(self.engine) as database:
                before = online.get_coverage(database, source)
                resumed = before.running_cut_off is not None and not everybody
                cut_off = before.running_cut_off if resumed and before.running_cut_off else self.clock()
                if not resumed:
                    online.start_run(database, source, cut_off)
            after = None if everybody else before.cut_off
            due = self._due(connection, source, after, cut_off)
            if resumed and before.position is not None:
                due = [applicant for applicant in due if applicant > before.position]
            for done in self._each(connection, source, due, cut_off):
                progress(source.name, done / len(due))
            with transaction(self.engine) as database:
                online.finish_run(database, source, cut_off)
            return Materialised(source.name, cut_off, len(due), resumed)

    def _due(self, connection: Any, source: Source, after: datetime | None, cut_off: datetime) -> list[str]:
        changed = changed_applicants(connection, source, self.history, after, cut_off)
        if after is None:
            return changed
        with transaction(self.engine) as database:
            aged = online.aged_applicants(database, source, cut_off - source.recompute_after)
        return sorted({*changed, *aged})

    def _each(self, connection: Any, source: Source, due: list[str], cut_off: datetime) -> Iterator[int]:
        moment = np.datetime64(cut_off.astimezone(UTC).replace(tzinfo=None), "us")
        for start in range(0, len(due), AT_ONCE):
            some = due[start : start + AT_ONCE]
            vectors = fields_at(connection, source, self.history, some, np.full(len(some), moment))
            with transaction(self.engine) as database:
                online.put_vectors(database, source, cut_off, _rows(some, vectors))
                online.advance_run(database, source, some[-1])
            yield start + len(some)

    @contextmanager
    def _alone(self, source: Source) -> Iterator[None]:
        """Holds a lock of the database for this source, so that two runs do not take turns at one position."""
        lock = {"lock": int.from_bytes(bytes.fromhex(source.fingerprint)[:8], signed=True)}
        with self.engine.connect() as connection:
            if not connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), lock).scalar():
                raise NotReady(f"The vectors of {source.name} are being materialised already; wait for that run.")
            try:
                connection.commit()
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:lock)"), lock)
                connection.commit()


def _rows(applicants: list[str], vectors: Vectors) -> Iterator[tuple[str, datetime | None, list[float]]]:
    """The vectors of those of whom there is any event."""
    newest = vectors.newest_at.astype("datetime64[us]").tolist()
    for place, fields in enumerate(vectors.rows().tolist()):
        if vectors.present[place]:
            yield applicants[place], newest[place].replace(tzinfo=UTC), fields
