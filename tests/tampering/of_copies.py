"""Older copies put back: of a row, a table, the seals, the queue, the whole ledger."""

from __future__ import annotations

from meridian.record import Leaf
from meridian.record.audit import TABLES
from tests.tampering.tamperer import (
    KEPT_TABLES,
    ROW_TABLES,
    Tamperer,
    kept_name,
    named,
    seal_names,
    tampering,
    waiting,
)


@tampering
def restore_an_older_copy_of_a_row(tamperer: Tamperer) -> set[str]:
    """A row is deleted and put back as it would have been before a correction."""
    table = tamperer.random.choice(ROW_TABLES)
    column = tamperer.random.choice([name for name in tamperer.columns[table] if name not in ("id", "row_sha256")])
    row_id = tamperer.one(table)
    tamperer.rewrite(table, f"id = '{row_id}'", **{column: tamperer.another(table, column)})
    tamperer.rehash(table, row_id)
    return named(table, row_id)


@tampering
def restore_an_older_copy_of_a_table(tamperer: Tamperer) -> set[str]:
    """What was added to it since is gone."""
    table = tamperer.random.choice(("record.application", "record.evidence", "record.version"))
    since = f"SELECT id FROM {table} EXCEPT SELECT id FROM {kept_name('early', table)}"
    gone = [row.id for row in tamperer.rows(since)]
    tamperer.restore("early", table)
    return named(table, *gone)


@tampering
def restore_an_older_copy_of_the_seals(tamperer: Tamperer) -> set[str]:
    """The rows stay."""
    (row,) = tamperer.rows(f"SELECT max(number) AS last FROM {kept_name('early', 'record.seal')}")
    tamperer.restore("early", "record.seal")
    return seal_names(row.last + 1)


@tampering
def restore_an_older_copy_of_the_whole_ledger(tamperer: Tamperer) -> set[str]:
    """Everything as it was: rows, seals, what waited, and how far it was anchored."""
    (row,) = tamperer.rows(f"SELECT max(number) AS last FROM {kept_name('early', 'record.seal')}")
    tamperer.restore("early", *KEPT_TABLES)
    return seal_names(row.last + 1)


@tampering
def restore_an_older_copy_of_what_waits(tamperer: Tamperer) -> set[str]:
    """Rows that were sealed wait again, and those that wait do no more."""
    early = [Leaf.unpacked(leaf) for leaf in waiting(tamperer, kept_name("early", "work.unsealed"))]
    now = [Leaf.unpacked(leaf) for leaf in waiting(tamperer, "work.unsealed")]
    tamperer.restore("early", "work.unsealed")
    return {f"{TABLES[leaf.kind]} {leaf.id}" for leaf in early + now}
