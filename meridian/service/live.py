"""Providers asked while a decision waits, for what the online store does not have fresh."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from meridian.evidence import SourceReading, SourceStatus
from meridian.features import Source
from meridian.features.fold import fold
from meridian.service.asked import Asked
from meridian.sources import Deadline, Found, Stored, gather, reading_of
from meridian.sources.reply import Reply, Told
from meridian.sources.stored import APPLICATIONS_90D

LATELY = timedelta(hours=1)
"""As long as it takes to fill in a form."""


@dataclass(frozen=True)
class Kept:
    """A reply that evidence was made of, and who gave it: it belongs in the event history."""

    provider: str
    reply: Reply


@dataclass(frozen=True)
class Live:
    """The sources that may be asked while a decision waits, by their names."""

    asked: Mapping[str, Asked]

    def __call__(
        self, sources: Sequence[Source], held: Sequence[SourceReading], applicant_id: str, now: datetime,
        deadline: Deadline,
    ) -> tuple[list[SourceReading], list[Kept]]:  # fmt: skip
        """The readings, with what providers say now in place of what the store holds and is not fresh.

        All are asked at once. Where one fails, what is held stays, and says so; where nothing was held, it failed.
        """
        due = [
            source
            for source, reading in zip(sources, held, strict=True)
            if source.name in self.asked and not will_do(reading, now)
        ]
        pendings = [self.asked[source.name].begin(applicant_id, deadline) for source in due]
        answers = dict(zip((source.name for source in due), gather(pendings, deadline), strict=True)) if due else {}
        readings, kept = [], []
        for source, reading in zip(sources, held, strict=True):
            found = answers.get(source.name)
            if found is None:
                readings.append(reading)
            elif isinstance(found.answer, Reply):
                kept.append(Kept(found.line, found.answer))
                readings.append(_told(source, found.answer, found.line, reading, now))
            else:
                readings.append(_untold(reading, found))
        return readings, kept


def will_do(reading: SourceReading, now: datetime) -> bool:
    """Whether there is no use in asking: it is fresh, or was brought up to now lately and nothing newer was known."""
    lately = reading.known_at is not None and now - reading.known_at <= LATELY
    return reading.status is SourceStatus.FRESH or (lately and reading.status is not SourceStatus.FAILED)


def _told(source: Source, reply: Reply, provider: str, held: SourceReading, now: datetime) -> SourceReading:
    # What got known between the capture's moment and the answer is left for the next capture.
    cut_off = min(reply.as_of, now)
    if held.status.usable and held.known_at is not None and held.known_at >= cut_off:
        return replace(held, detail=f"{held.detail}; asked anew: nothing newer".removeprefix("; "))
    folded = fold(source, reply.events, cut_off)
    stored = Stored((), cut_off, None) if folded is None else Stored(folded.values, cut_off, folded.newest_at)
    reading = reading_of(source, stored, None, now)
    # How many applications there were before is for the store to say, and where it is away, for nobody.
    fields = {APPLICATIONS_90D: math.nan, **held.fields, **reading.fields} if reading.status.usable else reading.fields
    return replace(reading, fields=fields, provider=provider)


def _untold(held: SourceReading, found: Found[Told]) -> SourceReading:
    why = found.detail or "its answer comes later"
    if held.status.usable or held.no_file:
        return replace(held, detail=f"{held.detail}; asked anew: {why}".removeprefix("; "))
    before = f"{held.detail}; asked: {why}" if held.detail else why
    return replace(held, status=SourceStatus.FAILED, detail=before)
