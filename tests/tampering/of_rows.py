"""Rows edited, deleted, swapped, moved and forged; those that are sealed, and those that wait to be."""

from __future__ import annotations

from meridian.identity import new_id
from meridian.record import Leaf
from meridian.record.audit import TABLES
from meridian.record.seal import Seal
from tests.tampering.tamperer import (
    ROW_TABLES,
    Tamperer,
    named,
    queue,
    sealed_version,
    tampering,
    waiting,
)


def edit(tamperer: Tamperer, *, with_hash: bool) -> set[str]:
    """Another value in one column of one row."""
    table = tamperer.random.choice(ROW_TABLES)
    columns = [name for name in tamperer.columns[table] if not (with_hash and name in ("row_sha256", "id"))]
    column = tamperer.random.choice(columns)
    row_id = tamperer.one(table)
    expression = tamperer.another(table, column)
    if column == "id":
        tamperer.run(f"UPDATE {table} SET id = {expression} WHERE id = :id", id=row_id)
        return named(table, row_id)
    tamperer.run(f"UPDATE {table} SET {column} = {expression} WHERE id = :id", id=row_id)
    if with_hash:
        tamperer.rehash(table, row_id)
    return named(table, row_id)


@tampering
def edit_a_column(tamperer: Tamperer) -> set[str]:
    """And leave the hash as it is, or change the hash alone."""
    return edit(tamperer, with_hash=False)


@tampering
def edit_a_column_and_its_hash(tamperer: Tamperer) -> set[str]:
    """Make the row's hash anew to match."""
    return edit(tamperer, with_hash=True)


@tampering
def edit_a_decision_everywhere(tamperer: Tamperer) -> set[str]:
    """The outcome in the column and in the document, and the row's hash made anew."""
    row_id = tamperer.one("record.version")
    tamperer.run(
        'UPDATE record.version SET document = replace(document, format(\'"outcome":"%s"\', outcome), '
        "format('\"outcome\":\"%s\"', CASE outcome WHEN 'approve' THEN 'decline' ELSE 'approve' END)), "
        "outcome = CASE outcome WHEN 'approve' THEN 'decline' ELSE 'approve' END WHERE id = :id",
        id=row_id,
    )
    tamperer.rehash("record.version", row_id)
    return named("record.version", row_id)


@tampering
def edit_evidence_and_all_its_hashes(tamperer: Tamperer) -> set[str]:
    """The document, the hash that is its name, and the row's hash."""
    row_id = tamperer.one("record.evidence")
    tamperer.run("UPDATE record.evidence SET document = replace(document, '1', '2') WHERE id = :id", id=row_id)
    tamperer.run("UPDATE record.evidence SET sha256 = sha256(convert_to(document, 'UTF8')) WHERE id = :id", id=row_id)
    tamperer.rehash("record.evidence", row_id)
    return named("record.evidence", row_id)


@tampering
def edit_and_queue_it_to_be_sealed(tamperer: Tamperer) -> set[str]:
    """With a leaf that waits, as if the edited row had just been recorded."""
    row_id = sealed_version(tamperer)
    tamperer.run("UPDATE record.version SET decided_by = 'somebody else' WHERE id = :id", id=row_id)
    tamperer.rehash("record.version", row_id)
    queue(tamperer, "record.version", row_id)
    return named("record.version", row_id)


@tampering
def delete_rows(tamperer: Tamperer) -> set[str]:
    """A few rows of one table."""
    table = tamperer.random.choice(ROW_TABLES)
    gone = tamperer.some(table, tamperer.random.randint(1, 4))
    tamperer.run(f"DELETE FROM {table} WHERE id = ANY (:ids)", ids=gone)
    return named(table, *gone)


