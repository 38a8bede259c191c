"""The engine: a source's fields at (applicant, cut-off), for everybody now or for many moments of the past.

First every version of every event gets the span of time in which it was the best that was known, `[visible_from,
visible_to)`; then the fields at a cut-off are plain sums over the events whose span holds it. So late reports and
corrections need no care of their own, and the past never changes by what is learnt later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meridian.errors import InvalidInput
from meridian.extra import need
from meridian.features.aggregate import Aggregate, Compare, Op, Where
from meridian.features.events import EventHistory, connect, listed, quoted, readable
from meridian.features.source import Source
from meridian.features.stream import COMMON, Stream

Moments = NDArray[np.datetime64]
DAY_US = 86_400_000_000
SLICE = 25_000
"""Applicants that are joined with their events at a time: what fits the processor's caches is faster."""
NEVER = "TIMESTAMP '9999-12-31'"


@dataclass(frozen=True)
class Vectors:
    """A source's fields at many pairs, one entry each in the pairs' order.

    `present` says whether there was any event at all by then, `newest_at` when the newest happened (NaT: none).
    """

    fields: Mapping[str, NDArray[np.float64]]
    newest_at: Moments
    present: NDArray[np.bool_]

    def rows(self) -> NDArray[np.float64]:
        """The vectors in the order of the source's fields; shape (pairs, fields)."""
        return np.stack(list(self.fields.values()), axis=1)


def fields_at(
    connection: Any, source: Source, history: EventHistory, applicants: Sequence[str] | NDArray[Any], cut_offs: Moments
) -> Vectors:
    """The fields of each (applicant, cut-off): of events that had happened and were known at the cut-off, no other.

    `cut_offs` are in UTC. Raises `InvalidInput` for events that are not as the streams say.
    """
    count = len(applicants)
    fields = {name: np.full(count, nothing) for name, nothing in zip(source.fields, source.of_nothing, strict=True)}
    newest, present = np.full(count, "NaT", "datetime64[us]"), np.zeros(count, np.bool_)
    everybody = _register_pairs(connection, applicants, cut_offs)
    for stream in source.streams:
        view = history.open(connection, source, stream)
        aggregates = [one for one in source.aggregates if one.stream == stream.name]
        with readable(f"{source.name}/{stream.name}"):
            connection.execute(_events_of_pairs(stream, view))
        _check_whole(connection, source, stream)
        for first in range(0, everybody, SLICE):
            columns = connection.execute(query(stream, aggregates, first)).fetchnumpy()
            pair = np.asarray(columns["pair"])
            for place, aggregate in enumerate(aggregates):
                fields[aggregate.name][pair] = _filled(columns[f"a{place}"], aggregate.op.of_nothing)
            newest[pair] = np.fmax(newest[pair], np.asarray(columns["newest"]).astype("datetime64[us]"))
            present[pair] = True
    return Vectors(fields, newest, present)


def changed_applicants(
    connection: Any, source: Source, history: EventHistory, after: datetime | None, until: datetime
) -> list[str]:
    """Applicants, in order, whose fields new knowledge of the time `(after, until]` may change; all of them after None.

    An event changes something when it gets known and, where it was known before it happened, when it happens. Raises
    `InvalidInput` for events of nobody, or without a time.
    """
    parts = []
    for stream in source.streams:
        view = history.open(connection, source, stream)
        since = "" if after is None else "AND greatest(event_at, known_at) > $after"
        parts.append(f"SELECT applicant_id FROM {quoted(view)} WHERE known_at <= $until {since}")
        with readable(f"{source.name}/{stream.name}"):
            check_told(connection, view, f"{source.name}/{stream.name}")
    values = {"until": naive(until)} | ({} if after is None else {"after": naive(after)})
    sql = f"SELECT DISTINCT applicant_id FROM ({' UNION ALL '.join(parts)}) ORDER BY applicant_id"
    return [row[0] for row in connection.execute(sql, values).fetchall()]


