"""How events reach the lender: some late, some wrong at first and corrected, some twice, some taken back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.simulator.lender.chance import Bools, Ints, Random
from meridian.simulator.lender.streams import DAY, SECOND, Events, Stream

LATE, LATEST = 0.03, 60.0
"""The share of events that come days or weeks after their time, and the most days that any is late by."""
CORRECTED, CORRECTED_TWICE, REPEATED, RETRACTED = 0.010, 0.0005, 0.005, 0.002
MOVED = 0.15
"""The share of corrections, of facts, that also change when the thing happened."""


def arrive(random: Random, stream: Stream, events: Events) -> Events:
    """The events as they are reported: numbered, dated by when they are known, with all their revisions.

    What is given is the truth, and the last revision says it; where a first report is corrected, it is the
    report that is off. Returned in the order of applicant, moment and number, revisions in their own order.
    """
    n = len(events["row"])
    events = _take(events, _order(events["row"], events["event_at"], np.zeros(n, dtype=np.int64)))
    events |= {
        "event_id": _numbers(events["row"]),
        "known_at": _known(random, stream, events["event_at"]),
        "revision": np.zeros(n, dtype=np.int32),
        "retracted": np.zeros(n, dtype=np.bool_),
    }
    fate = random.random(n)
    corrected = np.flatnonzero(fate < CORRECTED)
    twice = np.flatnonzero(fate < CORRECTED_TWICE)
    repeated = np.flatnonzero((fate >= CORRECTED) & (fate < CORRECTED + REPEATED))
    edge = CORRECTED + REPEATED
    retracted = np.flatnonzero((fate >= edge) & (fate < edge + RETRACTED * (not stream.state)))
    once = _again(random, events, corrected, 12.0)
    # Twice corrected are the first few of the corrected only by their fate: find them among those.
    wrong_still = np.flatnonzero(fate[corrected] < CORRECTED_TWICE)
    later = [once, _again(random, events, repeated, 2.0), _again(random, events, retracted, 9.0)]
    later[2]["retracted"][:] = True
    if len(twice):
        final = _again(random, _take(once, wrong_still), np.arange(len(twice)), 12.0)
        _err(random, stream, once, wrong_still)
        later.append(final)
    _err(random, stream, events, corrected)
    if not stream.state:
        moved = corrected[random.random(len(corrected)) < MOVED]
        events["event_at"][moved] -= random.integers(1, 4, len(moved)) * DAY
    every = {name: np.concatenate([column, *(part[name] for part in later)]) for name, column in events.items()}
    return _take(every, _order(every["row"], every["event_at"], every["event_id"]))


def shown(events: Events) -> Events:
    """The events that are on file, without the column that says which."""
    mask: Bools | None = events.pop("shown", None)
    return events if mask is None or mask.all() else _take(events, np.flatnonzero(mask))


def _take(events: Events, rows: Ints) -> Events:
    return {name: column[rows] for name, column in events.items()}


def _order(row: Ints, at: Ints, number: Ints) -> NDArray[Any]:
    """The order by applicant, moment and number of the event; stable, so that its revisions stay in theirs."""
    seconds = at // SECOND
    seconds -= seconds.min(initial=np.iinfo(np.int64).max)
    # One number to sort by is several times as fast as three; its 63 bits hold ten years and a million applicants.
    moments, numbers = seconds.max(initial=0) + 1, number.max(initial=0) + 1
    return np.argsort((row.astype(np.int64) * moments + seconds) * numbers + number, kind="stable")


def _numbers(row: Ints) -> Ints:
    """Numbers from 1 within each applicant, for rows in the applicants' order."""
    places = np.arange(len(row), dtype=np.int64)
    starts = np.flatnonzero(np.diff(row, prepend=-1))
    return places - np.repeat(starts, np.diff(starts, append=len(row))) + 1


def _known(random: Random, stream: Stream, at: Ints) -> Ints:
    n = len(at)
    days = random.uniform(*stream.lag, n)
    late = np.flatnonzero(random.random(n) < LATE)
    days[late] = np.minimum(stream.lag[1] + 2 + random.exponential(13.0, len(late)), LATEST)
    return at + (days * 86_400).astype(np.int64) * SECOND


def _again(random: Random, events: Events, rows: Ints, days: float) -> Events:
    """A further revision of some events, known some days later: on average as many as given, at most 60."""
    again = _take(events, rows)
    delay = np.minimum(0.02 + random.exponential(days, len(rows)), LATEST)
    again["known_at"] = again["known_at"] + (delay * 86_400).astype(np.int64) * SECOND
    again["revision"] = again["revision"] + np.int32(1)
    return again


def _err(random: Random, stream: Stream, events: Events, rows: Ints) -> None:
    """Make the stream's column of errors wrong in some rows: another category, or a number some way off."""
    column = events[stream.wrong]
    right = column[rows].astype(np.int64)
    categories = stream.columns[stream.wrong]
    off = random.random(len(rows))
    if isinstance(categories, tuple):
        column[rows] = (right + 1 + np.floor(off * (len(categories) - 1)).astype(np.int64)) % len(categories)
        return
    # Nothing owed is wrongly owed; a sum is off by up to a third, a score by no more than that either.
    step = np.maximum((np.abs(right) * (0.02 + 0.3 * off)).astype(np.int64), 1 + (right == 0) * 4_999)
    least = 300 if stream.wrong == "score" else 0
    column[rows] = np.where(right - step > least, right - step, right + step)
