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
from meridian.db.replies import applicants_replied
from meridian.errors import NotReady
from meridian.features import Source
from meridian.features.engine import Vectors, changed_applicants, fields_at, naive
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
    run that is broken off is gone on with at its own cut-off, after the last applicant it committed, and then a new one
    brings all up to now.
    """

    engine: Engine
    history: EventHistory
    clock: Callable[[], datetime]

    def run(self, source: Source, progress: Progress, *, everybody: bool = False) -> Materialised:
        """Bring one source up to now; `everybody` computes all applicants anew.

        Raises `NotReady` where another run of this source is on its way, `InvalidInput` for events that cannot be read.
        """
        with self._alone(source), closing(connect()) as connection:
            broken = None if everybody else self._broken(source)
            if broken is None:
                return self._whole(connection, source, progress, everybody)
            done = self._go_on(connection, source, broken, progress)
            rest = self._whole(connection, source, progress, everybody=False)
            return Materialised(source.name, rest.cut_off, done + rest.applicants, resumed=True)

    def _broken(self, source: Source) -> online.Coverage | None:
        """The run that was broken off, if there is one."""
        with transaction(self.engine) as database:
            coverage = online.get_coverage(database, source)
        return None if coverage.running_cut_off is None else coverage

    def _whole(self, connection: Any, source: Source, progress: Progress, everybody: bool) -> Materialised:
        with transaction(self.engine) as database:
            after = None if everybody else online.get_coverage(database, source).cut_off
            # Never ahead of the database's clock: what gets known until then would be taken for known.
            cut_off = min(self.clock(), online.database_now(database))
            online.start_run(database, source, cut_off, after)
        started = online.Coverage(None, cut_off, after, None)
        return Materialised(source.name, cut_off, self._go_on(connection, source, started, progress), resumed=False)

    def _go_on(self, connection: Any, source: Source, run: online.Coverage, progress: Progress) -> int:
        """Bring a run to its end; for how many applicants."""
        assert run.running_cut_off is not None  # noqa: S101  # what is gone on with is a run
        due = self._due(connection, source, run.running_after, run.running_cut_off)
        if run.position is not None:
            due = [applicant for applicant in due if applicant > run.position]
        for done in self._each(connection, source, due, run.running_cut_off):
            progress(source.name, done / len(due))
        with transaction(self.engine) as database:
            online.finish_run(database, source, run.running_cut_off)
        return len(due)

    def _due(self, connection: Any, source: Source, after: datetime | None, cut_off: datetime) -> list[str]:
        changed = changed_applicants(connection, source, self.history, after, cut_off)
        if after is None:
            return changed
        with transaction(self.engine) as database:
            aged = online.aged_applicants(database, source, cut_off - source.recompute_after)
            # What a provider told may have been known before the last run, which had not heard of it.
            replied = applicants_replied(database, source.name, cut_off)
        return sorted({*changed, *aged, *replied})

    def _each(self, connection: Any, source: Source, due: list[str], cut_off: datetime) -> Iterator[int]:
        moment = np.datetime64(naive(cut_off), "us")
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
    """The vectors, without fields for whom there is no event: all of theirs may have been taken back."""
    newest = vectors.newest_at.astype("datetime64[us]").tolist()
    for place, fields in enumerate(vectors.rows().tolist()):
        if vectors.present[place]:
            yield applicants[place], newest[place].replace(tzinfo=UTC), fields
        else:
            yield applicants[place], None, []