def naive(moment: datetime) -> datetime:
    """A moment in UTC without saying so, as the events have it."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def query(stream: Stream, aggregates: Sequence[Aggregate], first: int) -> str:
    """The SQL of a stream's aggregates for a slice of the applicants: `pair`, `newest`, then `a0`, `a1`, ..."""
    chosen = [f"{_expression(one, stream)} AS a{place}" for place, one in enumerate(aggregates)]
    sliced = f"who >= {first} AND who < {first + SLICE}"
    return f"""
        WITH part AS (SELECT * FROM numbered WHERE {sliced}),
             mine AS (SELECT * FROM told WHERE {sliced}),
             {_visible(stream)},
             joined AS (
                SELECT p.pair, p.cut_off, e.*{_place(aggregates)}
                FROM part p JOIN visible e ON e.who = p.who AND e.visible_from <= p.cut_off AND p.cut_off < e.visible_to
                WHERE NOT e.retracted)
        SELECT pair, {", ".join(["max(e.event_at) AS newest", *chosen])}
        FROM joined e GROUP BY pair, cut_off"""


def _place(aggregates: Sequence[Aggregate]) -> str:
    """Each event's place among its pair's, the newest first, where an aggregate asks for it."""
    if all(one.newest is None for one in aggregates):
        return ""
    return ", row_number() OVER (PARTITION BY p.pair ORDER BY e.event_at DESC, e.event_id DESC) AS place"


def check_folder(folder: Path, sources: Sequence[Source]) -> None:
    """Hold a folder of events against the streams that are declared, before its files are added to a history for good.

    Raises `InvalidInput` for a stream that nobody reads, and for what `fields_at` and `changed_applicants` refuse.
    """
    declared = {f"{source.name}/{stream.name}": (source, stream) for source in sources for stream in source.streams}
    found = sorted({str(file.parent.relative_to(folder)) for file in folder.glob("*/*/*.parquet")})
    history, connection = EventHistory(folder), connect()
    for place in found:
        if place not in declared:
            raise InvalidInput(
                f"No product reads {place}; the streams that are read are {', '.join(sorted(declared))}."
            )
        source, stream = declared[place]
        with readable(place):
            check_told(connection, history.open(connection, source, stream), place)


def check_told(connection: Any, view: str, where: str) -> None:
    """Refuse a stream with events of nobody, or of an applicant that no database can hold, or without a time.

    Such an event would be found for nobody, or never, and so be lost in silence. Raises `InvalidInput`.
    """
    wrong = "applicant_id IS NULL OR contains(applicant_id, chr(0)) OR event_at IS NULL OR known_at IS NULL"
    count = connection.execute(f"SELECT count(*) FROM {quoted(view)} WHERE {wrong}").fetchone()[0]
    if count:
        raise InvalidInput(
            f"{count} events of {where} lack an applicant_id, event_at or known_at, which every event has."
        )


def _check_whole(connection: Any, source: Source, stream: Stream) -> None:
    """Of an event that lacks a time, nobody can say whether it may be used: it is refused, not dropped in silence."""
    needed = [name for name in (*COMMON, stream.key) if name is not None and name != "applicant_id"]
    lacking = " OR ".join(f"{quoted(name)} IS NULL" for name in needed)
    found = connection.execute(
        f"SELECT count(*), any_value(applicant_id) FROM told JOIN whose USING (who) WHERE {lacking}"
    )
    count, applicant = found.fetchone()
    if count:
        raise InvalidInput(
            f"{count} events of {source.name}/{stream.name}, of {applicant} for one, lack one of {', '.join(needed)}; "
            "every event has them all."
        )


def _events_of_pairs(stream: Stream, view: str) -> str:
    """Takes in, once, the events of the pairs' applicants, under a number for each: texts are slow to join by."""
    return f"""
        CREATE OR REPLACE TEMP TABLE told AS
        SELECT who, {_stored(stream)}, greatest(event_at, known_at) AS visible_from
        FROM {quoted(view)} JOIN whose USING (applicant_id)
        WHERE applicant_id BETWEEN (SELECT min(applicant_id) FROM whose) AND (SELECT max(applicant_id) FROM whose)"""


def _visible(stream: Stream) -> str:
    """Common table expressions that end in `visible`: the events with their span.

    Most facts have one version, and need no look at others; only the rest is put in order.
    """
    stored = _stored(stream)
    if stream.key is not None:
        span = _span(stream.key, "event_at, revision, known_at", "visible_from", stored)
        return f"visible AS (SELECT *, {span} AS visible_to FROM mine)"
    span = _span("event_id", "revision, known_at", "known_at", stored)
    return f"""
        again AS (SELECT who, event_id FROM mine GROUP BY ALL HAVING count(*) > 1),
        visible AS (
            SELECT *, {NEVER} AS visible_to FROM mine ANTI JOIN again USING (who, event_id)
            UNION ALL
            SELECT *, {span} AS visible_to FROM mine SEMI JOIN again USING (who, event_id))"""


