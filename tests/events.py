"""A source for tests with every kind of aggregate, histories in which all goes wrong, and a plain reference."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from meridian.features import Aggregate, Column, Compare, Kind, Op, Silence, Source, Stream, Where

DAY = timedelta(days=1)
START = datetime(2025, 1, 1)  # noqa: DTZ001  # events are in UTC without saying so

COLUMNS = (
    Column("key", Kind.COUNT, "A number"),
    Column("kind", Kind.TEXT, "a, b or c's"),
    Column("amount_cents", Kind.CENTS, "Money"),
    Column("late", Kind.FLAG, "Whether it was late"),
    Column("ended_day", Kind.DAYS, "A day, or none"),
)
FACTS = Stream("facts", "Things that happen", COLUMNS)
STATES = Stream("states", "Things that are so until told otherwise", COLUMNS, key="key")
WHERES: tuple[tuple[Where, ...], ...] = (
    (Where("ended_day", Compare.MISSING),),
    (Where("kind", Compare.IS, ("a", "c's")),),
    (Where("kind", Compare.IS_NOT, "a"), Where("amount_cents", Compare.ABOVE, 0)),
    (Where("late", Compare.IS, True),),
    (),
    (Where("amount_cents", Compare.BELOW, 0), Where("ended_day", Compare.PRESENT)),
    (Where("amount_cents", Compare.AT_LEAST, 500),),
)
OPS = (
    (Op.COUNT, None),
    (Op.SINCE_LAST, None),
    (Op.SINCE_FIRST, None),
    *((op, "amount_cents") for op in (Op.SUM, Op.MEAN, Op.LOWEST, Op.HIGHEST, Op.LAST)),
    *((op, "ended_day") for op in (Op.LAST, Op.MEAN)),
    (Op.SUM, "late"),
    *((Op.DISTINCT, column) for column in ("kind", "key")),
)


def every_aggregate() -> tuple[Aggregate, ...]:
    """Each operation with each window and, in turn, each condition, on both kinds of stream."""
    made = []
    for stream in (FACTS, STATES):
        for place, (op, column) in enumerate(OPS):
            for number, days in enumerate((None, 1, 30)):
                name = f"{stream.name}_{op.value}_{column}_{days}"
                made.append(Aggregate(name, stream.name, op, column, days, WHERES[(place + number) % len(WHERES)]))
            if column != "ended_day":
                where = WHERES[(place + 5) % len(WHERES)]
                made.append(
                    Aggregate(f"{stream.name}_{op.value}_{column}_newest", stream.name, op, column, None, where, 2)
                )
    return tuple(made)


SOURCE = Source(
    name="tested",
    meaning="A source of tests",
    fresh_for=10 * DAY,
    too_old_after=30 * DAY,
    silence=Silence.NOTHING_TO_HAVE,
    streams=(FACTS, STATES),
    aggregates=every_aggregate(),
)


@dataclass(frozen=True)
class Event:
    """One version of one event."""

    applicant_id: str
    event_id: int
    event_at: datetime
    known_at: datetime
    revision: int = 0
    retracted: bool = False
    key: int = 0
    kind: str = "a"
    amount_cents: int = 100
    late: bool = False
    ended_day: int | None = None


TYPES = {
    "applicant_id": pa.string(), "event_id": pa.int64(), "event_at": pa.timestamp("us"), "known_at": pa.timestamp("us"),
    "revision": pa.int32(), "retracted": pa.bool_(), "key": pa.int64(), "kind": pa.string(),
    "amount_cents": pa.int64(), "late": pa.bool_(), "ended_day": pa.int32(),
}  # fmt: skip


def write(folder: Path, stream: Stream, events: Iterable[Event], part: str = "part-0") -> None:
    """Events as a file of the history."""
    place = folder / SOURCE.name / stream.name
    place.mkdir(parents=True, exist_ok=True)
    rows = [vars(event) for event in events]
    table = pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in TYPES.items()})
    pq.write_table(table, place / f"{part}.parquet")


def history(random: Random, applicants: Sequence[str], events_each: int = 8) -> list[Event]:
    """Late, corrected, doubled, taken back, future and simultaneous events of each applicant."""
    made = []
    for applicant in applicants:
        for number in range(random.randint(0, events_each)):
            first = _first(random, applicant, number)
            made.append(first)
            while random.random() < 0.35:
                made.append(_again(random, made[-1]))
    random.shuffle(made)
    return made


def _first(random: Random, applicant: str, number: int) -> Event:
    happened = START + timedelta(days=random.randint(0, 120), seconds=random.choice((0, 0, 43_200, 86_399)))
    lag = random.choice((0, 0, 0.5, 3, 45, -10))  # a negative lag: known before it happens
    return Event(
        applicant_id=applicant,
        event_id=number,
        event_at=happened,
        known_at=happened + timedelta(days=lag),
        key=random.randint(0, 2),
        kind=random.choice(("a", "b", "c's")),
        amount_cents=random.randint(-1000, 1000),
        late=random.random() < 0.5,
        ended_day=random.choice((None, 20_000 + random.randint(0, 50))),
    )


def _again(random: Random, event: Event) -> Event:
    """A doubled delivery, a correction (of the amount, or of the moment), or a retraction."""
    later = event.known_at + timedelta(days=random.choice((0.25, 2, 20)))
    how = random.choice(("double", "amount", "moment", "retract", "overtaken"))
    if how == "double":
        return replace(event, known_at=later)
    if how == "retract":
        return replace(event, known_at=later, revision=event.revision + 1, retracted=True)
    if how == "moment":
        moved = event.event_at - timedelta(days=random.randint(-3, 3))
        return replace(event, known_at=later, revision=event.revision + 1, event_at=moved)
    if how == "overtaken":  # a later version that got known before this one
        return replace(event, known_at=event.known_at - DAY, revision=event.revision + 1, amount_cents=777)
    return replace(event, known_at=later, revision=event.revision + 1, amount_cents=random.randint(-1000, 1000))


def expected(source: Source, events: Mapping[str, Sequence[Event]], cut_off: datetime) -> dict[str, float]:
    """The fields of one applicant at a cut-off, straight from the definitions, in plain loops."""
    standing = {name: _standing(source.stream(name), of, cut_off) for name, of in events.items()}
    return {one.name: _value(one, source, standing[one.stream], cut_off) for one in source.aggregates}


def _standing(stream: Stream, events: Sequence[Event], cut_off: datetime) -> list[Event]:
    """The events that stand at the cut-off."""
    by_thing: dict[int, list[Event]] = {}
    for event in events:
        if event.known_at <= cut_off and (stream.key is None or event.event_at <= cut_off):
            by_thing.setdefault(event.event_id if stream.key is None else event.key, []).append(event)
    best = []
    for versions in by_thing.values():
        if stream.key is None:
            best.append(max(versions, key=lambda one: (one.revision, one.known_at)))
        else:
            best.append(max(versions, key=lambda one: (one.event_at, one.revision, one.known_at, one.event_id)))
    return [one for one in best if one.event_at <= cut_off and not one.retracted]


def _value(aggregate: Aggregate, source: Source, standing: Sequence[Event], cut_off: datetime) -> float:
    if aggregate.newest is not None:
        in_order = sorted(standing, key=lambda one: (one.event_at, one.event_id), reverse=True)
        standing = in_order[: aggregate.newest]
    chosen = [one for one in standing if all(_holds(where, one) for where in aggregate.where)]
    if aggregate.days is not None:
        chosen = [one for one in chosen if one.event_at > cut_off - aggregate.days * DAY]
    moments = [one.event_at for one in chosen]
    match aggregate.op:
        case Op.COUNT:
            return float(len(chosen))
        case Op.SINCE_LAST:
            return float((cut_off - max(moments)) // DAY) if moments else math.nan
        case Op.SINCE_FIRST:
            return float((cut_off - min(moments)) // DAY) if moments else math.nan
    column = str(aggregate.column)
    have = [one for one in chosen if getattr(one, column) is not None]
    values = [getattr(one, column) for one in have]
    if aggregate.op is Op.DISTINCT:
        return float(len(set(values)))
    scale = source.stream(aggregate.stream).column(column).kind.scale
    if aggregate.op is Op.SUM:
        return float(sum(values)) / scale
    if not values:
        return math.nan
    newest = max(have, key=lambda one: (one.event_at, one.event_id))
    results: dict[Op, Any] = {
        Op.MEAN: sum(values) / len(values),
        Op.LOWEST: min(values),
        Op.HIGHEST: max(values),
        Op.LAST: getattr(newest, column),
    }
    return float(results[aggregate.op]) / scale


def _holds(where: Where, event: Event) -> bool:
    value = getattr(event, where.column)
    match where.compare:
        case Compare.MISSING:
            return value is None
        case Compare.PRESENT:
            return value is not None
    among = where.value if isinstance(where.value, tuple) else (where.value,)
    if value is None:
        return False
    return bool(
        {
            Compare.IS: lambda: value in among,
            Compare.IS_NOT: lambda: value not in among,
            Compare.BELOW: lambda: value < where.value,
            Compare.ABOVE: lambda: value > where.value,
            Compare.AT_LEAST: lambda: value >= where.value,
        }[where.compare]()
    )
