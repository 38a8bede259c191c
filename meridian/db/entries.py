"""What one decision adds to the record: all of it or nothing, and many at once in one statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from meridian.db.clock import MOST_SKEW_S, refuse_skew
from meridian.db.engine import concerns_all, is_cut, transaction
from meridian.db.group import GroupCommit
from meridian.db.prepared import Prepared
from meridian.db.replies import ReplyRow
from meridian.errors import Unavailable
from meridian.record import Application, EvidenceRow, Exposure, Version

CHECK_VIOLATION = "23514"


@dataclass(frozen=True)
class NewCase:
    """A case that opens with a decision."""

    id: UUID
    because: str


@dataclass(frozen=True)
class Entry:
    """A decided application: its rows, the job of its assessment (None where it needs none), its case if it waits for a
    person, and the replies that its evidence was made of.
    """

    application: Application
    evidence: EvidenceRow
    version: Version
    job_id: UUID | None
    case: NewCase | None
    replies: Sequence[ReplyRow] = ()

    @property
    def leaves(self) -> bytes:
        """Its rows' packed leaves."""
        return b"".join(row.leaf.packed() for row in (self.application, self.evidence, self.version))


# What a statement takes: a column of each of these, one value an entry.
PARAMETERS = {
    "id": "uuid[]",
    "ref": "text[]",
    "product": "text[]",
    "applicant_id": "text[]",
    "caller": "text[]",
    "idempotency_key": "text[]",
    "request_sha256": "bytea[]",
    "received_at": "timestamptz[]",
    "application_sha256": "bytea[]",
    "evidence_id": "uuid[]",
    "evidence_sha256": "bytea[]",
    "rung": "smallint[]",
    "evidence": "text[]",
    "captured_at": "timestamptz[]",
    "evidence_row_sha256": "bytea[]",
    "version_id": "uuid[]",
    "number": "bigint[]",
    "stage": "text[]",
    "outcome": "text[]",
    "pd": "float8[]",
    "model_sha256": "bytea[]",
    "policy_version": "text[]",
    "decided_at": "timestamptz[]",
    "decided_by": "text[]",
    "governs_because": "text[]",
    "version": "text[]",
    "version_sha256": "bytea[]",
    "band": "text[]",
    "month": "date[]",
    "cents": "bigint[]",
    "job_id": "uuid[]",
    "case_id": "uuid[]",
    "because": "text[]",
    "leaves": "bytea[]",
    # And these, with a value for each reply.
    "replied_to": "uuid[]",
    "reply_id": "uuid[]",
    "reply_source": "text[]",
    "provider": "text[]",
    "reply_applicant": "text[]",
    "reply_as_of": "timestamptz[]",
    "reply": "bytea[]",
    "most_skew_s": "float8",
}

# One statement, so that it is one round trip and one commit, and so that who comes second under a reference or a key
# (it waits for the first to commit) adds nothing at all, without an error that would take its neighbours along.
ADD_ENTRIES = """
WITH won AS (
    INSERT INTO record.application (id, ref, product, applicant_id, caller, idempotency_key, request_sha256,
                                    received_at, row_sha256)
    SELECT * FROM unnest({id}, {ref}, {product}, {applicant_id}, {caller}, {idempotency_key}, {request_sha256},
                         {received_at}, {application_sha256})
        AS a (id, ref, product, applicant_id, caller, idempotency_key, request_sha256, received_at, row_sha256)
    WHERE abs(extract(epoch FROM now() - a.received_at)) <= {most_skew_s}
    ON CONFLICT DO NOTHING RETURNING id
), captured AS (
    INSERT INTO record.evidence (application_id, id, sha256, rung, document, captured_at, row_sha256)
    SELECT e.* FROM unnest({id}, {evidence_id}, {evidence_sha256}, {rung}, {evidence}, {captured_at},
                           {evidence_row_sha256}) AS e (application_id)
    JOIN won ON won.id = e.application_id
), decided AS (
    INSERT INTO record.version (application_id, id, number, evidence_id, stage, outcome, pd, model_sha256,
                                policy_version, decided_at, decided_by, governs_because, document, row_sha256)
    SELECT v.* FROM unnest({id}, {version_id}, {number}, {evidence_id}, {stage}, {outcome}, {pd}, {model_sha256},
                           {policy_version}, {decided_at}, {decided_by}, {governs_because}, {version},
                           {version_sha256}) AS v (application_id)
    JOIN won ON won.id = v.application_id
), lent AS (
    INSERT INTO work.exposure (application_id, version_id, product, band, month, cents)
    SELECT x.* FROM unnest({id}, {version_id}, {product}, {band}, {month}, {cents})
        AS x (application_id, version_id, product, band, month, cents)
    JOIN won ON won.id = x.application_id
    WHERE x.cents IS NOT NULL
), asked_for AS (
    INSERT INTO work.job (application_id, id, version_id, created_at)
    SELECT j.* FROM unnest({id}, {job_id}, {version_id}, {decided_at}) AS j (application_id)
    JOIN won ON won.id = j.application_id
), referred AS (
    INSERT INTO work.review_case (application_id, id, because, opened_at)
    SELECT c.* FROM unnest({id}, {case_id}, {because}, {decided_at}) AS c (application_id, id)
    JOIN won ON won.id = c.application_id
    WHERE c.id IS NOT NULL
), kept AS (
    INSERT INTO work.reply (id, source, provider, applicant_id, as_of, document)
    SELECT r.id, r.source, r.provider, r.applicant_id, r.as_of, r.document
    FROM unnest({replied_to}, {reply_id}, {reply_source}, {provider}, {reply_applicant}, {reply_as_of}, {reply})
        AS r (application_id, id, source, provider, applicant_id, as_of, document)
    JOIN won ON won.id = r.application_id
), to_be_sealed AS (
    INSERT INTO work.unsealed (id, leaves)
    SELECT min(won.id::text)::uuid, string_agg(l.leaves, ''::bytea)
    FROM unnest({id}, {leaves}) AS l (application_id, leaves)
    JOIN won ON won.id = l.application_id
    HAVING count(*) > 0
)
SELECT now() AS now, ARRAY(SELECT id::text FROM won) AS added
"""
ADD = Prepared("add_entries", ADD_ENTRIES, PARAMETERS)


