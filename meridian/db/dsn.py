"""A database URL in libpq's own words."""

from __future__ import annotations

from sqlalchemy.engine import make_url


def libpq_dsn(url: str) -> str:
    """`postgresql://app:x@db/meridian?sslmode=require` as `host='db' dbname='meridian' ... sslmode='require'`."""
    parsed = make_url(url)
    parts = {
        **parsed.query,
        "host": parsed.host or parsed.query.get("host"),
        "port": parsed.port or parsed.query.get("port"),
        "dbname": parsed.database,
        "user": parsed.username,
        "password": parsed.password,
    }
    quoted = {key: _text(value).replace("\\", "\\\\").replace("'", "\\'") for key, value in parts.items() if value}
    return " ".join(f"{key}='{value}'" for key, value in quoted.items())


def _text(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
