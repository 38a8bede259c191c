"""What is lent in each band: counted with each approval that governs, in the transaction that records it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

from meridian.db.engine import transaction
from meridian.record import Version

Lent = Mapping[tuple[str, str], int]
"""Cents by product and band."""

# What an application had lent goes out of the month that it was counted in.
TAKE_BACK = text("""
INSERT INTO work.exposure (application_id, version_id, product, band, month, cents)
SELECT application_id, :version_id, product, band, month, -sum(cents)
FROM work.exposure WHERE application_id = :application_id
GROUP BY application_id, product, band, month HAVING sum(cents) <> 0
""")
LEND = text("""
INSERT INTO work.exposure (application_id, version_id, product, band, month, cents)
VALUES (:application_id, :version_id, :product, :band, :month, :cents)
""")
LENT = text("""
SELECT product, band, sum(cents)::bigint AS cents FROM work.exposure
WHERE month = date_trunc('month', now() AT TIME ZONE 'UTC')::date GROUP BY product, band
""")


def lend(connection: Connection, version: Version) -> None:
    """Count a version that comes to govern, in place of whatever its application had lent before."""
    if version.governs_because is None:
        return
    ids = {"application_id": version.application_id, "version_id": version.id}
    connection.execute(TAKE_BACK, ids)
    if version.exposure is not None:
        connection.execute(LEND, {**ids, "product": version.document["product"], **version.exposure._asdict()})


@dataclass(frozen=True)
class PostgresExposures:
    """The sums as they stand in the decisions' database."""

    engine: Engine

    def lent(self) -> Lent:
        """What is lent in this month (UTC). Raises `Unavailable`."""
        with transaction(self.engine) as connection:
            return {(row.product, row.band): row.cents for row in connection.execute(LENT)}
