"""What is still to be done."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Identity, LargeBinary, Table, Text, Uuid

from meridian.db.tables.columns import Hexadecimal, Moment, metadata

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

exposure = Table(
    "exposure",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("application_id", Uuid),
    Column("version_id", Uuid),
    Column("product", Text),
    Column("band", Text),
    Column("month", Date),
    Column("cents", BigInteger),
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

batch = Table(
    "batch",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product", Text),
    Column("caller", Text),
    Column("name", Text),
    Column("input_sha256", Hexadecimal),
    Column("created_at", Moment),
    Column("arrived_at", Moment),
    Column("refused", Text),
    schema="work",
)

batch_part = Table(
    "batch_part",
    metadata,
    Column("batch_id", Uuid, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("first_row", BigInteger),
    Column("rows", BigInteger),
    Column("state", Text),
    Column("content", LargeBinary),
    Column("attempts", BigInteger),
    Column("lease_until", Moment),
    Column("error", Text),
    Column("created_at", Moment),
    Column("done_at", Moment),
    Column("decided", BigInteger),
    Column("rejected", BigInteger),
    Column("results", LargeBinary),
    Column("rejects", LargeBinary),
    schema="work",
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
