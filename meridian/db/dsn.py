"""A database URL in libpq's own words."""

from __future__ import annotations

from sqlalchemy.engine import make_url


def libpq_dsn(url: str) -> str:
    """`postgresql://app:x@db/meridian` as `host='db' dbname='meridian' user='app' password='x'`."""
    parsed = make_url(url)
    parts = {
        "host": parsed.host or parsed.query.get("host"),
        "port": parsed.port or parsed.query.get("port"),
        "dbname": parsed.database,
        "user": parsed.username,
        "password": parsed.password,
        "options": parsed.query.get("options"),
    }
    quoted = {key: str(value).replace("\\", "\\\\").replace("'", "\\'") for key, value in parts.items() if value}
    return " ".join(f"{key}='{value}'" for key, value in quoted.items())
