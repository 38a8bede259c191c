"""The online store: ready vectors, one indexed read for all sources of an applicant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from meridian.db import tables as t
from meridian.db.copying import copy_rows
from meridian.db.prepared import Prepared
from meridian.db.scores import score_of
from meridian.evidence import PreComputed
from meridian.features import Source
from meridian.sources import Stored

RECENT = timedelta(days=90)


@dataclass(frozen=True)
class Found:
    """What the store has of an applicant: by source name the vector, and up to when those of everybody are in.

    A source that was never taken in is in neither. `applications_90d` are counted in the record at that moment.
    `score` is that of the last assessment for the product.
    """

    stored: Mapping[str, Stored]
    covered_until: Mapping[str, datetime]
    applications_90d: int
    score: PreComputed | None = None


LOOK_UP = Prepared(
    "look_up_vectors",
    """
    SELECT f.fingerprint, c.cut_off AS covered_until, v.cut_off, v.newest_at, v.fields,
           (SELECT count(*) FROM record.application a
            WHERE a.applicant_id = {applicant_id} AND a.received_at > {since} AND a.received_at < {now})
           AS applications_90d,
           s.scored_at, s.pd, s.points, s.model, s.model_sha256, s.evidence_sha256, s.rule_values, s.amount
    FROM unnest({fingerprints}) AS f (fingerprint)
    LEFT JOIN online.coverage c ON c.fingerprint = f.fingerprint
    LEFT JOIN online.vector v ON v.applicant_id = {applicant_id} AND v.fingerprint = f.fingerprint
    LEFT JOIN online.score s ON s.applicant_id = {applicant_id} AND s.product = {product}
    """,
    {
        "applicant_id": "text",
        "since": "timestamptz",
        "now": "timestamptz",
        "fingerprints": "bytea[]",
        "product": "text",
    },
)


def look_up(
    connection: Connection,
    sources: Sequence[Source],
    applicant_id: str,
    applied_at: datetime,
    product: str | None = None,
) -> Found:
    """The applicant's vectors of the sources, made by their present definitions; others are not seen.

    Earlier applications are those of the 90 days before `applied_at`. With a product, its last score goes with them.
    """
    names = {bytes.fromhex(source.fingerprint): source.name for source in sources}
    values = {
        "applicant_id": applicant_id,
        "since": applied_at - RECENT,
        "now": applied_at,
        "fingerprints": list(names),
        "product": product,
    }
    stored: dict[str, Stored] = {}
    covered: dict[str, datetime] = {}
    applications, score = 0, None
    for row in LOOK_UP.run(connection, values):
        score = score_of(row)
        applications = row.applications_90d
        name = names[bytes(row.fingerprint)]
        if row.covered_until is not None:
            covered[name] = row.covered_until
        if row.cut_off is not None:
            stored[name] = Stored(row.fields, row.cut_off, row.newest_at)
    return Found(stored, covered, applications, score)


# What takes long here is the amount, not a hang.
FOR_MANY = text("SET LOCAL statement_timeout = '10min'")
LOOK_UP_MANY = text("""
SELECT w.applicant_id, f.fingerprint, c.cut_off AS covered_until, v.cut_off, v.newest_at, v.fields
FROM unnest(CAST(:applicants AS text[])) AS w (applicant_id)
CROSS JOIN unnest(CAST(:fingerprints AS bytea[])) AS f (fingerprint)
LEFT JOIN online.coverage c ON c.fingerprint = f.fingerprint
LEFT JOIN online.vector v ON v.applicant_id = w.applicant_id AND v.fingerprint = f.fingerprint
""")
EARLIER_MANY = text("""
SELECT a.applicant_id, count(*) AS applications FROM record.application a
WHERE a.applicant_id = ANY(CAST(:applicants AS text[])) AND a.received_at > :since AND a.received_at < :now
GROUP BY a.applicant_id
""")


def look_up_many(
    connection: Connection, sources: Sequence[Source], applicant_ids: Sequence[str], applied_at: datetime
) -> dict[str, Found]:
    """`look_up` for many at once, without earlier scores; each applicant once."""
    connection.execute(FOR_MANY)
    names = {bytes.fromhex(source.fingerprint): source.name for source in sources}
    wanted = list(dict.fromkeys(applicant_ids))
    stored: dict[str, dict[str, Stored]] = {one: {} for one in wanted}
    covered: dict[str, datetime] = {}
    for row in connection.execute(LOOK_UP_MANY, {"applicants": wanted, "fingerprints": list(names)}):
        name = names[bytes(row.fingerprint)]
        if row.covered_until is not None:
            covered[name] = row.covered_until
        if row.cut_off is not None:
            stored[row.applicant_id][name] = Stored(row.fields, row.cut_off, row.newest_at)
    moments = {"since": applied_at - RECENT, "now": applied_at}
    earlier = {
        row.applicant_id: row.applications
        for row in connection.execute(EARLIER_MANY, {"applicants": wanted, **moments})
    }
    return {one: Found(stored[one], covered, earlier.get(one, 0)) for one in wanted}


@dataclass(frozen=True)
class Coverage:
    """How far a source's vectors are: up to when all is in, and the run on its way.

    A run takes in what got known after `running_after` (None: everybody); `position` is the last applicant done.
    """

    cut_off: datetime | None
    running_cut_off: datetime | None
    running_after: datetime | None
    position: str | None


def get_coverage(connection: Connection, source: Source) -> Coverage:
    """How far the vectors of the source's present definition are."""
    c = t.coverage.c
    query = select(c.cut_off, c.running_cut_off, c.running_after, c.position).where(c.fingerprint == source.fingerprint)
    row = connection.execute(query).one_or_none()
    return Coverage(None, None, None, None) if row is None else Coverage(*row)