@tampering
def delete_an_application_with_all_that_belongs_to_it(tamperer: Tamperer) -> set[str]:
    """As if it had never been made."""
    application_id = tamperer.one("record.application")
    gone = set[str]()
    for table, column in (("record.version", "application_id"), ("record.evidence", "application_id")):
        ids = [row.id for row in tamperer.rows(f"SELECT id FROM {table} WHERE {column} = :id", id=application_id)]
        tamperer.run(f"DELETE FROM {table} WHERE {column} = :id", id=application_id)
        gone |= named(table, *ids)
    tamperer.run("DELETE FROM record.application WHERE id = :id", id=application_id)
    return gone | named("record.application", application_id)


@tampering
def delete_the_last_version_of_an_application(tamperer: Tamperer) -> set[str]:
    """So that an earlier one governs again, and the numbers have no gap."""
    last = (
        "NOT EXISTS (SELECT FROM record.version v WHERE v.application_id = version.application_id "
        "AND v.number > version.number)"
    )
    row_id = tamperer.one("record.version", f"number > 1 AND {last}")
    tamperer.run("DELETE FROM record.version WHERE id = :id", id=row_id)
    return named("record.version", row_id)


@tampering
def empty_a_table(tamperer: Tamperer) -> set[str]:
    """All of its rows."""
    table = tamperer.random.choice(ROW_TABLES)
    ids = tamperer.some(table, 10**9)
    tamperer.run(f"DELETE FROM {table}")
    return named(table, *ids)


@tampering
def swap_the_ids_of_two_rows(tamperer: Tamperer) -> set[str]:
    """Which is to swap all else of them; their hashes may be made anew."""
    table = tamperer.random.choice(("record.application", "record.evidence", "record.version"))
    one, other = tamperer.some(table, 2)
    swapped = f"CASE id WHEN '{one}' THEN '{other}'::uuid ELSE '{one}'::uuid END"
    tamperer.rewrite(table, f"id IN ('{one}', '{other}')", id=swapped)
    if tamperer.random.random() < 0.5:
        tamperer.rehash(table, one, other)
    return named(table, one, other)


@tampering
def swap_the_contents_of_two_rows(tamperer: Tamperer) -> set[str]:
    """One column of them, with their hashes made anew or not."""
    table, column = tamperer.random.choice(
        [("record.application", "applicant_id"), ("record.evidence", "document"), ("record.version", "document"),
         ("record.version", "decided_at"), ("record.version", "id"), ("record.evidence", "row_sha256")]
    )  # fmt: skip
    one, other = tamperer.some(table, 2)
    other_value = f"(SELECT o.{column} FROM taken o WHERE o.id <> taken.id)"
    tamperer.rewrite(table, f"id IN ('{one}', '{other}')", **{column: other_value})
    if column != "row_sha256" and tamperer.random.random() < 0.5:
        tamperer.rehash(table, one, other)
    return named(table, one, other)


@tampering
def swap_the_numbers_of_two_versions(tamperer: Tamperer) -> set[str]:
    """Of one application, so that the other one came last."""
    second = tamperer.one("record.version", "number = 2")
    (row,) = tamperer.rows(
        "SELECT id FROM record.version WHERE number = 1 AND application_id = "
        "(SELECT application_id FROM record.version WHERE id = :id)",
        id=second,
    )
    ids = f"id IN ('{second}', '{row.id}')"
    tamperer.rewrite("record.version", ids, number="3 - number", governs_because="'first decision'")
    tamperer.rehash("record.version", second, row.id)
    return named("record.version", second, row.id)


@tampering
def move_a_row_to_another_application(tamperer: Tamperer) -> set[str]:
    """A version or a capture of one applicant in the record of another."""
    table = tamperer.random.choice(("record.evidence", "record.version"))
    row_id = tamperer.one(table)
    other = tamperer.one("record.application", f"id <> (SELECT application_id FROM {table} WHERE id = '{row_id}')")
    changed = {"application_id": f"'{other}'::uuid", **({"number": "number + 50"} if "version" in table else {})}
    tamperer.rewrite(table, f"id = '{row_id}'", **changed)
    tamperer.rehash(table, row_id)
    return named(table, row_id)


