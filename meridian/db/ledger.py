"""The record as the auditor's program reads it: every row of every table, by the thousand, in one snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Connection, text

from meridian.record import Kind
from meridian.record.audit import TABLES, Finding, StoredRow
from meridian.record.rows import text_sha256
from meridian.record.seal import Seal

AT_ONCE = 2000
SEALS_AT_ONCE = 50
# A moment that no program of ours could have written (infinity, a year before Christ) is to be a finding, not an error.
IN_OUR_ERA = "BETWEEN '0001-01-02' AND '9999-12-30'"


def _micros(column: str) -> str:
    return f"CASE WHEN {column} {IN_OUR_ERA} THEN (extract(epoch FROM {column}) * 1000000)::bigint END"


# In the order in which `meridian.record.rows` hashes them; last the hash itself, and the long text, if there is one.
COLUMNS = {
    Kind.POLICY: f"id::text, version, {_micros('added_at')}, row_sha256, document",
    Kind.APPLICATION: "id::text, ref, product, applicant_id, caller, idempotency_key, encode(request_sha256, 'hex'), "
    f"{_micros('received_at')}, row_sha256",
    Kind.EVIDENCE: "id::text, application_id::text, encode(sha256, 'hex'), rung, "
    f"{_micros('captured_at')}, row_sha256, document",
    Kind.VERSION: "id::text, application_id::text, number, evidence_id::text, stage, outcome, pd, "
    f"encode(model_sha256, 'hex'), policy_version, {_micros('decided_at')}, decided_by, governs_because, "
    "row_sha256, document",
}


def _policy(row: Sequence[Any]) -> StoredRow:
    policy_id, version, added_at, sha256, document = row
    return StoredRow(policy_id, (policy_id, version, text_sha256(document), added_at), bytes(sha256))


def _application(row: Sequence[Any]) -> StoredRow:
    return StoredRow(row[0], tuple(row[:-1]), bytes(row[-1]))


def _evidence(row: Sequence[Any]) -> StoredRow:
    return StoredRow(row[0], tuple(row[:-2]), bytes(row[-2]), text=row[-1], text_sha256=row[2])


def _version(row: Sequence[Any]) -> StoredRow:
    return StoredRow(row[0], (*row[:-2], text_sha256(row[-1])), bytes(row[-2]))


READ: dict[Kind, Callable[[Sequence[Any]], StoredRow]] = {
    Kind.POLICY: _policy,
    Kind.APPLICATION: _application,
    Kind.EVIDENCE: _evidence,
    Kind.VERSION: _version,
}


def snapshot(connection: Connection) -> None:
    """From here on this transaction sees one moment, whatever is added meanwhile; and it takes the time it takes."""
    connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    connection.execute(text("SET LOCAL statement_timeout = 0"))


def count_rows(connection: Connection) -> int:
    """How many rows there are to be read."""
    counts = " + ".join(f"(SELECT count(*) FROM {table})" for table in TABLES.values())
    return int(connection.execute(text(f"SELECT {counts}")).scalar_one())


def stored_rows(connection: Connection, kind: Kind) -> Iterator[list[StoredRow]]:
    """All rows of a table, in chunks."""
    # A cursor of the driver's own: by the hundred thousand, SQLAlchemy's rows would take longer than the hashing.
    raw = _cursor(connection, f"audit_{kind.name.lower()}", AT_ONCE)
    raw.execute(f"SELECT {COLUMNS[kind]} FROM {TABLES[kind]}")
    read = READ[kind]
    # One chunk ahead: the server unpacks the next while this one is hashed.
    with ThreadPoolExecutor(1) as reader:
        following = reader.submit(raw.fetchmany, AT_ONCE)
        while chunk := following.result():
            following = reader.submit(raw.fetchmany, AT_ONCE)
            yield [read(row) for row in chunk]
    raw.close()


SEALED_AT = f"CASE WHEN sealed_at {IN_OUR_ERA} THEN sealed_at ELSE 'epoch' END"


def stored_seals(connection: Connection) -> Iterator[tuple[Seal, str]]:
    """Every seal in the order of its number, and the hash that is stored of it."""
    raw = _cursor(connection, "audit_seals", SEALS_AT_ONCE)
    hexadecimal = ", ".join(f"encode({name}, 'hex')" for name in ("root", "previous", "key", "signature", "sha256"))
    raw.execute(f"SELECT number, {SEALED_AT}, leaves, {hexadecimal} FROM record.seal ORDER BY number")
    for number, sealed_at, leaves, root, previous, key, signature, sha256 in raw:
        yield Seal(number, sealed_at, bytes(leaves), root, previous, key, signature), sha256
    raw.close()


def _cursor(connection: Connection, name: str, at_once: int) -> Any:
    cursor: Any = connection.connection.cursor(name=name)
    cursor.itersize = at_once
    return cursor


def broken_links(connection: Connection) -> Iterator[Finding]:
    """Applications whose versions do not count from one up, and rows whose application is not there."""
    numbers = """
        SELECT a.id::text, count(v.id), coalesce(max(v.number), 0) FROM record.application a
        LEFT JOIN record.version v ON v.application_id = a.id
        GROUP BY a.id HAVING count(v.id) = 0 OR count(v.id) <> max(v.number)
    """
    for application_id, there, highest in connection.execute(text(numbers)):
        yield Finding(f"record.application {application_id}", f"has {there} versions, numbered up to {highest}")
    for table in (TABLES[Kind.EVIDENCE], TABLES[Kind.VERSION]):
        orphans = (
            f"SELECT r.id::text, r.application_id::text FROM {table} r "
            "WHERE NOT EXISTS (SELECT FROM record.application a WHERE a.id = r.application_id)"
        )
        for row_id, application_id in connection.execute(text(orphans)):
            yield Finding(f"{table} {row_id}", f"belongs to application {application_id}, which is not there")
