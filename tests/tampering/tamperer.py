"""Who tampers: a superuser who knows the source, and how all of it is undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, Engine, text

from meridian.db import ledger, seals
from meridian.identity import new_id
from meridian.record import Kind, Leaf
from meridian.record.audit import TABLES
from meridian.record.rows import content_sha256
from meridian.record.seal import Seal, make_seal

ROW_TABLES = tuple(TABLES.values())
KEPT_TABLES = (*ROW_TABLES, "record.seal", "work.unsealed", "work.anchored")
KIND_OF = {table: kind for kind, table in TABLES.items()}


@dataclass
class Tamperer:
    """One who may do anything on the database's server and in the file of anchors; `true_key` was stolen."""

    connection: Connection
    random: Random
    anchors: Path
    true_key: Ed25519PrivateKey
    other_key: Ed25519PrivateKey
    columns: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.run("SET LOCAL session_replication_role = replica")
        described = self.rows(
            "SELECT attrelid::regclass::text AS table, attname, format_type(atttypid, atttypmod) AS type "
            "FROM pg_attribute WHERE attrelid = ANY (CAST(:tables AS regclass[])) AND attnum > 0 ORDER BY attnum",
            tables=list(KEPT_TABLES),
        )
        for table, column, kind in described:
            self.columns.setdefault(table, {})[column] = kind

    def run(self, sql: str, **values: Any) -> int:
        """Carry out a statement; how many rows it met."""
        return int(self.connection.execute(text(sql), values).rowcount)

    def rows(self, sql: str, **values: Any) -> Sequence[Any]:
        """What a query gives."""
        return self.connection.execute(text(sql), values).all()

    def some(self, table: str, n: int = 1, where: str = "true") -> list[UUID]:
        """The ids of so many rows of a table, by chance."""
        found = [row.id for row in self.rows(f"SELECT id FROM {table} WHERE {where} ORDER BY id")]
        return self.random.sample(found, min(n, len(found)))

    def one(self, table: str, where: str = "true") -> UUID:
        """The id of one row of a table, by chance."""
        return self.some(table, 1, where)[0]

    def rewrite(self, table: str, where: str, **changed: str) -> None:
        """Delete rows and put them back with other values in some columns (expressions over the old ones)."""
        columns = self.columns[table]
        self.run(f"CREATE TEMPORARY TABLE taken ON COMMIT DROP AS SELECT * FROM {table} WHERE {where}")
        self.run(f"DELETE FROM {table} WHERE {where}")
        values = ", ".join(changed.get(column, column) for column in columns)
        self.run(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM taken")
        self.run("DROP TABLE taken")

    def rehash(self, table: str, *ids: UUID) -> None:
        """Make the hashes of rows anew, so that they match their contents."""
        kind = KIND_OF[table]
        for row_id in ids:
            for row in self.rows(f"SELECT {ledger.COLUMNS[kind]} FROM {table} WHERE id = :id", id=row_id):
                made = content_sha256(kind, ledger.READ[kind](row).fields)
                self.run(f"UPDATE {table} SET row_sha256 = :made WHERE id = :id", made=made, id=row_id)

    def leaf(self, table: str, row_id: UUID) -> Leaf:
        """The leaf of a row as it stands."""
        (row,) = self.rows(f"SELECT row_sha256 FROM {table} WHERE id = :id", id=row_id)
        return Leaf(KIND_OF[table], row_id, bytes(row.row_sha256))

    def another(self, table: str, column: str) -> str:
        """An expression for another value of this column, one that the table's own checks let pass."""
        bit, later = self.random.randrange(256), self.random.randint(1, 10**9)
        by_name = {
            "id": f"'{uuid4()}'::uuid",
            "application_id": f"'{new_id()}'::uuid",
            "idempotency_key": "CASE WHEN idempotency_key IS NULL THEN '' END",
            "model_sha256": "CASE WHEN model_sha256 IS NULL THEN decode(repeat('ab', 32), 'hex') END",
            "stage": "CASE stage WHEN 'fast' THEN 'batch' ELSE 'fast' END",
            "outcome": "CASE outcome WHEN 'approve' THEN 'decline' ELSE 'approve' END",
            "rung": "(rung + 1) % 5",
            "number": "number + 100",
            # The next double, or next to it.
            "pd": "CASE WHEN pd IS NULL THEN 1e-300 ELSE pd * (1 - 2.220446049250313e-16) END",
        }
        by_type = {
            "text": f"coalesce({column}, '') || ' '",
            "timestamp with time zone": f"{column} + interval '1 microsecond' * {later}",
            "bytea": f"set_bit({column}, {bit}, 1 - get_bit({column}, {bit}))",
            "uuid": f"'{uuid4()}'::uuid",
        }
        return by_name.get(column) or by_type[self.columns[table][column]]

    @property
    def chain(self) -> list[Seal]:
        """All seals."""
        return list(seals.seals_after(self.connection, 0))

    def some_seal(self, least: int = 1) -> Seal:
        """One seal by chance, of at least so many rows."""
        return self.random.choice([seal for seal in self.chain if len(seal.leaves) >= least * Leaf.SIZE])

    def put_seal(self, seal: Seal) -> None:
        """Have this seal under its number."""
        self.run("DELETE FROM record.seal WHERE number = :number", number=seal.number)
        seals.add_seal(self.connection, seal)

    def made_anew(self, changed: Seal, key: Ed25519PrivateKey) -> list[int]:
        """Make a seal and all after it anew, each following the one before, and sign them; their numbers."""
        chain = self.chain
        before = chain[changed.number - 2] if changed.number > 1 else None
        for old in [changed, *chain[changed.number :]]:
            before = make_seal(old.split(), before=before, sealed_at=old.sealed_at, signing_key=key)
            self.put_seal(before)
        return [seal.number for seal in chain[changed.number - 1 :]]

    def cut(self, first: int) -> None:
        """Remove this seal, all after it, all rows they cover and all that waits; the sealer's note is set back."""
        waiting = seals.waiting_leaves(self.connection)
        leaves = [leaf for seal in self.chain[first - 1 :] for leaf in seal.split()] + Seal.leaves_in(waiting)
        for kind, table in TABLES.items():
            ids = [leaf.id for leaf in map(Leaf.unpacked, leaves) if leaf.kind is kind]
            self.run(f"DELETE FROM {table} WHERE id = ANY (:ids)", ids=ids)
        self.run("DELETE FROM work.unsealed")
        self.run("DELETE FROM record.seal WHERE number >= :first", first=first)
        self.run("UPDATE work.anchored SET number = least(number, :last)", last=first - 1)

    def restore(self, schema: str, *tables: str) -> None:
        """Put back tables as they were when `copy_tables` kept them."""
        for table in tables:
            self.run(f"DELETE FROM {table}")
            self.run(f"INSERT INTO {table} SELECT * FROM {kept_name(schema, table)}")

    @property
    def lines(self) -> list[str]:
        """The anchors."""
        return self.anchors.read_text().splitlines()

    def write_lines(self, lines: Sequence[str]) -> None:
        """Have these anchors and no others."""
        self.anchors.write_text("".join(line + "\n" for line in lines))


def kept_name(schema: str, table: str) -> str:
    """Where the copy of a table stands."""
    return f"{schema}.{table.replace('.', '_')}"


def copy_tables(engine: Engine, schema: str) -> None:
    """Keep a copy of the record, its seals and the notes of the sealer."""
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
        for table in KEPT_TABLES:
            connection.execute(text(f"CREATE TABLE {kept_name(schema, table)} AS TABLE {table}"))


@contextmanager
def undone(engine: Engine, schema: str, anchors: Path) -> Iterator[None]:
    """Afterwards the record is as `copy_tables` kept it, and so are the anchors."""
    lines = anchors.read_bytes()
    try:
        yield
    finally:
        anchors.write_bytes(lines)
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            for table in KEPT_TABLES:
                connection.execute(text(f"DELETE FROM {table}"))
                connection.execute(text(f"INSERT INTO {table} SELECT * FROM {kept_name(schema, table)}"))


Tampering = Callable[[Tamperer], set[str]]
TAMPERINGS: dict[str, Tampering] = {}


def tampering(function: Tampering) -> Tampering:
    """Enter a kind in the list."""
    TAMPERINGS[function.__name__] = function
    return function


def named(table: str, *ids: UUID) -> set[str]:
    """Rows as findings name them."""
    return {f"{table} {row_id}" for row_id in ids}


def seal_names(*numbers: int) -> set[str]:
    """Seals as findings name them."""
    return {f"seal {number}" for number in numbers}


def sealed_version(tamperer: Tamperer) -> UUID:
    """A version that is in a seal."""
    leaves = [Leaf.unpacked(leaf) for seal in tamperer.chain for leaf in seal.split()]
    return tamperer.random.choice([leaf.id for leaf in leaves if leaf.kind is Kind.VERSION])


def queue(tamperer: Tamperer, table: str, row_id: UUID) -> None:
    """Have a row wait to be sealed."""
    packed = tamperer.leaf(table, row_id).packed()
    tamperer.run("INSERT INTO work.unsealed (id, leaves) VALUES (:id, :packed)", id=uuid4(), packed=packed)


def waiting(tamperer: Tamperer, table: str) -> list[bytes]:
    """The packed leaves in a copy of the queue."""
    return [leaf for row in tamperer.rows(f"SELECT leaves FROM {table}") for leaf in Seal.leaves_in(bytes(row.leaves))]
