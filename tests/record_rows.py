"""How much stands in the database: what a refused call must leave as it was."""

from __future__ import annotations

from meridian.db.tables import metadata
from tests.services import Service

COUNTS = " UNION ALL ".join(f"SELECT '{table}', count(*) FROM {table}" for table in metadata.sorted_tables)


def count_rows(service: Service) -> dict[str, int]:
    """Rows of every table, by the table's name."""
    return {str(table): int(rows) for table, rows in service.query(COUNTS)}
