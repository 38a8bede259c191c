"""One applicant's events in memory, folded into a source's fields: what the engine gives, without an engine.

For who holds a source's reply and has no time for a query. `meridian.features.engine` says what the definitions mean;
this file gives the same numbers to the last bit, and a test holds the two together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from meridian.features.aggregate import Aggregate, Compare, Op, Where
from meridian.features.source import Source
from meridian.features.stream import Stream

Event = Mapping[str, Any]
"""One version of one event: every stored column of its stream by name, its moments as `datetime`."""
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Folded:
    """The fields in the order of `Source.fields`, and when the newest of the events that stand happened."""

    values: tuple[float, ...]
    cut_off: datetime
    newest_at: datetime


def fold(source: Source, events: Mapping[str, Sequence[Event]], cut_off: datetime) -> Folded | None:
    """The fields at the cut-off, from one applicant's events by the name of the stream they are stored as.

    None where no event stands at the cut-off. All moments have their zone, or none has. Raises `KeyError` where a
    stream or a column is not there: what is lacking is not the same as nothing.
    """
    standing = {one.name: _Standing(one, events[one.stored_as or one.name], cut_off) for one in source.streams}
    newest = [of.events[0]["event_at"] for of in standing.values() if of.events]
    if not newest:
        return None
    loaded = (0.0 for _ in source.loaded)
    values = (*(standing[one.stream].value(one) for one in source.aggregates), *loaded)
    return Folded(values, cut_off, max(newest))


class _Standing:
    """The events of a stream that stand at the cut-off, the newest first.

    In that order a window is a beginning of the list, so each condition is held against the events once, whatever the
    number of windows.
    """

    def __init__(self, stream: Stream, events: Sequence[Event], cut_off: datetime):
        self._stream = stream
        self._cut_off = cut_off
        best = _standing(stream, events, cut_off)
        # What the engine leaves open, two of one moment and one number, is put in order by all columns.
        best.sort(key=lambda one: (one["event_at"], one["event_id"], _whole(stream, one)), reverse=True)
        self.events = best
        self._meeting: dict[tuple[Where, ...], list[Event]] = {(): best}

    def value(self, aggregate: Aggregate) -> float:
        """What the aggregate comes to."""
        chosen = self._chosen(aggregate)
        if not chosen and aggregate.op is not Op.SUM:
            return aggregate.op.of_nothing
        match aggregate.op:
            case Op.COUNT:
                return float(len(chosen))
            case Op.SINCE_LAST:
                return float((self._cut_off - chosen[0]["event_at"]) // DAY)
            case Op.SINCE_FIRST:
                return float((self._cut_off - chosen[-1]["event_at"]) // DAY)
        name = str(aggregate.column)
        values = [value for one in chosen if (value := one[name]) is not None]
        if not values:
            return aggregate.op.of_nothing
        if aggregate.op is Op.DISTINCT:
            return float(len(set(values)))
        return _number(aggregate.op, values) / self._stream.column(name).kind.scale

    def _chosen(self, aggregate: Aggregate) -> Sequence[Event]:
        where = tuple(aggregate.where)
        if aggregate.newest is not None:
            # The newest of all that stand, and only then those of them that meet the conditions.
            chosen = [one for one in self.events[: aggregate.newest] if _meets(where, one)]
        else:
            if where not in self._meeting:
                self._meeting[where] = [one for one in self.events if _meets(where, one)]
            chosen = self._meeting[where]
        if aggregate.days is None:
            return chosen
        since = self._cut_off - aggregate.days * DAY
        return chosen[: bisect_left(chosen, True, key=lambda one: one["event_at"] <= since)]


def _number(op: Op, values: Sequence[int]) -> float:
    """Of at least one value, the newest first, before its scale."""
    match op:
        case Op.SUM:
            return float(sum(values))
        case Op.MEAN:
            return float(sum(values)) / len(values)
        case Op.LOWEST:
            return float(min(values))
        case Op.HIGHEST:
            return float(max(values))
        case _:
            return float(values[0])


def _standing(stream: Stream, events: Sequence[Event], cut_off: datetime) -> list[Event]:
    """Of each thing the version that was the best known at the cut-off, unless it takes the thing back.

    A fact's later version counts from when it is known, even where it moves the fact to after the cut-off; a state's
    counts from when it is known and has happened.
    """
    thing = stream.key or "event_id"
    best: dict[Any, Event] = {}
    for event in events:
        if event["known_at"] <= cut_off and (stream.key is None or event["event_at"] <= cut_off):
            before = best.get(event[thing])
            if before is None or _comes_after(stream, event, before):
                best[event[thing]] = event
    return [one for one in best.values() if not one["retracted"] and one["event_at"] <= cut_off]


def _comes_after(stream: Stream, one: Event, other: Event) -> bool:
    if stream.key is not None and one["event_at"] != other["event_at"]:
        return bool(one["event_at"] > other["event_at"])
    if one["revision"] != other["revision"]:
        return bool(one["revision"] > other["revision"])
    if one["known_at"] != other["known_at"]:
        return bool(one["known_at"] > other["known_at"])
    return _whole(stream, one) > _whole(stream, other)


def _whole(stream: Stream, event: Event) -> tuple[tuple[bool, Any], ...]:
    """All columns, for an order of what else is equal; what is missing comes last, as in the engine."""
    return tuple((event[name] is None, event[name]) for name in stream.stored_columns)


def _meets(where: Sequence[Where], event: Event) -> bool:
    return all(_COMPARED[one.compare](event[one.column], one.value) for one in where)


def _among(value: Any, wanted: Any) -> bool:
    return value in wanted if isinstance(wanted, tuple) else bool(value == wanted)


_COMPARED: Mapping[Compare, Callable[[Any, Any], bool]] = {
    Compare.IS: lambda value, wanted: value is not None and _among(value, wanted),
    Compare.IS_NOT: lambda value, wanted: value is not None and not _among(value, wanted),
    Compare.BELOW: lambda value, wanted: value is not None and value < wanted,
    Compare.ABOVE: lambda value, wanted: value is not None and value > wanted,
    Compare.AT_LEAST: lambda value, wanted: value is not None and value >= wanted,
    Compare.MISSING: lambda value, _: value is None,
    Compare.PRESENT: lambda value, _: value is not None,
}
