"""Who may call and who may sign in."""

from __future__ import annotations

from sqlalchemy import ARRAY, Column, Table, Text

from meridian.db.tables.columns import Moment, metadata

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
