"""Models, who signed for them, and which of them decide."""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, Double, LargeBinary, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from meridian.db.tables.columns import Hexadecimal, Moment, metadata

model = Table(
    "model",
    metadata,
    Column("sha256", Hexadecimal, primary_key=True),
    Column("product", Text),
    Column("purpose", Text),
    Column("name", Text),
    Column("manifest", Text),
    Column("added_at", Moment),
    schema="registry",
)

file = Table(
    "file",
    metadata,
    Column("model_sha256", Hexadecimal, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("content", LargeBinary),
    schema="registry",
)

submission = Table(
    "submission",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("model_sha256", Hexadecimal),
    Column("owner", Text),
    Column("intended_use", Text),
    Column("data", Text),
    Column("data_sha256", Hexadecimal),
    Column("gates", JSONB),
    Column("submitted_by", Text),
    Column("submitted_at", Moment),
    schema="registry",
)

approval = Table(
    "approval",
    metadata,
    Column("submission_id", Uuid, primary_key=True),
    Column("waivers", JSONB),
    Column("note", Text),
    Column("approved_by", Text),
    Column("approved_at", Moment),
    schema="registry",
)

change = Table(
    "change",
    metadata,
    Column("product", Text, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("alias", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("model_sha256", Hexadecimal),
    Column("share", Double),
    Column("back", Boolean),
    Column("because", Text),
    Column("changed_by", Text),
    Column("changed_at", Moment),
    schema="registry",
)

shadow_score = Table(
    "shadow_score",
    metadata,
    Column("version_id", Uuid, primary_key=True),
    Column("model_sha256", Hexadecimal, primary_key=True),
    Column("application_id", Uuid),
    Column("pd", Double),
    Column("outcome", Text),
    Column("reason_codes", ARRAY(Text)),
    Column("scored_at", Moment),
    schema="registry",
)

registered_policy = Table(
    "policy",
    metadata,
    Column("sha256", Hexadecimal, primary_key=True),
    Column("product", Text),
    Column("version", Text),
    Column("document", Text),
    Column("added_at", Moment),
    schema="registry",
)

policy_submission = Table(
    "policy_submission",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("policy_sha256", Hexadecimal),
    Column("because", Text),
    Column("checks", JSONB),
    Column("submitted_by", Text),
    Column("submitted_at", Moment),
    schema="registry",
)

policy_approval = Table(
    "policy_approval",
    metadata,
    Column("submission_id", Uuid, primary_key=True),
    Column("note", Text),
    Column("approved_by", Text),
    Column("approved_at", Moment),
    schema="registry",
)

policy_change = Table(
    "policy_change",
    metadata,
    Column("product", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("policy_sha256", Hexadecimal),
    Column("effective_at", Moment),
    Column("back", Boolean),
    Column("because", Text),
    Column("changed_by", Text),
    Column("changed_at", Moment),
    schema="registry",
)

backtest = Table(
    "backtest",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product", Text),
    Column("policy_sha256", Hexadecimal),
    Column("against_sha256", Hexadecimal),
    Column("decisions", BigInteger),
    Column("document", JSONB),
    Column("made_by", Text),
    Column("made_at", Moment),
    schema="registry",
)