def start_run(connection: Connection, source: Source, cut_off: datetime, after: datetime | None) -> None:
    """Note that vectors are being brought up to a moment, from another on (None: of everybody)."""
    running = {"running_cut_off": cut_off, "running_after": after, "position": None, "changed_at": func.now()}
    query = upsert(t.coverage).values(fingerprint=source.fingerprint, source=source.name, cut_off=None, **running)
    connection.execute(query.on_conflict_do_update(index_elements=["fingerprint"], set_=running))


def advance_run(connection: Connection, source: Source, position: str) -> None:
    """Note the last applicant, in the order of their ids, who is done."""
    _set(connection, source, {"position": position})


def finish_run(connection: Connection, source: Source, cut_off: datetime) -> None:
    """Note that the events of everybody are in up to that moment."""
    _set(connection, source, {"cut_off": cut_off, "running_cut_off": None, "running_after": None, "position": None})


def _set(connection: Connection, source: Source, values: Mapping[str, datetime | str | None]) -> None:
    query = update(t.coverage).where(t.coverage.c.fingerprint == source.fingerprint)
    connection.execute(query.values(**values, changed_at=func.now()))


def aged_applicants(connection: Connection, source: Source, made_before: datetime) -> list[str]:
    """Applicants whose vector was made at a cut-off before that moment."""
    query = select(t.vector.c.applicant_id).where(
        t.vector.c.fingerprint == source.fingerprint, t.vector.c.cut_off < made_before
    )
    return list(connection.scalars(query))


def database_now(connection: Connection) -> datetime:
    """The database's clock."""
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now


def count_vectors(connection: Connection, source: Source) -> int:
    """How many applicants have a vector of the source's present definition."""
    query = select(func.count()).select_from(t.vector).where(t.vector.c.fingerprint == source.fingerprint)
    return int(connection.execute(query).scalar_one())


def put_vectors(
    connection: Connection,
    source: Source,
    cut_off: datetime,
    rows: Iterable[tuple[str, datetime | None, Sequence[float]]],
) -> int:
    """Put (applicant, moment of the newest event, fields) in place, and say how many. No fields: none any more."""
    connection.execute(FOR_MANY)
    connection.execute(text("CREATE TEMP TABLE arriving (LIKE online.vector) ON COMMIT DROP"))
    fingerprint = bytes.fromhex(source.fingerprint)
    lines = [(applicant, fingerprint, cut_off, newest, fields) for applicant, newest, fields in rows]
    copy_rows(connection, "arriving", ("applicant_id", "fingerprint", "cut_off", "newest_at", "fields"), lines)
    put = text("""
        INSERT INTO online.vector SELECT * FROM arriving ORDER BY applicant_id COLLATE "C"
        ON CONFLICT (applicant_id, fingerprint) DO UPDATE
        SET cut_off = excluded.cut_off, newest_at = excluded.newest_at, fields = excluded.fields
        -- While this run was computing, a provider may have told something newer; what is of a time to come is wrong.
        WHERE online.vector.cut_off <= excluded.cut_off OR online.vector.cut_off > clock_timestamp()""")
    connection.execute(put)
    connection.execute(text("DROP TABLE arriving"))
    return len(lines)


def put_vector(connection: Connection, source: Source, applicant_id: str, stored: Stored) -> None:
    """Put one applicant's vector in place, unless a newer one is there."""
    columns = {"cut_off": stored.cut_off, "newest_at": stored.newest_at, "fields": list(stored.values)}
    query = upsert(t.vector).values(applicant_id=applicant_id, fingerprint=source.fingerprint, **columns)
    older = or_(t.vector.c.cut_off <= query.excluded.cut_off, t.vector.c.cut_off > func.clock_timestamp())
    key = ["applicant_id", "fingerprint"]
    connection.execute(query.on_conflict_do_update(index_elements=key, set_=columns, where=older))


def load_fields(
    connection: Connection, source: Source, rows: Iterable[Mapping[str, object]], *, as_of: datetime
) -> int:
    """Take over a complete load of a source whose fields the lender's own systems compute.

    Rows have `applicant_id` and each field. Whoever is not in it, and was not before, is one of whom there is
    nothing. Returns how many there were.
    """
    given = ((str(row["applicant_id"]), None, [float(str(row[name])) for name in source.loaded]) for row in rows)
    start_run(connection, source, as_of, None)
    count = put_vectors(connection, source, as_of, given)
    finish_run(connection, source, as_of)
    return count
