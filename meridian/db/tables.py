"""The tables as SQLAlchemy Core sees them. The migrations make them; a test holds the two equal."""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, Column, DateTime, Double, MetaData, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()
Moment = DateTime(timezone=True)

application = Table(
    "application",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("ref", Text),
    Column("product", Text),
    Column("applicant_id", Text),
    Column("caller", Text),
    Column("received_at", Moment),
    schema="record",
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("application_id", Uuid),
    Column("sha256", Text),
    Column("rung", SmallInteger),
    Column("document", JSONB),
    Column("captured_at", Moment),
    schema="record",
)

version = Table(
    "version",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("application_id", Uuid),
    Column("number", BigInteger),
    Column("evidence_id", Uuid),
    Column("stage", Text),
    Column("outcome", Text),
    Column("pd", Double),
    Column("model_sha256", Text),
    Column("policy_version", Text),
    Column("decided_at", Moment),
    Column("decided_by", Text),
    Column("document", JSONB),
    schema="record",
)

governing = Table(
    "governing",
    metadata,
    Column("application_id", Uuid, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("version_id", Uuid),
    Column("since", Moment),
    Column("because", Text),
    schema="record",
)

reply = Table(
    "reply",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("idempotency_key", Text, primary_key=True),
    Column("request_sha256", Text),
    Column("version_id", Uuid),
    Column("body", Text),
    Column("created_at", Moment),
    schema="record",
)

job = Table(
    "job",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("application_id", Uuid),
    Column("version_id", Uuid),
    Column("state", Text),
    Column("attempts", BigInteger),
    Column("lease_until", Moment),
    Column("rung_at", Moment),
    Column("error", Text),
    Column("created_at", Moment),
    Column("done_at", Moment),
    schema="work",
)

review_case = Table(
    "review_case",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("application_id", Uuid),
    Column("because", Text),
    Column("state", Text),
    Column("opened_at", Moment),
    Column("claimed_by", Text),
    Column("claimed_until", Moment),
    Column("settled_by", Text),
    Column("settled_at", Moment),
    schema="work",
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text),
    Column("secret_sha256", Text),
    Column("scopes", ARRAY(Text)),
    Column("created_at", Moment),
    Column("revoked_at", Moment),
    schema="access",
)

analyst = Table(
    "analyst",
    metadata,
    Column("username", Text, primary_key=True),
    Column("password_hash", Text),
    Column("created_at", Moment),
    schema="access",
)

history_load = Table(
    "history_load",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("as_of", Moment),
    Column("known_at", Moment),
    Column("applicants", BigInteger),
    schema="online",
)

history = Table(
    "history",
    metadata,
    Column("applicant_id", Text, primary_key=True),
    Column("loans", BigInteger),
    Column("worst_days_late", BigInteger),
    Column("as_of", Moment),
    Column("known_at", Moment),
    schema="online",
)
