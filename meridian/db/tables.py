"""The tables as SQLAlchemy Core sees them. The migrations make them; a test holds the two equal."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Double,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()
Moment = DateTime(timezone=True)


class Hexadecimal(TypeDecorator[str]):
    """Bytes in the table, hexadecimal text in the code: a hash takes 32 bytes of a row and not 64."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Text to bytes."""
        return None if value is None else bytes.fromhex(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Bytes to text."""
        return None if value is None else bytes(value).hex()


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

unsealed = Table(
    "unsealed",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("leaves", LargeBinary),
    Column("added_at", Moment),
    schema="work",
)

anchored = Table(
    "anchored",
    metadata,
    Column("place", Text, primary_key=True),
    Column("number", BigInteger),
    Column("anchored_at", Moment),
    schema="work",
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

vector = Table(
    "vector",
    metadata,
    Column("applicant_id", Text, primary_key=True),
    Column("fingerprint", Hexadecimal, primary_key=True),
    Column("cut_off", Moment),
    Column("newest_at", Moment),
    Column("fields", ARRAY(Double)),
    schema="online",
)

coverage = Table(
    "coverage",
    metadata,
    Column("fingerprint", Hexadecimal, primary_key=True),
    Column("source", Text),
    Column("cut_off", Moment),
    Column("running_cut_off", Moment),
    Column("running_after", Moment),
    Column("position", Text),
    Column("changed_at", Moment),
    schema="online",
)

score = Table(
    "score",
    metadata,
    Column("applicant_id", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("scored_at", Moment),
    Column("pd", Double),
    Column("points", BigInteger),
    Column("model", Text),
    Column("model_sha256", Hexadecimal),
    Column("evidence_sha256", Hexadecimal),
    Column("rule_values", JSONB),
    Column("amount", Double),
    schema="online",
)

fetch = Table(
    "fetch",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("source", Text),
    Column("applicant_id", Text),
    Column("caller", Text),
    Column("state", Text),
    Column("due_at", Moment),
    Column("attempts", BigInteger),
    Column("lease_until", Moment),
    Column("provider", Text),
    Column("result", Text),
    Column("error", Text),
    Column("asked_at", Moment),
    Column("done_at", Moment),
    schema="work",
)

reply = Table(
    "reply",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("source", Text),
    Column("provider", Text),
    Column("applicant_id", Text),
    Column("as_of", Moment),
    Column("document", LargeBinary),
    Column("received_at", Moment),
    Column("in_vectors_at", Moment),
    Column("in_history_at", Moment),
    schema="work",
)

breaker = Table(
    "breaker",
    metadata,
    Column("name", Text, primary_key=True),
    Column("state", Text),
    Column("generation", BigInteger),
    Column("rest_until", Moment),
    Column("probe_until", Moment),
    Column("probe_by", Text),
    Column("changed_at", Moment),
    schema="online",
)
