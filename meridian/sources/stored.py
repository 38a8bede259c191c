"""What the feature store has of an applicant, as a reading: by one rule for a look-up and for a training table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from meridian.evidence import SourceReading, SourceStatus
from meridian.features import FeatureSet, Fields, Number, Silence, Source
from meridian.features.engine import Moments, Vectors

CUT_OFF_DAY = "cut_off_day"
"""A field of every stored source: the day of its cut-off, in days since 1970, for the age of what began on a day."""
APPLICATIONS_90D = "applications_90d"
"""The other one: earlier applications to us in 90 days, counted in the record at that moment."""
CLOCKS_APART = timedelta(minutes=2)
"""How far the clocks of who makes vectors and who reads them may be apart."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Stored:
    """An applicant's fields of one source in their order, computed at `cut_off`; `newest_at`: of the newest event.

    Without any fields: as of the cut-off there was nothing of this applicant.
    """

    values: Sequence[float]
    cut_off: datetime
    newest_at: datetime | None


def reading_of(source: Source, stored: Stored | None, covered_until: datetime | None, now: datetime) -> SourceReading:
    """What a look-up at `now` found.

    `covered_until` is the moment up to which the events of everybody were taken in, None where that never happened.
    Where there is nothing of an applicant, the source's silence says what that means.
    """
    as_of = max((moment for moment in (stored and stored.cut_off, covered_until) if moment), default=None)
    if as_of is None:
        detail = "nothing was ever loaded" if source.loaded else "nothing was ever materialised from its events"
        return SourceReading(source.name, SourceStatus.MISSING, detail=detail)
    if (stored.cut_off if stored else as_of) > now + CLOCKS_APART:
        return SourceReading(source.name, SourceStatus.FAILED, detail="made at a moment that has not come yet")
    if stored is None or not stored.values:
        return _silent(source, as_of, now)
    return _reading(source, dict(zip(source.fields, stored.values, strict=True)), stored, now)


def data_moment(source: Source, cut_off: datetime, newest_at: datetime | None) -> datetime:
    """What the age of a source's data counts from; see `Source`."""
    if newest_at is None or source.silence is Silence.NOTHING_HAPPENED:
        return cut_off
    return newest_at


def _silent(source: Source, covered_until: datetime, now: datetime) -> SourceReading:
    if source.silence is Silence.NOTHING_HAPPENED:
        nothing = Stored(source.of_nothing, covered_until, None)
        return _reading(source, dict(zip(source.fields, source.of_nothing, strict=True)), nothing, now)
    age = now - covered_until
    no_file = source.silence is Silence.NOT_KNOWN and age <= source.too_old_after
    if no_file:
        status, detail = SourceStatus.MISSING, "no file on this applicant"
    elif age > source.too_old_after:
        status, detail = SourceStatus.MISSING, f"nothing was taken in for {age.days} days"
    else:
        status, detail = SourceStatus.NOTHING, "nothing on this applicant"
    moments = (covered_until, covered_until, age.total_seconds())
    return SourceReading(source.name, status, {}, *moments, detail, no_file=no_file)


def _reading(source: Source, fields: dict[str, float], stored: Stored, now: datetime) -> SourceReading:
    as_of = data_moment(source, stored.cut_off, stored.newest_at)
    age = now - as_of
    status = SourceStatus.of_age(age, fresh_for=source.fresh_for, too_old_after=source.too_old_after)
    detail = "" if status is SourceStatus.FRESH else f"as of {age.days} days ago"
    every = {**fields, CUT_OFF_DAY: float((stored.cut_off - EPOCH).days)}
    return SourceReading(source.name, status, every, as_of, stored.cut_off, age.total_seconds(), detail)


def moments_of(source: Source, vectors: Vectors, cut_offs: Moments) -> Moments:
    """`data_moment` for many."""
    if source.silence is Silence.NOTHING_HAPPENED:
        return cut_offs
    return np.where(vectors.present, vectors.newest_at, cut_offs)


def columns_of(
    features: FeatureSet,
    source: Source,
    vectors: Vectors,
    cut_offs: Moments,
    now: Moments,
    form: Fields,
    applications_90d: Number = math.nan,
) -> dict[str, NDArray[np.float64]]:
    """The source's features of many applicants at once, as captures at `now` of vectors made at `cut_offs` have them.

    NaN where a capture has null; `form` has what each applicant states, as columns.
    """
    silence_counts = source.silence is Silence.NOTHING_HAPPENED
    age_s = (now - moments_of(source, vectors, cut_offs)).astype("timedelta64[us]").astype(np.float64) / 1e6
    cut_off_day = cut_offs.astype("datetime64[D]").astype(np.float64)
    ours = {CUT_OFF_DAY: cut_off_day, APPLICATIONS_90D: applications_90d + np.zeros(len(age_s))}
    found = features.compute(source.name, {**form, **vectors.fields, **ours}, age_s)
    silent = np.zeros(len(age_s), np.bool_) if silence_counts else ~vectors.present
    filled = features.filled({name: np.where(silent, np.nan, column) for name, column in found.items()})
    unknown = age_s > source.too_old_after.total_seconds()
    if source.silence is Silence.NOT_KNOWN:
        unknown |= silent
    return {name: np.where(unknown, np.nan, column) for name, column in filled.items()}
