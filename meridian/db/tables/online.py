"""Ready values that a decision looks up."""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, Column, Double, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from meridian.db.tables.columns import Hexadecimal, Moment, metadata

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