def entry_recorder(engine: Engine, *, together: bool) -> Callable[[Entry], bool]:
    """Records a decision; returns when it is durable, False where its key or reference is taken.

    `together`: what comes at one moment shares a commit.
    """

    def add(entries: Sequence[Entry]) -> list[bool]:
        added = commit_entries(engine, entries)
        return [entry.application.id in added for entry in entries]

    return GroupCommit(add, concerns_all) if together else lambda entry: add([entry])[0]


def commit_entries(engine: Engine, entries: Sequence[Entry]) -> set[UUID]:
    """Add these entries and commit; the ids of the applications that were added.

    Not added is who came second under an idempotency key or a reference. `engine` commits each statement.
    Where the connection is cut in the middle it is not known whether that was before or after the commit, so it is
    tried once more: what the first attempt did commit then stands in its own way, under its own id.
    Raises `Unavailable` where the database does not answer, or its clock and ours are apart.
    """
    try:
        return _add(engine, entries)
    except Unavailable as error:
        if not is_cut(error):
            raise
        return _add(engine, entries)


def _add(engine: Engine, entries: Sequence[Entry]) -> set[UUID]:
    with transaction(engine) as connection:
        try:
            row = ADD.run(connection, _columns(entries)).one()
        except IntegrityError as error:
            _refuse_month(error)
            raise
    if not row.added:
        refuse_skew(row.now, entries[0].application.received_at)
    return {UUID(one) for one in row.added}


def _columns(entries: Sequence[Entry]) -> dict[str, Any]:
    # In one order everywhere: two processes that bring the same keys wait for one another, not both for each other.
    ordered = sorted(
        entries, key=lambda e: (e.application.caller, e.application.idempotency_key or "", e.application.ref)
    )

    def column(path: str) -> list[Any]:
        return list(map(attrgetter(path), ordered))

    def ids(path: str) -> list[str | None]:
        return [None if one is None else str(one) for one in column(path)]

    def hashes(path: str) -> list[bytes | None]:
        return [None if one is None else bytes.fromhex(one) for one in column(path)]

    lent = column("version.exposure")
    return {
        **{
            name: column(f"application.{name}")
            for name in ("ref", "product", "applicant_id", "caller", "idempotency_key", "received_at")
        },
        **{
            name: column(f"version.{name}")
            for name in ("number", "pd", "policy_version", "decided_at", "decided_by", "governs_because")
        },
        "id": ids("application.id"),
        "request_sha256": hashes("application.request_sha256"),
        "application_sha256": column("application.leaf.sha256"),
        "evidence_id": ids("evidence.id"),
        "evidence_sha256": hashes("evidence.evidence.sha256"),
        "rung": [int(one) for one in column("evidence.evidence.rung")],
        "evidence": column("evidence.evidence.text"),
        "captured_at": column("evidence.captured_at"),
        "evidence_row_sha256": column("evidence.leaf.sha256"),
        "version_id": ids("version.id"),
        "stage": [one.value for one in column("version.stage")],
        "outcome": [one.value for one in column("version.outcome")],
        "model_sha256": hashes("version.model_sha256"),
        "version": column("version.text"),
        "version_sha256": column("version.leaf.sha256"),
        **{name: [one and getattr(one, name) for one in lent] for name in Exposure._fields},
        "job_id": ids("job_id"),
        "case_id": [None if one is None else str(one.id) for one in column("case")],
        "because": [None if one is None else one.because for one in column("case")],
        "leaves": column("leaves"),
        **_reply_columns(ordered),
        "most_skew_s": MOST_SKEW_S,
    }


def _reply_columns(entries: Sequence[Entry]) -> dict[str, list[Any]]:
    replies = [(entry.application.id, reply) for entry in entries for reply in entry.replies]
    return {
        "replied_to": [str(application_id) for application_id, _ in replies],
        "reply_id": [str(reply.id) for _, reply in replies],
        "reply_source": [reply.source for _, reply in replies],
        "provider": [reply.provider for _, reply in replies],
        "reply_applicant": [reply.applicant_id for _, reply in replies],
        "reply_as_of": [reply.as_of for _, reply in replies],
        "reply": [reply.document for _, reply in replies],
    }


def _refuse_month(error: IntegrityError) -> None:
    """A check that has no name is that of a table's partitions: there is none for the month."""
    refused: Any = error.orig
    if refused.pgcode == CHECK_VIOLATION and refused.diag.constraint_name is None:
        raise Unavailable(
            f"Nothing is recorded: {refused.diag.schema_name}.{refused.diag.table_name} has no partition for this "
            "month. Workers make the coming months' hourly, when the schedule tells them: see that both run."
        ) from error
