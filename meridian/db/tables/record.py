"""What was asked, known and decided."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, LargeBinary, SmallInteger, Table, Text, Uuid

from meridian.db.tables.columns import Hexadecimal, Moment, metadata

application = Table(
    "application",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("ref", Text),
    Column("product", Text),
    Column("applicant_id", Text),
    Column("caller", Text),
    Column("idempotency_key", Text),
    Column("request_sha256", Hexadecimal),
    Column("received_at", Moment),
    Column("row_sha256", LargeBinary),
    schema="record",
)

policy = Table(
    "policy",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Text),
    Column("document", Text),
    Column("added_at", Moment),
    Column("row_sha256", LargeBinary),
    schema="record",
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("application_id", Uuid, primary_key=True),
    Column("sha256", Hexadecimal),
    Column("rung", SmallInteger),
    Column("document", Text),
    Column("captured_at", Moment),
    Column("row_sha256", LargeBinary),
    schema="record",
)

version = Table(
    "version",
    metadata,
    Column("id", Uuid),
    Column("application_id", Uuid, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("evidence_id", Uuid),
    Column("stage", Text),
    Column("outcome", Text),
    Column("pd", Double),
    Column("model_sha256", Hexadecimal),
    Column("policy_version", Text),
    Column("decided_at", Moment),
    Column("decided_by", Text),
    Column("governs_because", Text),
    Column("document", Text),
    Column("row_sha256", LargeBinary),
    schema="record",
)

seal = Table(
    "seal",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("sealed_at", Moment),
    Column("leaves", LargeBinary),
    Column("root", Hexadecimal),
    Column("previous", Hexadecimal),
    Column("sha256", Hexadecimal),
    Column("key", Hexadecimal),
    Column("signature", Hexadecimal),
    schema="record",
)
