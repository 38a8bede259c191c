"""What one decision adds to the record, as a single row: the least that any service would have to make durable."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg2
import psycopg2.extensions
from psycopg2 import sql

from meridian.db.dsn import libpq_dsn
from meridian.simulator import requests
from tests.services import Service

LOOKED_AT = 21
SEED = 424_242

TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname NOT IN ('information_schema', %s)
"""
THE_BELL = "pgmq"
"""Its message is sent after the commit and may be lost, so it is no part of what a decision must make durable."""

ROWS = """
SELECT array_agg(value) FROM {} t, jsonb_each_text(to_jsonb(t)) AS each (name, value)
WHERE value IS NOT NULL GROUP BY t.ctid
"""


@dataclass(frozen=True)
class PlainRow:
    """A real decision in a plain table: `decision` is the answer's text, `evidence` all else that it added.

    `rows` says over how many rows of its own tables Meridian spread the same bytes.
    """

    application_ref: str
    evidence: str
    decision: str
    rows: int

    @property
    def size(self) -> int:
        """Bytes of its texts, as sent to the server."""
        return len((self.application_ref + self.evidence + self.decision).encode())


def plain_row(running: Service) -> PlainRow:
    """Have some simulated applications decided, and take the one of middling size."""
    applications = requests(LOOKED_AT, SEED, datetime.now(UTC).date())
    connection = psycopg2.connect(libpq_dsn(running.settings.admin_url))
    try:
        connection.autocommit = True
        rows = [_added(running, connection, application) for application in applications]
    finally:
        connection.close()
    return sorted(rows, key=lambda row: row.size)[LOOKED_AT // 2]


def _added(running: Service, connection: psycopg2.extensions.connection, application: dict[str, object]) -> PlainRow:
    before = _contents(connection)
    ref = str(application["application_ref"])
    answer = running.decide(application, {"Idempotency-Key": ref})
    if answer.status != 201:
        raise AssertionError(f"no decision, but {answer.status}: {answer.body.decode()}")
    rows = _contents(connection) - before
    decision = answer.body.decode()
    values = [_as_long_as(value) for row in rows.elements() for value in row]
    for once in (ref, decision):
        # The row has columns of their own for these; where the record keeps them more than once, it pays for it.
        if once in values:
            values.remove(once)
    return PlainRow(ref, " ".join(values), decision, rows.total())


def _as_long_as(value: str) -> str:
    """Text as it is; bytes, which come as two hexadecimal digits each, as one digit each."""
    return value[2::2] if value.startswith("\\x") else value


def _contents(connection: psycopg2.extensions.connection) -> Counter[tuple[str, ...]]:
    """Every row of the database, as the texts of its values."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES, [THE_BELL])
        contents: Counter[tuple[str, ...]] = Counter()
        for table in cursor.fetchall():
            cursor.execute(sql.SQL(ROWS).format(sql.Identifier(*table)))
            contents.update(tuple(values) for (values,) in cursor.fetchall())
        return contents