@tampering
def insert_a_forged_version(tamperer: Tamperer) -> set[str]:
    """After the last of an application, with its own hash right."""
    row_id, forged = sealed_version(tamperer), new_id()
    columns = tamperer.columns["record.version"]
    changed = {"id": f"'{forged}'::uuid", "number": "number + 10", "governs_because": "'corrected'"}
    values = ", ".join(changed.get(column, column) for column in columns)
    tamperer.run(
        f"INSERT INTO record.version ({', '.join(columns)}) SELECT {values} FROM record.version WHERE id = :id",
        id=row_id,
    )
    tamperer.rehash("record.version", forged)
    return named("record.version", forged)


@tampering
def insert_a_forged_application(tamperer: Tamperer) -> set[str]:
    """With evidence and decision, every hash right."""
    application, forged = tamperer.one("record.application"), new_id()
    made = set[str]()
    for table, key in (("record.application", "id"), ("record.evidence", "application_id"),
                       ("record.version", "application_id")):  # fmt: skip
        (row, *_) = tamperer.rows(f"SELECT id FROM {table} WHERE {key} = :id", id=application)
        new = forged if key == "id" else new_id()
        changed = {"ref": f"'{forged}'", "idempotency_key": "NULL", "application_id": f"'{forged}'::uuid"}
        changed["id"] = f"'{new}'::uuid"
        columns = tamperer.columns[table]
        values = ", ".join(changed.get(column, column) for column in columns)
        tamperer.run(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE id = :id", id=row.id
        )
        tamperer.rehash(table, new)
        made |= named(table, new)
    return made


@tampering
def insert_a_forged_policy(tamperer: Tamperer) -> set[str]:
    """Terms that nobody ever decided by."""
    return named("record.policy", forge_policy(tamperer).id)


def forge_policy(tamperer: Tamperer) -> Leaf:
    """Store terms of another name, with their own hash right; their leaf."""
    forged = new_id()
    tamperer.run(
        "INSERT INTO record.policy (id, version, document, added_at, row_sha256) "
        "SELECT :id, version || '-x', document, added_at, row_sha256 FROM record.policy LIMIT 1",
        id=forged,
    )
    tamperer.rehash("record.policy", forged)
    return tamperer.leaf("record.policy", forged)


@tampering
def edit_a_row_that_waits(tamperer: Tamperer) -> set[str]:
    """Its leaf waits with the hash of what it was."""
    leaf = Leaf.unpacked(tamperer.random.choice(waiting(tamperer, "work.unsealed")))
    table = TABLES[leaf.kind]
    column = {"record.application": "caller", "record.evidence": "captured_at", "record.version": "decided_at"}[table]
    changed = tamperer.another(table, column)
    tamperer.run(f"UPDATE {table} SET {column} = {changed} WHERE id = :id", id=leaf.id)
    tamperer.rehash(table, leaf.id)
    return named(table, leaf.id)


@tampering
def delete_a_row_that_waits(tamperer: Tamperer) -> set[str]:
    """Its leaf waits on."""
    leaf = Leaf.unpacked(tamperer.random.choice(waiting(tamperer, "work.unsealed")))
    tamperer.run(f"DELETE FROM {TABLES[leaf.kind]} WHERE id = :id", id=leaf.id)
    return named(TABLES[leaf.kind], leaf.id)


@tampering
def take_rows_out_of_the_queue(tamperer: Tamperer) -> set[str]:
    """So that they would never be sealed."""
    taken = tamperer.one("work.unsealed")
    (row,) = tamperer.rows("SELECT leaves FROM work.unsealed WHERE id = :id", id=taken)
    tamperer.run("DELETE FROM work.unsealed WHERE id = :id", id=taken)
    return {f"{TABLES[leaf.kind]} {leaf.id}" for leaf in map(Leaf.unpacked, Seal.leaves_in(bytes(row.leaves)))}
