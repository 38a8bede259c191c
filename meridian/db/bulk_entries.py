"""What the decisions of many add to the record, in one transaction and by COPY."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from meridian.db.clock import compare_clocks
from meridian.db.copying import copy_rows
from meridian.db.entries import Entry

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


@dataclass(frozen=True)
class Rows:
    """What a decided application adds, as rows of texts and numbers: a tenth of what its documents take in memory."""

    id: UUID
    application: tuple[object, ...]
    evidence: tuple[object, ...]
    version: tuple[object, ...]
    exposure: tuple[object, ...] | None
    case: tuple[object, ...] | None
    leaves: bytes

    @classmethod
    def of(cls, entry: Entry) -> Rows:
        """The rows of an entry that needs no assessment."""
        return cls(
            entry.application.id, _application(entry), _evidence(entry), _version(entry), _exposure(entry),
            _case(entry), entry.leaves,
        )  # fmt: skip


def copy_rows_of(connection: Connection, rows: Sequence[Rows], decided_at: datetime) -> set[UUID]:
    """Add these; the ids of the applications that were added. Not added is who comes under a taken reference.

    Raises `Unavailable` where the database's clock and ours are apart.
    """
    # Statements of thousands of rows take longer than any that somebody waits for.
    connection.execute(text("SET LOCAL statement_timeout = '10min'"))
    compare_clocks(connection, decided_at)
    won = _add_applications(connection, [one.application for one in rows])
    added = [one for one in rows if one.id in won]
    copy_rows(connection, "record.evidence", EVIDENCE, [one.evidence for one in added])
    copy_rows(connection, "record.version", VERSION, [one.version for one in added])
    copy_rows(connection, "work.exposure", EXPOSURE, [one.exposure for one in added if one.exposure])
    copy_rows(connection, "work.review_case", CASE, [one.case for one in added if one.case])
    blocks = [added[start : start + LEAVES_AT_ONCE] for start in range(0, len(added), LEAVES_AT_ONCE)]
    sealed = [(block[0].id, b"".join(one.leaves for one in block)) for block in blocks]
    copy_rows(connection, "work.unsealed", ("id", "leaves"), sealed)
    return won


def _add_applications(connection: Connection, rows: Sequence[tuple[object, ...]]) -> set[UUID]:
    connection.execute(text("CREATE TEMP TABLE arriving_application (LIKE record.application) ON COMMIT DROP"))
    copy_rows(connection, "arriving_application", APPLICATION, rows)
    # In the order in which they came: of two under one reference the first is decided.
    names = ", ".join(APPLICATION)
    add = f"INSERT INTO record.application ({names}) SELECT {names} FROM arriving_application ORDER BY id"  # noqa: S608  # our own words
    won = set(connection.execute(text(f"{add} ON CONFLICT DO NOTHING RETURNING id")).scalars())
    connection.execute(text("DROP TABLE arriving_application"))
    return won


def _application(entry: Entry) -> tuple[object, ...]:
    one = entry.application
    return (
        one.id, one.ref, one.product, one.applicant_id, one.caller, one.idempotency_key,
        bytes.fromhex(one.request_sha256), one.received_at, one.leaf.sha256,
    )  # fmt: skip


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


def _exposure(entry: Entry) -> tuple[object, ...] | None:
    one, lent = entry.application, entry.version.exposure
    return (one.id, entry.version.id, one.product, lent.band, lent.month, lent.cents) if lent else None


def _case(entry: Entry) -> tuple[object, ...] | None:
    one = entry.case
    return (entry.application.id, one.id, one.because, entry.version.decided_at) if one else None
