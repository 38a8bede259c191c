"""What the decisions of many add to the record, in one transaction and by COPY."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from meridian.db.clock import compare_clocks
from meridian.db.copying import copy_rows
from meridian.db.entries import Entry
from meridian.record import Application

APPLICATION = (
    "id", "ref", "product", "applicant_id", "caller", "idempotency_key", "request_sha256", "received_at", "row_sha256",
)  # fmt: skip
EVIDENCE = ("application_id", "id", "sha256", "rung", "document", "captured_at", "row_sha256")
VERSION = (
    "application_id", "id", "number", "evidence_id", "stage", "outcome", "pd", "model_sha256", "policy_version",
    "decided_at", "decided_by", "governs_because", "document", "row_sha256",
)  # fmt: skip
EXPOSURE = ("application_id", "version_id", "product", "band", "month", "cents")
CASE = ("application_id", "id", "because", "opened_at")
LEAVES_AT_ONCE = 500
"""Entries whose leaves are sealed together at most: a seal takes so many commits at once, of a size like this."""


def copy_entries(connection: Connection, entries: Sequence[Entry]) -> set[UUID]:
    """Add these entries; the ids of the applications that were added. Not added is who comes under a taken reference.

    Raises `Unavailable` where the database's clock and ours are apart.
    """
    if not entries:
        return set()
    # Statements of thousands of rows take longer than any that somebody waits for.
    connection.execute(text("SET LOCAL statement_timeout = '10min'"))
    compare_clocks(connection, entries[0].version.decided_at)
    won = _add_applications(connection, [one.application for one in entries])
    added = [one for one in entries if one.application.id in won]
    copy_rows(connection, "record.evidence", EVIDENCE, map(_evidence, added))
    copy_rows(connection, "record.version", VERSION, map(_version, added))
    copy_rows(connection, "work.exposure", EXPOSURE, _exposures(added))
    cases = [(one.application.id, one.case.id, one.case.because, one.version.decided_at) for one in added if one.case]
    copy_rows(connection, "work.review_case", CASE, cases)
    leaves = [added[start : start + LEAVES_AT_ONCE] for start in range(0, len(added), LEAVES_AT_ONCE)]
    together = [(some[0].application.id, b"".join(one.leaves for one in some)) for some in leaves]
    copy_rows(connection, "work.unsealed", ("id", "leaves"), together)
    return won


def _add_applications(connection: Connection, applications: Iterable[Application]) -> set[UUID]:
    connection.execute(text("CREATE TEMP TABLE arriving_application (LIKE record.application) ON COMMIT DROP"))
    rows = (
        (one.id, one.ref, one.product, one.applicant_id, one.caller, one.idempotency_key,
         bytes.fromhex(one.request_sha256), one.received_at, one.leaf.sha256)
        for one in applications
    )  # fmt: skip
    copy_rows(connection, "arriving_application", APPLICATION, rows)
    # In the order in which they came: of two under one reference the first is decided.
    names = ", ".join(APPLICATION)
    add = f"INSERT INTO record.application ({names}) SELECT {names} FROM arriving_application ORDER BY id"  # noqa: S608  # our own words
    won = set(connection.execute(text(f"{add} ON CONFLICT DO NOTHING RETURNING id")).scalars())
    connection.execute(text("DROP TABLE arriving_application"))
    return won


def _evidence(entry: Entry) -> tuple[object, ...]:
    row = entry.evidence
    return (
        entry.application.id, row.id, bytes.fromhex(row.evidence.sha256), int(row.evidence.rung), row.evidence.text,
        row.captured_at, row.leaf.sha256,
    )  # fmt: skip


def _version(entry: Entry) -> tuple[object, ...]:
    one = entry.version
    return (
        one.application_id, one.id, one.number, one.evidence_id, one.stage.value, one.outcome.value, one.pd,
        bytes.fromhex(one.model_sha256) if one.model_sha256 else None, one.policy_version, one.decided_at,
        one.decided_by, one.governs_because, one.text, one.leaf.sha256,
    )  # fmt: skip


def _exposures(entries: Iterable[Entry]) -> Iterable[tuple[object, ...]]:
    for one in entries:
        lent = one.version.exposure
        if lent is not None:
            yield one.application.id, one.version.id, one.application.product, lent.band, lent.month, lent.cents