def _stored(stream: Stream) -> str:
    """What is read of an event beside whose it is."""
    return listed(name for name in stream.stored_columns if name != "applicant_id")


def _span(thing: str, order: str, moment: str, stored: str) -> str:
    """When the first of the versions that come after this one got known. All columns order what else is equal."""
    following = "ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING"
    window = f"PARTITION BY who, {quoted(thing)} ORDER BY {order}, {stored} {following}"
    return f"coalesce(min({moment}) OVER ({window}), {NEVER})"


def _expression(aggregate: Aggregate, stream: Stream) -> str:
    conditions = [_condition(where) for where in aggregate.where]
    if aggregate.days is not None:
        conditions.append(f"e.event_at > e.cut_off - INTERVAL {int(aggregate.days)} DAY")
    if aggregate.newest is not None:
        conditions.append(f"e.place <= {int(aggregate.newest)}")
    only = f" FILTER (WHERE {' AND '.join(conditions)})" if conditions else ""
    match aggregate.op:
        case Op.COUNT:
            return f"count(*){only}"
        case Op.SINCE_LAST:
            return f"date_diff('microsecond', max(e.event_at){only}, any_value(e.cut_off)) // {DAY_US}"
        case Op.SINCE_FIRST:
            return f"date_diff('microsecond', min(e.event_at){only}, any_value(e.cut_off)) // {DAY_US}"
        case Op.DISTINCT:
            return f"count(DISTINCT e.{quoted(str(aggregate.column))}){only}"
    column = stream.column(str(aggregate.column))
    value = f"e.{quoted(column.name)}::BIGINT"
    result = {
        Op.SUM: f"sum({value}){only}::DOUBLE",
        Op.MEAN: f"sum({value}){only}::DOUBLE / count({value}){only}",
        Op.LOWEST: f"min({value}){only}::DOUBLE",
        Op.HIGHEST: f"max({value}){only}::DOUBLE",
        Op.LAST: f"arg_max({value}, epoch_us(e.event_at)::HUGEINT * 9223372036854775807 + e.event_id){only}::DOUBLE",
    }[aggregate.op]
    return f"({result}) / {column.kind.scale}"


def _condition(where: Where) -> str:
    column = f"e.{quoted(where.column)}"
    if where.compare in (Compare.MISSING, Compare.PRESENT):
        return f"{column} {where.compare.value}"
    if isinstance(where.value, tuple):
        inside = "NOT IN" if where.compare.value == "<>" else "IN"
        return f"{column} {inside} ({', '.join(_literal(one) for one in where.value)})"
    return f"{column} {where.compare.value} {_literal(where.value)}"


def _literal(value: float | bool | str) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _register_pairs(connection: Any, applicants: Sequence[str] | NDArray[Any], cut_offs: Moments) -> int:
    """Makes the tables `whose` (each applicant's number, by the order of their ids) and `numbered` (the pairs).

    Gives how many applicants there are.
    """
    arrow = need("pyarrow")
    pairs = {
        "pair": np.arange(len(applicants), dtype=np.int32),
        "applicant_id": arrow.array(applicants, arrow.string()),
        "cut_off": arrow.array(cut_offs.astype("datetime64[us]"), arrow.timestamp("us")),
    }
    connection.register("pairs", arrow.table(pairs))
    connection.execute("""
        CREATE OR REPLACE TEMP TABLE whose AS
        SELECT applicant_id, (row_number() OVER (ORDER BY applicant_id) - 1)::INTEGER AS who
        FROM (SELECT DISTINCT applicant_id FROM pairs);
        CREATE OR REPLACE TEMP TABLE numbered AS
        SELECT pair, cut_off, who FROM pairs JOIN whose USING (applicant_id)""")
    return int(connection.execute("SELECT count(*) FROM whose").fetchone()[0])


def _filled(column: NDArray[Any], nothing: float) -> NDArray[np.float64]:
    """A column as DuckDB gives it, masked where NULL."""
    return np.asarray(np.ma.filled(np.ma.asarray(column).astype(np.float64), nothing))
